"""Rows of a token table from ragged ids: what the three families share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.assets import asset_digest
from jobs.tokenize.ragged import Ragged
from jobs.tokenize.vocabulary import DECLARED, VocabularyParams, load_vocabulary
from lakehouse.declare.flow import REJECT
from schemas.lineage import LINEAGE_NAMES
from schemas.samples import MEDIUM

# The engine adds the name of the table that a row of a union comes from.
TABLE = "_table"


@dataclass(frozen=True, slots=True)
class TokenParams(VocabularyParams):
    """How samples are tokenised.

    Args:
        vocabulary: The declaration.
        ranks: One's own copy of ``qwen.tiktoken``; empty for the pinned one.
        max_tokens: A longer sample is quarantined; packing cuts what is longer than a row.
    """

    vocabulary: str = field(default=DECLARED, metadata={"file": True})
    ranks: str = field(default="", metadata={"file": True})
    max_tokens: int = 1 << 24


def models(params: VocabularyParams) -> Mapping[str, str]:
    """Return the digest of the rank file."""
    return {"qwen.tiktoken": asset_digest("qwen.tiktoken", params.ranks)}


def no_media(rows: int) -> pa.Array:
    """Return empty lists of media [rows]."""
    empty = pa.array([], MEDIUM)
    return pa.ListArray.from_arrays(pa.array(np.zeros(rows + 1, np.int32)), empty)


def token_rows(  # noqa: PLR0913, PLR0917 - a row has as many parts
    batch: pa.RecordBatch,
    modality: pa.Array,
    ids: Ragged,
    parts: pa.Array,
    media: pa.Array,
    params: TokenParams,
    rejected: npt.NDArray[np.object_] | None = None,
) -> pa.RecordBatch:
    """Return the rows of a token table.

    Args:
        batch: Lineage columns and ``_table`` [n].
        modality: string [n].
        ids: [n].
        parts: list<int32> [n].
        media: list<MEDIUM> [n].
        params: Names the vocabulary and the longest sample.
        rejected: Reasons [n], None for a good row.
    """
    reasons = np.full(len(ids.lengths), None, dtype=object) if rejected is None else rejected.copy()
    long = (ids.lengths > params.max_tokens) & (reasons == None)  # noqa: E711 - elementwise
    reasons[long] = f"has more than {params.max_tokens} tokens (max_tokens)"
    label = load_vocabulary(params.vocabulary).label(params.ranks)
    columns = {name: batch.column(name) for name in LINEAGE_NAMES}
    return pa.RecordBatch.from_pydict(
        columns
        | {
            "table": batch.column("_table"),
            "modality": modality,
            "n_tokens": pa.array(ids.lengths.astype(np.int32)),
            "tokens": ids.binary(),
            "parts": parts,
            "media": media,
            "tokenizer": pa.repeat(label, batch.num_rows),
            REJECT: pa.array(reasons, pa.string()),
        }
    )
