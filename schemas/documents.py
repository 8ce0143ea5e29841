"""Text and code: as landed, cleaned, scored, and marked as duplicates."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.contract import Check, Column, Table
from schemas.lineage import LANDED, LICENSE, LINEAGE, PARENT_IDS, SAMPLE_ID, SOURCE

MODALITY = Column("modality", pa.string(), "text or code.", nullable=False)
KIND = Column("kind", pa.string(), "Genre: manual, reference, legal, source-code, ...", nullable=False)
LANGUAGE_HINT = Column("language_hint", pa.string(), "BCP 47 tag that the source states, und where it does not.")
TITLE = Column("title", pa.string(), "Its title, where it has one.")
TEXT = Column("text", pa.string(), "Cleaned text, NFC UTF-8.", nullable=False, payload=True)

landed_documents = Table(
    "bronze.documents",
    doc="One text or code document as received, decoded to Unicode.",
    columns=[
        *LINEAGE,
        *LANDED,
        MODALITY,
        KIND,
        LANGUAGE_HINT,
        TITLE,
        Column("media_type", pa.string(), "IANA media type of the file.", nullable=False),
        Column("encoding", pa.string(), "Character encoding that it was decoded from.", nullable=False),
        Column("content", pa.string(), "The document as received, markup included.", nullable=False, payload=True),
    ],
    key=["sample_id"],
    checks=[Check("content is not empty", "length(content) > 0")],
)

# What a table must carry to join the union "documents": a user's own table of text joins the mixture so.
DOCUMENT = (SAMPLE_ID, PARENT_IDS, SOURCE, LICENSE, MODALITY, KIND, LANGUAGE_HINT, TEXT)

documents = Table(
    "silver.documents",
    doc="One cleaned text or code document.",
    columns=[
        *LINEAGE,
        MODALITY,
        KIND,
        LANGUAGE_HINT,
        TITLE,
        Column("content_id", pa.string(), "Hash of the cleaned text.", nullable=False),
        TEXT,
    ],
    key=["sample_id"],
    cluster_by=["kind", "language_hint"],
    checks=[Check("text is not empty", "length(text) > 0")],
    tags=["documents"],
)

document_duplicates = Table(
    "silver.document_duplicates",
    doc="One removal: a document that repeats a kept one, verified against it.",
    columns=[
        *LINEAGE,
        Column("keeper_id", pa.string(), "The kept document that it repeats.", nullable=False),
        Column("method", pa.string(), "exact or near.", nullable=False),
        Column("jaccard", pa.float64(), "Exact Jaccard similarity of the two shingle sets.", nullable=False),
        Column("shared_bands", pa.int32(), "MinHash bands that the two share; 0 for exact.", nullable=False),
        Column("rule", pa.string(), "The rule and its parameters.", nullable=False),
    ],
    key=["sample_id"],
    checks=[Check("it repeats another document", "keeper_id != sample_id", on_fail="fail")],
)
