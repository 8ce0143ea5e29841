"""Where data comes from, and which files came."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from schemas.lineage import LICENSE_EVIDENCE, LICENSE_STATUS, LINEAGE, RETRIEVED_AT, RUN_ID, URI

sources = Table(
    "bronze.sources",
    doc="One declared source: who offers it, on which terms, and how it was retrieved.",
    columns=[
        Column("source", pa.string(), "Key of the source.", nullable=False),
        Column("title", pa.string(), "What it is, for people."),
        Column("license", pa.string(), "SPDX licence expression, NOASSERTION where unknown.", nullable=False),
        Column("license_evidence", pa.string(), "Where the licence was read: file or metadata field, and its words."),
        Column("package_license", pa.string(), "SPDX expression that its own metadata states, where it states one."),
        Column("terms", pa.string(), "Terms of use beyond the licence."),
        Column("robots", pa.string(), "Robots decision: allowed, refused, or not applicable."),
        Column("connector", pa.string(), "How it is retrieved: apt, pip, npm, folder.", nullable=False),
        Column("package", pa.string(), "Name within the connector."),
        Column("package_version", pa.string(), "Version that was retrieved."),
        Column("modality", pa.string(), "text, code, speech or image.", nullable=False),
        Column("kind", pa.string(), "Genre: manual, reference, legal, source-code, caption, ...", nullable=False),
        Column("language", pa.string(), "BCP 47 hint, und where mixed."),
        Column("location", pa.string(), "Folder where the retrieved files lie.", nullable=False),
        Column("listing", pa.string(), "Digest of the names, sizes and times of its files.", nullable=False),
        Column(
            "rules",
            pa.string(),
            "The whole declaration as JSON: which files, and what is declared of them.",
            nullable=False,
        ),
        Column("synthetic", pa.bool_(), "Whether it was generated.", nullable=False),
        RETRIEVED_AT,
        RUN_ID,
    ],
    key=["source"],
    checks=[Check("source has a licence", "length(license) > 0")],
)

_FILE = (
    *LINEAGE,
    URI,
    RETRIEVED_AT,
    LICENSE_STATUS,
    LICENSE_EVIDENCE,
    Column("declared_license", pa.string(), "SPDX licence expression that its source declares."),
    Column("declared_evidence", pa.string(), "Where the source's licence was read, and the words."),
    Column("path", pa.string(), "Where its bytes lie.", nullable=False),
    Column("digest", pa.string(), "SHA-256 of its bytes, hex.", nullable=False),
    Column("size", pa.int64(), "Its size.", unit="bytes", nullable=False),
    Column("media_type", pa.string(), "IANA media type.", nullable=False),
    Column("modality", pa.string(), "text, code, speech or image.", nullable=False),
    Column("kind", pa.string(), "Genre.", nullable=False),
    Column("language", pa.string(), "BCP 47 hint, und where unknown; for code the programming language."),
    Column(
        "attributes",
        pa.map_(pa.string(), pa.string()),
        "What its neighbours say of it: captions by language as caption:TAG, transcript and its relation, title; "
        "compression where it is compressed, split where a line separates documents in it.",
    ),
    Column("records", pa.string(), "How its records are read, as JSON; null where it is one sample, or is split."),
    Column(
        "ready",
        pa.bool_(),
        "Whether it can be landed: false where its records have ids, which are first compared with those of its "
        "source's other files (bronze.record_files has it then).",
        nullable=False,
    ),
    Column(
        "repeated",
        pa.list_(pa.struct([pa.field("number", pa.int64()), pa.field("first", pa.string())])),
        "Numbers of its records whose id an earlier record of its source has, with the address of that; null before "
        "they are compared, and where there are none.",
    ),
)

# What a landing flow reads of the files that are ready.
LANDABLE = tuple(column for column in _FILE if column.name not in ("run_id", "ready"))

files = Table(
    "bronze.files",
    doc="One retrieved file, with what its neighbours say of it.",
    columns=_FILE,
    key=["source", "uri"],
    cluster_by=["source", "uri"],
    tags=["files", "licensed"],
)

record_ids = Table(
    "bronze.record_ids",
    doc="One record whose id its source declares, by the address of its file and its number there.",
    columns=[
        *LINEAGE,
        URI,
        Column("number", pa.int64(), "Its number in the file, from 1.", nullable=False),
        Column("place", pa.string(), "The same in words, such as line 12.", nullable=False),
    ],
    key=["source", "uri", "number"],
)

record_files = Table(
    "bronze.record_files",
    doc="One file whose records have ids, with those that an earlier record of its source has.",
    columns=_FILE,
    key=["source", "uri"],
    tags=["files"],
)
