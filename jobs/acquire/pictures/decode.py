"""Decode a picture whole, within bounds: what its format states of its end first, then each frame."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.pictures import gif, jpeg, png, tiff
from schemas.images import FORMATS

if TYPE_CHECKING:
    from PIL.Image import Image

_CHECKS: dict[str, Callable[[bytes], int]] = {"PNG": png.check, "GIF": gif.check, "TIFF": tiff.check}


def whole(data: bytes, most_pixels: int) -> tuple[Image, int]:
    """Return a picture, its first frame decoded, and the number of its frames.

    Args:
        data: The file.
        most_pixels: Pixels above which it is refused before it is decoded; further frames are decoded, to know that
            they are whole, as far as all of them together have so many.

    Raises:
        RejectedError: If it is no picture of a format that is read, is too large, cut off or damaged.
    """
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise RejectedError("the file is empty")
    with guarded("not a whole picture"), warnings.catch_warnings():
        # Pillow warns of damaged EXIF data, and of 89 million pixels and more; our guard is `most_pixels`.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
        except UnidentifiedImageError as error:
            raise RejectedError(f"not a picture in one of {', '.join(FORMATS)}") from error
        width, height = picture.size
        if width * height > most_pixels:
            raise RejectedError(f"{width} x {height} px, more than {most_pixels} in all")
        check = _CHECKS.get(picture.format or "")
        frames = check(data) if check else 0
        if data.startswith(jpeg.MAGIC):
            jpeg.check(data)
        frames = frames or getattr(picture, "n_frames", 1)
        for number in range(1, min(frames, most_pixels // (width * height))):
            picture.seek(number)
            picture.load()
        if frames > 1:
            picture.seek(0)
        picture.load()
    return picture, frames
