"""Landed pictures become RGB, upright, scaled to whole patches, and free of metadata.

What a camera wrote beside the pixels (position, time, serial number, owner) must not survive, so the
picture is re-encoded from its pixels alone.
"""

from __future__ import annotations

import functools
import io
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.clean.colors import to_rgb
from lakehouse.declare.flow import REJECT, flow
from lakehouse.declare.reads import read
from schemas.features import PATCH
from schemas.images import FORMATS, images, landed_images
from schemas.lineage import LINEAGE_NAMES

if TYPE_CHECKING:
    from PIL.Image import Image

_CARRIED = (*LINEAGE_NAMES, "kind", "captions")
_MAX_UPSCALE = 2

# How much a loss of size counts against a distortion, both as logarithms of a ratio: 4 % of the area
# are worth 1 % of the aspect ratio.
_SIZE_WEIGHT = 0.25


@dataclass(frozen=True, slots=True)
class ImageParams:
    """How large a picture may become.

    Args:
        max_patches: Most patches of a picture, so most input positions that it takes.
        max_pixels: Pictures with more pixels are not decoded.
        max_bytes: Files above this size are not opened.
    """

    max_patches: int = 64
    max_pixels: int = 80_000_000
    max_bytes: int = 64 << 20


@flow(
    id="jobs.clean.images.clean_images",
    writes=images,
    reads={"images": read(landed_images, columns=[*_CARRIED, "width", "height", "image"])},
    params=ImageParams,
    batch_rows=32,
    batch_seconds=300,
    reject_tolerance=1.0,
)
def clean_images(batch: pa.RecordBatch, params: ImageParams) -> pa.RecordBatch:
    """Turn each picture upright, flatten it onto white, scale it to whole patches and write it as a bare PNG."""
    files: list[bytes | None] = []
    sizes: list[tuple[int | None, int | None]] = []
    reasons: list[str | None] = []
    for value in batch.column("image"):
        try:
            with guarded("the picture cannot be decoded"):
                picture = to_picture(value.as_buffer(), params)
                files.append(encode(picture))
            sizes.append(picture.size)
            reasons.append(None)
        except RejectedError as reason:
            files.append(None)
            sizes.append((None, None))
            reasons.append(str(reason))
    return pa.record_batch(
        {
            **{name: batch.column(name) for name in _CARRIED},
            "received_width": batch.column("width"),
            "received_height": batch.column("height"),
            "width": pa.array([width for width, _ in sizes], pa.int32()),
            "height": pa.array([height for _, height in sizes], pa.int32()),
            "image": pa.array(files, pa.binary()),
            REJECT: pa.array(reasons, pa.string()),
        }
    )


def to_picture(data: pa.Buffer | None, params: ImageParams) -> Image:
    """Decode a picture of any format that Pillow reads, the first frame where there are several.

    Args:
        data: The file's bytes, None where there are none.
        params: Limits.

    Returns:
        An RGB picture whose sides are multiples of the patch.

    Raises:
        RejectedError: If it cannot be decoded or used; the message is the reason.
    """
    from PIL import Image, ImageOps

    if data is None or data.size == 0:
        raise RejectedError("the picture is empty")
    if data.size > params.max_bytes:
        raise RejectedError(f"the file is larger than {params.max_bytes} bytes")
    with guarded("the picture cannot be decoded"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd EXIF and of size, which is checked here
        received = Image.open(io.BytesIO(data), formats=FORMATS)
        _require_size(received, params)
        received.load()
        tags = getattr(received, "tag_v2", None)
        rgb = to_rgb(ImageOps.exif_transpose(received), tags)
        columns, rows = patch_grid(rgb.width, rgb.height, params.max_patches)
        return rgb.resize((columns * PATCH, rows * PATCH), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _require_size(picture: Image, params: ImageParams) -> None:
    if picture.width * picture.height > params.max_pixels:
        raise RejectedError(f"the picture has more than {params.max_pixels} pixels")
    if 2 * min(picture.size) < PATCH:
        raise RejectedError(f"the picture is narrower than {PATCH // _MAX_UPSCALE} px")


@functools.lru_cache(maxsize=4096)
def patch_grid(width: int, height: int, max_patches: int) -> tuple[int, int]:
    """Choose the grid of patches that a picture is scaled to.

    Of all grids that fit, the one with the least of distortion (log of the change of the aspect ratio) plus
    a quarter of the change of size (log of the ratio of areas, to the picture's own area or the most allowed).

    Args:
        width: Width in px, at least half a patch.
        height: Height in px, at least half a patch.
        max_patches: Most patches.

    Returns:
        Columns and rows, both at least 1; their product is at most `max_patches`, and neither side of the
        scaled picture is more than twice as long as it was.
    """
    columns, rows = np.meshgrid(np.arange(1, max_patches + 1), np.arange(1, max_patches + 1))
    fits = columns * rows <= max_patches
    fits &= (columns * PATCH <= _MAX_UPSCALE * width) & (rows * PATCH <= _MAX_UPSCALE * height)
    columns, rows = columns[fits], rows[fits]
    area = min(width * height / PATCH**2, max_patches)
    distortion = np.abs(np.log(columns / rows) - math.log(width / height))
    cost = distortion + _SIZE_WEIGHT * np.abs(np.log(columns * rows / area))
    best = int(np.argmin(np.round(cost, 12)))
    return int(columns[best]), int(rows[best])


def encode(picture: Image) -> bytes:
    """Return an RGB picture as PNG, made from its pixels alone."""
    from PIL import Image

    bare = Image.frombytes("RGB", picture.size, picture.tobytes())
    out = io.BytesIO()
    bare.save(out, format="PNG", compress_level=6)
    return out.getvalue()
