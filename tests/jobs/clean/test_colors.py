from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from jobs.clean.colors import to_rgb

RAMP = np.tile(np.linspace(0, 1, 64), (64, 1))


def opened(picture: Image.Image, kind: str, **options: object) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    found = Image.open(io.BytesIO(out.getvalue()))
    found.load()
    return found


def tiff(pixels: np.ndarray, tags: dict[int, int] | None = None) -> tuple[Image.Image, object]:
    found = opened(Image.fromarray(pixels), "TIFF", tiffinfo=tags or {})
    return found, found.tag_v2


def ends(picture: Image.Image) -> tuple[int, int]:
    return picture.getpixel((0, 0))[0], picture.getpixel((63, 0))[0]


def test_sixteen_bits_keep_their_brightness() -> None:
    wide = (RAMP * 65535).astype(np.uint16)
    assert ends(to_rgb(opened(Image.fromarray(wide), "PNG"))) == (0, 255)
    assert ends(to_rgb(*tiff(wide))) == (0, 255)
    assert ends(to_rgb(*tiff(wide, {262: 0}))) == (255, 0)


def test_integers_of_32_bits_need_a_stated_range() -> None:
    counts = (RAMP * 200).astype(np.int32)
    with pytest.raises(ValueError, match="integer pixels of 32 bits, whose brightness nothing states"):
        to_rgb(*tiff(counts))
    assert ends(to_rgb(*tiff(counts, {281: 200}))) == (0, 255)
    with pytest.raises(ValueError, match="floating-point pixels"):
        to_rgb(Image.fromarray(RAMP.astype(np.float32)))


def test_a_profile_is_applied_to_palettes_and_grey_with_alpha() -> None:
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey = Image.fromarray(np.full((64, 64), 128, np.uint8))
    for picture in (grey.convert("P"), grey.convert("LA"), grey.convert("RGBA"), grey):
        picture.info["icc_profile"] = linear
        assert to_rgb(picture).getpixel((9, 9)) == (128, 128, 128)


def test_the_gamma_of_a_png_is_that_of_the_picture() -> None:
    linear = Image.fromarray(np.full((64, 64), 55, np.uint8))
    linear.info["gamma"] = 1.0
    # 55 of 255 as light is 0.2157: 0.501 in sRGB.
    assert to_rgb(linear).getpixel((0, 0)) == (128, 128, 128)
    linear.info["srgb"] = 0
    assert to_rgb(linear).getpixel((0, 0)) == (55, 55, 55)


def test_a_transparent_grey_of_sixteen_bits_is_white() -> None:
    wide = np.full((64, 64), 1000, np.uint16)
    wide[:, 32:] = 30000
    picture = Image.fromarray(wide)
    picture.info["transparency"] = 1000
    assert ends(to_rgb(picture)) == (255, 116)
