"""MinHash signatures of documents, as band keys: what the search for near duplicates reads instead of text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lakehouse.declare.flow import flow
from lakehouse.declare.reads import tagged
from lakehouse.errors import FlowError
from schemas.documents import DOCUMENT, document_signatures
from schemas.identity import content_ids
from schemas.lineage import LINEAGE_NAMES


@dataclass(frozen=True, slots=True)
class SignatureParams:
    """Parameters of signatures.

    Args:
        bands: Bands; more find more pairs, at more keys a document.
        rows: Hash functions a band; more find fewer pairs of low similarity. A pair of similarity s shares a band
            with the probability 1 - (1 - s^rows)^bands: 0.998 at 0.8 and 0.980 at 0.75 with 20 bands of 6 rows.
        shingle: Words a shingle; a Chinese character or kana is a word.
    """

    bands: int = 20
    rows: int = 6
    shingle: int = 5

    def __post_init__(self) -> None:
        """Refuse numbers that make no signature."""
        if min(self.bands, self.rows, self.shingle) < 1:
            raise FlowError("bands, rows and shingle must be 1 or more", "leave them out for the usual 20, 6 and 5")


@flow(
    id="jobs.dedup.signatures.sign_documents",
    writes=document_signatures,
    reads={"documents": tagged("documents", columns=DOCUMENT)},
    params=SignatureParams,
    tags=("dedup",),
)
def sign_documents(batch: pa.RecordBatch, params: SignatureParams) -> pa.RecordBatch:
    """Sign each document.

    Args:
        batch: Rows of the union of documents.
        params: See `SignatureParams`.

    Returns:
        Rows of silver.document_signatures, one for each document.
    """
    from jobs.dedup.minhash import band_keys, signatures

    text = batch.column("text")
    signature, shingles = signatures(text, params.bands * params.rows, params.shingle)
    signed = shingles > 0
    keys = band_keys(signature[signed], params.bands, params.rows)
    offsets = np.concatenate([[0], np.cumsum(np.where(signed, params.bands, 0))]).astype(np.int32)
    columns = {
        **{name: batch.column(name) for name in LINEAGE_NAMES},
        "content_id": content_ids(text),
        "n_shingles": pa.array(shingles.astype(np.int32)),
        "bands": pa.ListArray.from_arrays(pa.array(offsets), pa.array(keys.ravel())),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
