"""What is measured of each document: its language and the published quality signals, as columns.

Nothing is dropped here; a policy decides on the columns, and may be replayed without reading a text again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.assets import asset, asset_digest
from jobs.package_data import package_digest
from jobs.score.language import Models, languages
from jobs.score.language_models import WIDE
from jobs.score.rules.abstain import abstaining
from jobs.score.rules.c4 import c4
from jobs.score.rules.code import code
from jobs.score.rules.fineweb import fineweb
from jobs.score.rules.gopher import quality
from jobs.score.rules.letters_per_word import letters_as_words
from jobs.score.rules.measured import measure
from jobs.score.rules.numbers import numbers
from jobs.score.rules.repetition import repetition
from jobs.text.data_files import LANGUAGE_FACTS
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import tagged
from lakehouse.errors import ConfigError, FlowError
from schemas.documents import DOCUMENT, document_scores
from schemas.lineage import LINEAGE_NAMES

LID = "lid.176.ftz"


@dataclass(frozen=True, slots=True)
class ScoreParams:
    """Parameters of document scores.

    Args:
        lid_model: A fastText model of languages; empty for lid.176.
        wide_model: A fastText model of more of them, labelled "shn-Mymr"; empty for the one that comes along.
        lid_passages: Passages of each document whose language is looked at.
        lid_bytes: Bytes of a passage at most.
    """

    lid_model: str = field(default="", metadata={"file": True})
    wide_model: str = field(default="", metadata={"file": True})
    lid_passages: int = 16
    lid_bytes: int = 480

    def __post_init__(self) -> None:
        """Refuse a sample that is too short to say anything."""
        if self.lid_bytes < 80:
            raise FlowError(f"lid_bytes is {self.lid_bytes}", "give the language model 80 bytes or more")
        if self.lid_passages < 1:
            raise FlowError(f"lid_passages is {self.lid_passages}", "look at one passage or more")


def _wide(params: ScoreParams) -> Path:
    return Path(params.wide_model).expanduser() if params.wide_model else WIDE


def _models(params: ScoreParams) -> Mapping[str, str]:
    wide = _wide(params)
    if params.wide_model and not wide.is_file():
        raise ConfigError(f"wide_model: {wide} does not exist", "correct the path, or leave it empty")
    return {
        LID: asset_digest(LID, params.lid_model),
        WIDE.name: package_digest(wide),
        LANGUAGE_FACTS.name: package_digest(LANGUAGE_FACTS),
    }


@flow(
    id="jobs.score.documents.score_documents",
    writes=document_scores,
    reads={"documents": tagged("documents", columns=DOCUMENT)},
    params=ScoreParams,
    models=_models,
    tags=("score",),
)
def score_documents(batch: pa.RecordBatch, params: ScoreParams) -> pa.RecordBatch:
    """Measure each document.

    Code keeps the programming language that its source states; the language of the rest is found from its source's
    hint, its script and two models (`jobs.score.language`).

    Args:
        batch: Rows of the union of documents.
        params: See `ScoreParams`.

    Returns:
        Rows of silver.document_scores, one for each document.
    """
    from jobs.text import lines
    from jobs.text.information import information

    text = batch.column("text")
    measured = measure(text)
    hint = batch.column("language_hint")
    is_code = pc.fill_null(pc.equal(batch.column("modality"), "code"), False)
    lid = asset(LID, params.lid_model)
    asked = Models(str(lid), str(_wide(params)), params.lid_passages, params.lid_bytes)
    found = languages(text, pc.if_else(is_code, pa.scalar(None, hint.type), hint), asked)
    stated = pc.and_(is_code, pc.is_valid(hint))
    script = found.script.to_pylist()
    n_words = np.diff(measured.places)
    letters = letters_as_words(text, script, n_words)
    columns = {
        **{name: batch.column(name) for name in LINEAGE_NAMES},
        "language": pc.if_else(stated, pc.fill_null(hint, "und"), found.language),
        "language_score": np.where(stated.to_numpy(zero_copy_only=False), 1.0, found.score),
        "language_shares": found.shares,
        "script": found.script,
        "n_chars": measured.counts[:, lines.CHARS],
        "n_words": measured.counts[:, lines.WORDS],
        "n_lines": measured.counts[:, lines.LINES],
        "information": information(text, measured.counts[:, lines.CHARS]),
        **abstaining(
            {**quality(measured), **repetition(measured, letters.per_word), **c4(measured), **fineweb(measured)},
            script,
            found.language.to_pylist(),
            letters,
            n_words,
            measured.counts[:, lines.LINES],
        ),
        **code(measured),
        **numbers(measured),
    }
    schema = pa.schema([item for item in document_scores.schema if item.name in columns])
    arrays = [pa.array(columns[item.name], item.type) for item in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
