"""Pixels of any format as 8-bit sRGB: wide samples by the range that the file states, profiles, gamma, transparency."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jobs.acquire.file_guard import RejectedError

if TYPE_CHECKING:
    from PIL.Image import Image

_WHITE = (255, 255, 255, 255)
# Tags of TIFF 6.0: bits a sample, photometric interpretation (0: zero is white), least and largest sample.
_BITS, _PHOTOMETRIC = 258, 262
_RANGES = ((340, 341), (280, 281))
_SRGB_GAMMA = 0.45455
_PROFILE_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}


def to_rgb(picture: Image, tags: Mapping[int, Any] | None = None) -> Image:
    """Return a picture of any pixel format as sRGB, transparency laid on white.

    Args:
        picture: As Pillow decoded it.
        tags: Those of a TIFF; None for other formats.

    Raises:
        RejectedError: If nothing states how bright its samples are.
    """
    from PIL import Image

    if picture.mode == "F":
        raise RejectedError("floating-point pixels, whose brightness nothing states")
    info: dict[Any, Any] = dict(picture.info)
    if picture.mode.startswith("I"):
        picture = _narrow(picture, tags)
    elif picture.has_transparency_data:
        # A palette becomes RGBA first, so that transparency is by colour and not by index.
        is_grey = picture.mode in {"1", "L", "LA", "La"}
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer).convert("L" if is_grey else "RGB")
    elif picture.mode in {"P", "PA"}:
        picture = picture.convert("RGB")
    if info.get("icc_profile"):
        return _by_profile(picture, info["icc_profile"])
    rgb = picture.convert("RGB")
    gamma = info.get("gamma") if "srgb" not in info else None
    if isinstance(gamma, int | float) and 0.01 < gamma < 10 and abs(gamma - _SRGB_GAMMA) > 0.01:
        rgb = rgb.point(_srgb_by_gamma(gamma) * 3)
    return rgb


def _narrow(picture: Image, tags: Mapping[int, Any] | None) -> Image:
    """Return samples of more than 8 bits as 8 bits; Pillow's own conversion would cut off the high ones."""
    from PIL import Image

    wide = np.asarray(picture).astype(np.float64)
    low, high = _stated_range(tags, picture.mode) if tags is not None else (0.0, 65535.0)
    light = np.clip((wide - low) / (high - low), 0.0, 1.0)
    if tags is not None and tags.get(_PHOTOMETRIC) == 0:
        light = 1.0 - light
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        light[wide == clear] = 1.0
    return Image.fromarray(np.floor(light * 255.0 + 1e-9).astype(np.uint8))


def _stated_range(tags: Mapping[int, Any], mode: str) -> tuple[float, float]:
    """Return the samples of black and white in a TIFF: as it states, or by its bits where these are 16 at most."""
    for least, largest in _RANGES:
        low, high = _number(tags.get(least)), _number(tags.get(largest))
        if high is not None and high > (low or 0.0):
            return low or 0.0, high
    bits = _number(tags.get(_BITS)) or 16.0
    if mode == "I" or bits > 16:
        raise RejectedError(f"integer pixels of {bits:.0f} bits, whose brightness nothing states")
    return 0.0, 2.0**bits - 1.0


def _number(value: Any) -> float | None:
    first = value[0] if isinstance(value, tuple) and value else value
    return float(first) if isinstance(first, int | float) else None


def _by_profile(picture: Image, profile: bytes) -> Image:
    """Apply an embedded colour profile, which would be lost with the metadata; a broken or alien one is ignored."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _PROFILE_MODES.get(source.profile.xcolor_space.strip(), "")
        if mode and (picture.mode == mode or (picture.mode in {"1", "L"} and mode == "RGB")):
            matching = picture if picture.mode == mode else picture.convert(mode)
            converted = ImageCms.profileToProfile(matching, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    except (ImageCms.PyCMSError, OSError, ValueError):
        pass
    return picture.convert("RGB")


def _srgb_by_gamma(gamma: float) -> list[int]:
    """Return 256 levels of sRGB for levels that are light to the power of `gamma` (PNG's chunk gAMA)."""
    light = (np.arange(256) / 255.0) ** (1.0 / gamma)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return [int(level) for level in np.rint(encoded * 255)]
