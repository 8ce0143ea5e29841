"""What can be measured of a picture: size, sharpness, entropy, a perceptual hash and a colour signature.

Measured at the stored size, whose area is about the same for all pictures, so that sharpness does not
depend on the camera's resolution.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jobs.acquire.file_guard import RejectedError, guarded
from lakehouse.declare.flow import REJECT, NoParams, flow
from lakehouse.declare.reads import tagged
from schemas.images import IMAGE, image_scores
from schemas.lineage import LINEAGE_NAMES

if TYPE_CHECKING:
    from PIL.Image import Image

_WANTED = (*LINEAGE_NAMES, "received_width", "received_height", "image")
_THUMBNAIL = 8
_DETAIL = 64


@flow(
    id="jobs.score.images.score_images",
    writes=image_scores,
    reads={"images": tagged("images", columns=[column for column in IMAGE if column.name in _WANTED])},
    batch_rows=128,
)
def score_images(batch: pa.RecordBatch, params: NoParams) -> pa.RecordBatch:  # noqa: ARG001 - an operator's shape
    """Measure each picture; reject what cannot be decoded."""
    measured: list[tuple[float, float, str, bytes, bytes] | tuple[None, ...]] = []
    reasons: list[str | None] = []
    for image in batch.column("image"):
        try:
            with guarded("the picture cannot be decoded"):
                measured.append(measure(_decode(image.as_buffer())))
            reasons.append(None)
        except RejectedError as reason:
            measured.append((None,) * 5)
            reasons.append(str(reason))
    sharpness, entropy, hashes, thumbnails, details = zip(*measured, strict=True) if measured else ((),) * 5
    return pa.record_batch(
        {
            **{name: batch.column(name) for name in LINEAGE_NAMES},
            "width": batch.column("received_width"),
            "height": batch.column("received_height"),
            "sharpness": pa.array(sharpness, pa.float64()),
            "entropy": pa.array(entropy, pa.float64()),
            "phash": pa.array(hashes, pa.string()),
            "thumbnail": pa.array(thumbnails, pa.binary()),
            "detail": pa.array(details, pa.binary()),
            REJECT: pa.array(reasons, pa.string()),
        }
    )


def measure(picture: Image) -> tuple[float, float, str, bytes, bytes]:
    """Measure an RGB picture.

    Returns:
        Variance of the Laplacian of its luma (levels of 0 to 255, squared); entropy of its luma histogram in
        bits, 0 to 8; 64-bit perceptual hash, 16 hex digits: the signs of the 8 x 8 lowest DCT coefficients of
        its 32 x 32 luma against their median; mean colours of 8 x 8 cells and of 64 x 64, RGB, row by row.
    """
    import imagehash
    from PIL import Image

    luma = np.asarray(picture.convert("L"))
    counts = np.bincount(luma.ravel(), minlength=256)
    shares = counts[counts > 0] / luma.size
    entropy = max(0.0, float(-np.sum(shares * np.log2(shares))))
    cells, fine = (picture.resize((side, side), Image.Resampling.BOX).tobytes() for side in (_THUMBNAIL, _DETAIL))
    return laplacian_variance(luma), entropy, str(imagehash.phash(picture)), cells, fine


def laplacian_variance(luma: np.ndarray) -> float:
    """Return the variance of the 4-neighbour Laplacian over the inner pixels of uint8 [height, width].

    Pech-Pacheco et al. (2000), "Diatom autofocusing in brightfield microscopy": low where a picture is blurred.
    """
    wide = luma.astype(np.float32)
    edges = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * wide[1:-1, 1:-1]
    return float(edges.var(dtype=np.float64)) if edges.size else 0.0


def _decode(data: pa.Buffer | None) -> Image:
    from PIL import Image

    if data is None or data.size == 0:
        raise RejectedError("the picture is empty")
    return Image.open(io.BytesIO(data), formats=("PNG",)).convert("RGB")
