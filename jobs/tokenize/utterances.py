"""Speech to ids: one placeholder for each 80 ms of log-mel frames, then its text, marked by what it is to the sound."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.tokenize.media import Media, MediaParams, media_rows
from jobs.tokenize.rows import TABLE, models
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import tagged
from schemas.features import SPEECH, speech_positions
from schemas.samples import utterance_tokens
from schemas.utterances import UTTERANCE, VERBATIM


@flow(
    id="jobs.tokenize.utterances.tokenize_utterances",
    writes=utterance_tokens,
    reads={"utterances": tagged("utterances", columns=(*(c for c in UTTERANCE if c.name != "audio"), TABLE))},
    params=MediaParams,
    models=models,
    tags=["tokenize"],
)
def tokenize_utterances(batch: pa.RecordBatch, params: MediaParams) -> pa.RecordBatch:
    """Tokenise utterances from their length and text; the sound is never opened.

    Only the words spoken are marked as a transcript; a caption or a title is marked as a caption.
    """
    samples = batch.column("n_samples").to_numpy(zero_copy_only=False).astype(np.int64)
    words = pc.if_else(pc.equal(batch.column("relation"), VERBATIM), "transcript", "caption")
    media = Media("speech", words, SPEECH, speech_positions(samples), samples)
    return media_rows(batch, media, batch.column("transcript"), params)
