"""Pictures to ids: one placeholder for each patch, then one caption."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.chance import evaluate
from jobs.tokenize.captions import CAPTION_LANGUAGES, caption_tag
from jobs.tokenize.media import Media, MediaParams, media_rows
from jobs.tokenize.rows import TABLE, models
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import tagged
from schemas.features import IMAGE as IMAGE_SPEC
from schemas.features import PATCH, image_positions
from schemas.images import IMAGE
from schemas.samples import image_tokens


@dataclass(frozen=True, slots=True)
class ImageTokenParams(MediaParams):
    """How pictures are tokenised.

    Args:
        languages: Languages of the caption, each as likely where a picture has it; see `jobs.tokenize.captions`.
    """

    languages: tuple[str, ...] = CAPTION_LANGUAGES


@flow(
    id="jobs.tokenize.images.tokenize_images",
    writes=image_tokens,
    reads={"images": tagged("images", columns=(*(c for c in IMAGE if c.name != "image"), TABLE))},
    params=ImageTokenParams,
    # Pictures without a caption are common and no fault of the others.
    reject_tolerance=1.0,
    models=models,
    tags=["tokenize"],
)
def tokenize_images(batch: pa.RecordBatch, params: ImageTokenParams) -> pa.RecordBatch:
    """Tokenise pictures from their size and one caption; the pixels are never opened."""
    width = batch.column("width").to_numpy(zero_copy_only=False).astype(np.int64)
    height = batch.column("height").to_numpy(zero_copy_only=False).astype(np.int64)
    positions = image_positions(width, height)
    fields = pa.table({"id": batch.column("sample_id"), "captions": batch.column("captions")})
    tag = caption_tag("captions", "id", params.languages, params.seed, "duckdb")
    caption = evaluate(fields, f"captions[{tag}]")
    rejected = np.full(batch.num_rows, None, dtype=object)
    rejected[pc.is_null(caption).to_numpy(zero_copy_only=False)] = "has no caption"
    rejected[positions == 0] = f"is not made of {PATCH} px patches"
    columns = (np.where(positions > 0, width, 0) // PATCH).astype(np.int32)
    media = Media("image", pa.repeat("caption", batch.num_rows), IMAGE_SPEC, positions, positions, columns)
    return media_rows(batch, media, caption, params, rejected)
