"""Quotas, supply, the mixture drawn from it, and the packed sequences."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import ADDRESSES_FILES, Table
from schemas.features import FEATURE_SPEC
from schemas.lineage import LINEAGE, RUN_ID
from schemas.samples import CELL, MODALITY

STAGE = Column("stage", pa.string(), "Training stage: cold, mid, hot, or any declared name.", nullable=False)

quotas = Table(
    "gold.quotas",
    doc="One cell of one stage: what the declared quota asks for.",
    columns=[
        STAGE,
        CELL,
        MODALITY,
        Column("language_group", pa.string(), "zh, en, other, code, or * for all.", nullable=False),
        Column("kind", pa.string(), "Genre, or * for all.", nullable=False),
        Column("ordinal", pa.int32(), "Place of the stage in the declared order, from 0.", nullable=False),
        Column("shared", pa.bool_(), "Whether the stage draws from samples that other stages own.", nullable=False),
        Column("target", pa.int64(), "Tokens demanded.", unit="tokens", nullable=False),
        Column("max_epochs", pa.float64(), "How often a sample may be repeated.", nullable=False),
        Column(
            "max_document_share",
            pa.float64(),
            "Share of the target that one document may be, all its epochs together; 1 where there is no such cap.",
            nullable=False,
        ),
        Column(
            "max_source_share",
            pa.float64(),
            "Share of the target that one source may be; 1 where there is no such cap.",
            nullable=False,
        ),
        Column("row_length", pa.int32(), "Length of a packed row of the stage.", unit="tokens", nullable=False),
        Column("align", pa.int32(), "Documents begin at multiples of it in a row.", unit="tokens", nullable=False),
        Column("scale", pa.float64(), "Tokens of the declared plan over tokens of this copy of it.", nullable=False),
        RUN_ID,
    ],
    key=["stage", "cell"],
)

supply = Table(
    "gold.supply",
    doc="What the kept samples of one cell hold.",
    columns=[
        CELL,
        MODALITY,
        Column("language_group", pa.string(), "zh, en, other, or code.", nullable=False),
        Column("kind", pa.string(), "Genre.", nullable=False),
        Column("samples", pa.int64(), "Kept samples.", nullable=False),
        Column("tokens", pa.int64(), "Their tokens.", unit="tokens", nullable=False),
        Column("largest", pa.int64(), "Tokens of the largest of them.", unit="tokens"),
        RUN_ID,
    ],
    key=["cell"],
)

mixture = Table(
    "gold.mixture",
    doc="One draw: a sample at its place in a stage.",
    columns=[
        *LINEAGE,
        STAGE,
        Column("cell", pa.string(), "The line of the stage's quota that it was drawn for.", nullable=False),
        MODALITY,
        Column("epoch", pa.int32(), "Which repeat of the sample this is, from 0.", nullable=False),
        Column("n_tokens", pa.int32(), "Its tokens.", unit="tokens", nullable=False),
        Column(
            "time",
            pa.float64(),
            "Virtual time: cumulative tokens of the cell at the sample's middle over all drawn for it, in (0, 1).",
            nullable=False,
        ),
        Column("window", pa.int32(), "Packing window, a range of virtual time.", nullable=False),
    ],
    key=["stage", "sample_id", "epoch"],
    cluster_by=["stage", "window"],
)

SEGMENT = pa.struct(
    [
        pa.field("sample_id", pa.string()),
        pa.field("begin", pa.int32()),
        pa.field("end", pa.int32()),
        pa.field("modality", pa.string()),
        pa.field("role", pa.string()),
        pa.field("feature_spec", FEATURE_SPEC),
        pa.field("media_id", pa.string()),
        pa.field("media_begin", pa.int64()),
        pa.field("media_end", pa.int64()),
        pa.field("time", pa.float64()),
        pa.field("camera", pa.int32()),
        pa.field("columns", pa.int32()),
        pa.field("offset", pa.int32()),
    ]
)
LOSS_SPAN = pa.struct([pa.field("begin", pa.int32()), pa.field("end", pa.int32()), pa.field("weight", pa.float32())])
PAIR = pa.struct(
    [pa.field("kind", pa.string()), pa.field("a", pa.int32()), pa.field("b", pa.int32())],
)

sequences = Table(
    "gold.sequences",
    doc="One training sequence: a packed row of whole documents.",
    columns=[
        *LINEAGE,
        STAGE,
        Column("position", pa.int64(), "Place in the stage's final order, dense from 0.", nullable=False),
        Column(
            "tokens", pa.binary(), "int32 little-endian ids, padded to the row length.", nullable=False, payload=True
        ),
        Column(
            "cu_seqlens",
            pa.list_(pa.int32()),
            "Cumulative real lengths of the documents from 0, the padded tail being the last; it ends at the row "
            "length where the stage aligns to 1.",
            nullable=False,
        ),
        Column(
            "cu_seqlens_padded",
            pa.list_(pa.int32()),
            "Where the documents begin, aligned as the stage declares; from 0 to the row length.",
            nullable=False,
        ),
        Column(
            "segments",
            pa.list_(SEGMENT),
            "Ranges [begin, end) that cover the real tokens in order: role token, or input (continuous). A range has "
            "the modality of its sample and begins at `offset` of the sample's ids; an input range names its medium, "
            "the range of it (samples or patches), and the patches a row of a picture.",
            nullable=False,
        ),
        Column(
            "loss_spans", pa.list_(LOSS_SPAN), "Half-open ranges of target tokens and their weight.", nullable=False
        ),
        Column(
            "pairs",
            pa.list_(PAIR),
            "Pool tokens a (of the medium) and b (of its caption) of aligned documents, for a contrastive loss.",
            nullable=False,
        ),
        Column("n_tokens", pa.int32(), "Real tokens.", unit="tokens", nullable=False),
        Column("cells", pa.map_(pa.string(), pa.int32()), "Real tokens by cell.", nullable=False),
    ],
    key=["stage", "position"],
    cluster_by=["stage", "position"],
    checks=[Check("the row has tokens", "n_tokens > 0", on_fail="fail")],
    writer_options=[
        ("compression", "uncompressed"),
        ("parquet.enable.dictionary", "false"),
        ("parquet.page.size", str(256 << 20)),
        ("parquet.page.row.count.limit", "1000000"),
    ],
)

media_addresses = Table(
    "gold.media_addresses",
    doc="Where a medium's bytes are in a version of its table.",
    columns=[
        Column("media_id", pa.string(), "The sample whose medium it is.", nullable=False),
        Column("table", pa.string(), "Table that holds it.", nullable=False),
        Column("version", pa.int64(), "Version of that table when it was read.", nullable=False, volatile=True),
        Column("file", pa.string(), "Data file, relative to the table's folder.", nullable=False),
        Column("offset", pa.int64(), "First byte of the medium in the file.", unit="bytes", nullable=False),
        Column("length", pa.int64(), "Bytes of the medium.", unit="bytes", nullable=False),
        RUN_ID,
    ],
    key=["media_id"],
    cluster_by=["media_id"],
    properties=[(ADDRESSES_FILES, "true")],
)
