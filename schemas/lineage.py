"""The columns that every table of samples starts with."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.column import Column

SAMPLE_ID = Column("sample_id", pa.string(), "Identity of the sample: 32 hex digits.", nullable=False, lineage=True)
PARENT_IDS = Column(
    "parent_ids",
    pa.list_(pa.string()),
    "Samples that this one was cut, joined or generated from; empty where it was landed.",
    nullable=False,
    lineage=True,
)
SOURCE = Column("source", pa.string(), "Key into bronze.sources.", nullable=False, lineage=True)
LICENSE = Column(
    "license", pa.string(), "SPDX licence expression, NOASSERTION where unknown.", nullable=False, lineage=True
)
RUN_ID = Column("run_id", pa.string(), "The run that wrote the row.", volatile=True, lineage=True)

LINEAGE = (SAMPLE_ID, PARENT_IDS, SOURCE, LICENSE, RUN_ID)
LINEAGE_NAMES = ("sample_id", "parent_ids", "source", "license")

URI = Column("uri", pa.string(), "Canonical address of the original.", nullable=False, payload=True, lineage=True)
CONTENT_ID = Column(
    "content_id",
    pa.string(),
    "Hash of the canonical content: equal content, equal id, whatever the source.",
    lineage=True,
)
RETRIEVED_AT = Column("retrieved_at", pa.timestamp("us", tz="UTC"), "When it was retrieved.", volatile=True)
LICENSE_STATUS = Column(
    "license_status",
    pa.string(),
    "agreed, or needs_review where the file states another licence than its source declares.",
)
LICENSE_EVIDENCE = Column("license_evidence", pa.string(), "Where the file's licence was read, and the words.")
URL = Column("url", pa.string(), "Where it was published, where its record states that.")
PUBLISHED_AT = Column(
    "published_at", pa.timestamp("us", tz="UTC"), "When it was published, where its record states that."
)
LANDED = (URI, CONTENT_ID, RETRIEVED_AT, LICENSE_STATUS, LICENSE_EVIDENCE, URL, PUBLISHED_AT)
