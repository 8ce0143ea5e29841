from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from jobs.acquire.images import ImagesParams, images
from schemas.images import landed_images as table
from tests.jobs.acquire.landed import together


@pytest.fixture
def land(world):
    def run(params=None, **said):
        return together(images(world.good(modality="image", exclude=["*.txt"], **said), params or ImagesParams()))

    return run


def bomb(width, height):
    """A PNG that declares a size of which it holds nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def test_a_picture_lands_as_received_with_its_captions(world, land, make_picture):
    data = make_picture("PNG", (24, 16))
    world.put("lion.png", data)
    world.put("lion.txt", "A lion.\nfr.utf8=Un lion.\n")
    row = land(neighbour={"format": "tagged-lines"}).to_pylist()[0]
    assert row["_reject"] is None
    assert (row["format"], row["mode"], row["width"], row["height"]) == ("PNG", "RGB", 24, 16)
    assert dict(row["captions"]) == {"en": "A lion.", "fr": "Un lion."}
    assert row["image"] == data
    assert all(row[name] is not None for name in table.required)


def test_exif_gps_and_text_become_metadata(world, land, make_picture):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker", "Camera 1"
    exif.get_ifd(0x8769)[0x829D] = 5.6
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 30.0, 0.0)})
    world.put("photo.jpg", make_picture("JPEG", exif=exif, comment=b"a comment"))
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Ada\0")
    text.add_itxt("Title", "Grüße")
    world.put("drawing.png", make_picture("PNG", pnginfo=text))
    drawing, photo = (dict(row["metadata"]) for row in land().to_pylist())
    assert photo["exif:Make"] == "Maker"
    assert photo["exif:Model"] == "Camera 1"
    assert photo["exif:FNumber"] == "5.6"
    assert photo["gps:GPSLatitudeRef"] == "N"
    assert photo["gps:GPSLatitude"].startswith("48")
    assert photo["text:comment"] == "a comment"
    assert drawing["text:Title"] == "Grüße"


def test_damaged_exif_makes_no_bad_picture(world, land, make_picture):
    world.put("photo.jpg", make_picture("JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\x99" * 40))
    row = land().to_pylist()[0]
    assert row["_reject"] is None
    assert row["width"] == 24


def test_what_is_no_whole_picture_is_rejected(world, land, make_picture, rejects):
    whole = make_picture("PNG", (64, 64))
    for name, data in (
        ("empty.png", b""),
        ("truncated.png", whole[: len(whole) // 2]),
        ("truncated.jpg", make_picture("JPEG", (64, 64))[:-600]),
        ("text.png", b"no picture"),
        ("bomb.png", bomb(60_000, 60_000)),
        ("large.png", make_picture("PNG", (100, 101))),
        ("good.png", whole),
    ):
        world.put(name, data)
    found = rejects(land(ImagesParams(most_pixels=10_000)))
    assert set(found) == {
        f"folder:mine/{name}.{kind}"
        for name, kind in [
            ("empty", "png"),
            ("truncated", "png"),
            ("truncated", "jpg"),
            ("text", "png"),
            ("bomb", "png"),
            ("large", "png"),
        ]
    }
    assert found["folder:mine/empty.png"] == "the file is empty"
    assert found["folder:mine/text.png"].startswith("not a picture in one of PNG, JPEG, ")
    assert found["folder:mine/large.png"] == "100 x 101 px, more than 10000 in all"
    assert found["folder:mine/truncated.png"].startswith("not a whole picture: ")


def test_transparency_and_palettes_land_as_they_are(world, land):
    for mode in ("RGBA", "P", "L", "1"):
        out = io.BytesIO()
        Image.new(mode, (20, 20)).save(out, "PNG")
        world.put(f"{mode}.png", out.getvalue())
    assert sorted(row["mode"] for row in land().to_pylist()) == ["1", "L", "P", "RGBA"]


def test_no_interpreter_is_started_for_what_a_picture_claims_to_be(world, land, rejects):
    world.put("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    assert "not a picture in one of PNG" in next(iter(rejects(land()).values()))


@pytest.mark.parametrize("kind", ["AVIF", "JPEG", "PNG", "WEBP", "TIFF", "GIF"])
def test_damaged_pictures_are_set_aside_whatever_the_decoder_raises(world, land, make_picture, kind):
    chance = random.Random(kind)
    whole = make_picture(kind, (64, 48))
    for number in range(60):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        world.put(f"{number}.{kind.lower()}", bytes(data))
    rows = land().to_pylist()
    assert len(rows) == 60
    assert any(row["_reject"] for row in rows) or kind == "GIF"
    assert all((row["image"] is None) == bool(row["_reject"]) for row in rows)
    assert all(row["content_id"] for row in rows)
