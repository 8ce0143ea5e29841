"""Text and code to ids: a mark of the modality, the text, the end-of-document id."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.tokenize.encoding import encode_column
from jobs.tokenize.ragged import Ragged, join
from jobs.tokenize.rows import TABLE, TokenParams, models, no_media, token_rows
from jobs.tokenize.vocabulary import END, load_vocabulary
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read
from schemas.documents import document_texts
from schemas.samples import document_tokens


@flow(
    id="jobs.tokenize.documents.tokenize_documents",
    writes=document_tokens,
    reads={"documents": read(document_texts)},
    params=TokenParams,
    batch_rows=512,
    models=models,
    tags=["tokenize"],
)
def tokenize_documents(batch: pa.RecordBatch, params: TokenParams) -> pa.RecordBatch:
    """Tokenise documents whole; packing cuts those longer than a row."""
    words = load_vocabulary(params.vocabulary)
    if TABLE not in batch.schema.names:
        batch = batch.append_column(TABLE, batch.column("table"))
    modality = batch.column("modality")
    code = pc.equal(modality, "code").to_numpy(zero_copy_only=False).astype(bool)
    marks = np.where(code, words.id("<|code|>"), words.id("<|text|>")).astype(np.int32)
    text = Ragged(*encode_column(batch.column("text"), params.ranks))
    ends = np.full(batch.num_rows, words.id(END), np.int32)
    ids = join([Ragged.column(marks), text, Ragged.column(ends)])
    parts = pa.ListArray.from_arrays(
        pa.array(np.arange(batch.num_rows + 1, dtype=np.int32)), pa.array(ids.lengths.astype(np.int32))
    )
    return token_rows(batch, modality, ids, parts, no_media(batch.num_rows), params)
