"""MinHash band keys and fingerprints of documents: what the search for duplicates reads instead of text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

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
        shingle: Words a shingle; a Chinese character, kana or Hangul syllable is a word.
        window: Shingles in a row of which one becomes a fingerprint: text of that many shingles that stands in two
            documents is found. Fewer find more, at more fingerprints: about 2 of ``window`` + 1 shingles.
    """

    bands: int = 20
    rows: int = 6
    shingle: int = 5
    window: int = 8

    def __post_init__(self) -> None:
        """Refuse numbers that make no signature."""
        if min(self.bands, self.rows, self.shingle, self.window) < 1:
            usual = "leave them out for the usual 20, 6, 5 and 8"
            raise FlowError("bands, rows, shingle and window must be 1 or more", usual)


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
    from jobs.dedup.winnow import fingerprints
    from jobs.text.line_hashes import line_hashes
    from jobs.text.signed_words import signed_words

    text = batch.column("text")
    code = is_code(batch)
    words, places = signed_words(text, code)
    signature, shingles = signatures(words, places, params.bands * params.rows, params.shingle)
    signed = shingles > 0
    keys = band_keys(signature[signed], params.bands, params.rows)
    offsets = np.concatenate([[0], np.cumsum(np.where(signed, params.bands, 0))]).astype(np.int32)
    chosen, chosen_places = fingerprints(words, places, params.shingle, params.window)
    # Lines of code repeat by its syntax.
    lines, line_chars, line_places = line_hashes(pc.if_else(pa.array(code), "", text))
    line_offsets = pa.array(line_places.astype(np.int32))
    columns = {
        **{name: batch.column(name) for name in LINEAGE_NAMES},
        "content_id": content_ids(text),
        "n_shingles": pa.array(shingles.astype(np.int32)),
        "bands": pa.ListArray.from_arrays(pa.array(offsets), pa.array(keys.ravel())),
        "fingerprints": pa.ListArray.from_arrays(pa.array(chosen_places.astype(np.int32)), pa.array(chosen)),
        "lines": pa.ListArray.from_arrays(line_offsets, pa.array(lines.view(np.int64))),
        "line_chars": pa.ListArray.from_arrays(line_offsets, pa.array(line_chars)),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def is_code(batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Return bool [n], whether a document is program code.

    Args:
        batch: Rows with the column modality.
    """
    return np.asarray(pc.fill_null(pc.equal(batch.column("modality"), "code"), False))
