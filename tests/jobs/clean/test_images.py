from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from jobs.clean.images import ImageParams, clean_images, patch_grid
from schemas.features import PATCH, image_positions


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8)).convert(mode)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()


def clean(files: list[bytes | None], **params: int) -> list[dict]:
    n = len(files)
    batch = pa.record_batch(
        {
            "sample_id": pa.array([f"{i:032x}" for i in range(n)]),
            "parent_ids": pa.array([[]] * n, pa.list_(pa.string())),
            "source": pa.array(["stamps"] * n),
            "license": pa.array(["GPL-2.0-only"] * n),
            "kind": pa.array(["drawing"] * n),
            "captions": pa.array([[("en", "a cat")]] * n, pa.map_(pa.string(), pa.string())),
            "width": pa.array([640] * n, pa.int32()),
            "height": pa.array([480] * n, pa.int32()),
            "image": pa.array(files, pa.binary()),
        }
    )
    return clean_images(batch, ImageParams(**params)).to_pylist()


def opened(row: dict) -> Image.Image:
    assert row["_reject"] is None, row["_reject"]
    return Image.open(io.BytesIO(row["image"]))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "RGB"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("PNG", "L"),
        ("PNG", "1"),
        ("GIF", "P"),
        ("WEBP", "RGB"),
        ("PNG", "LA"),
    ],
)
def test_every_picture_becomes_rgb_of_whole_patches(kind: str, mode: str) -> None:
    (row,) = clean([saved(picture(640, 480, mode), kind)])
    image = opened(row)
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (row["width"], row["height"]))
    assert image_positions(*image.size) <= 64
    assert (row["received_width"], row["received_height"]) == (640, 480)
    assert row["captions"] == [("en", "a cat")]


@settings(max_examples=300, deadline=None)
@given(st.integers(16, 9000), st.integers(16, 9000), st.integers(1, 100))
def test_the_grid_fits_and_keeps_the_shape(width: int, height: int, most: int) -> None:
    columns, rows = patch_grid(width, height, most)
    assert columns >= 1
    assert rows >= 1
    assert columns * rows <= most
    assert columns * PATCH <= 2 * width
    assert rows * PATCH <= 2 * height
    if most >= 64 and 1 / 3 < width / height < 3 and min(width, height) >= 256:
        assert abs(np.log(columns / rows * height / width)) < 0.12
        # A picture that has enough pixels uses most of the patches; a smaller one is not blown up for it.
        if (width // PATCH) * (height // PATCH) >= most:
            assert columns * rows >= 0.7 * most


def test_a_grid_that_fits_exactly_is_taken() -> None:
    assert patch_grid(256, 256, 64) == (8, 8)
    assert patch_grid(4000, 2000, 32) == (8, 4)
    assert patch_grid(64, 96, 64) == (2, 3)


def test_metadata_does_not_survive() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "SecretComment")
    rows = clean(
        [
            saved(picture(64, 64), "JPEG", exif=exif, comment=b"SecretComment"),
            saved(picture(64, 64), "PNG", pnginfo=text, exif=exif, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()),
        ]
    )  # fmt: skip
    for row in rows:
        assert b"Secret" not in row["image"]
        assert opened(row).info == {}
        assert dict(opened(row).getexif()) == {}


def test_pictures_are_turned_upright() -> None:
    image = Image.new("RGB", (128, 64), "blue")
    image.paste("red", (0, 0, 64, 64))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees clockwise
    (row,) = clean([saved(image, "PNG", exif=exif)])
    turned = opened(row)
    assert turned.size == (64, 128)
    assert turned.getpixel((32, 10)) == (255, 0, 0)
    assert turned.getpixel((32, 118)) == (0, 0, 255)


def test_transparency_is_laid_on_white() -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    clear.paste((0, 128, 0, 255), (0, 0, 32, 64))
    paletted = Image.new("P", (64, 64), 1)
    paletted.putpalette([0, 0, 0, 10, 20, 30])
    (first, second) = clean([saved(clear), saved(paletted, transparency=1)])
    assert opened(first).getpixel((60, 32)) == (255, 255, 255)
    assert opened(first).getpixel((4, 32)) == (0, 128, 0)
    assert opened(second).getpixel((32, 32)) == (255, 255, 255)


def test_sixteen_bits_keep_their_brightness() -> None:
    grey = Image.fromarray(np.full((64, 64), 0x8080, np.uint16))
    (row,) = clean([saved(grey)])
    assert opened(row).getpixel((5, 5)) == (0x80, 0x80, 0x80)


def test_small_pictures_are_not_blown_up() -> None:
    (row,) = clean([saved(picture(40, 40))])
    assert (row["width"], row["height"]) == (32, 32)


def test_equal_input_gives_equal_bytes() -> None:
    data = saved(picture(300, 200), "JPEG")
    first, second = clean([data, data])
    assert first["image"] == second["image"]


def test_bad_pictures_are_rejected_with_their_reason() -> None:
    whole = saved(picture(256, 256), "JPEG")
    rows = clean(
        [
            b"",
            None,
            b"not a picture",
            whole[: len(whole) // 2],
            saved(picture(15, 64)),
            saved(picture(400, 400)),
            whole,
        ],
        max_pixels=100_000,
    )
    wanted = ["empty", "empty", "cannot be decoded", "cannot be decoded", "narrower", "more than", None]
    for row, reason in zip(rows, wanted, strict=True):
        assert (row["_reject"] is None) if reason is None else (reason in row["_reject"]), row["_reject"]
        assert "0x" not in (row["_reject"] or "")


def test_no_interpreter_is_started_for_a_picture() -> None:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n%%EOF\n"
    (row,) = clean([postscript])
    assert "cannot be decoded" in row["_reject"]
