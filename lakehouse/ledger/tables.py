"""Contracts of the ledger: runs, quarantined rows, releases, training steps, retractions and lineage edges."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import STATISTICS_COLUMNS, Table

_TIME = pa.timestamp("us", tz="UTC")
_COUNTS = pa.map_(pa.string(), pa.int64())

runs = Table(
    "ledger.runs",
    doc="One execution of one flow, from its commit note.",
    columns=[
        Column("run_id", pa.string(), "The run.", nullable=False),
        Column("flow", pa.string(), "The flow.", nullable=False),
        Column("table", pa.string(), "The table that it wrote.", nullable=False),
        Column("version", pa.int64(), "The version that it committed.", nullable=False),
        Column("committed_at", _TIME, "When.", nullable=False),
        Column("mode", pa.string(), "How it ran: full or incremental.", nullable=False),
        Column("changed", pa.bool_(), "Whether rows changed.", nullable=False),
        Column("code", pa.string(), "Fingerprint of its code.", nullable=False),
        Column("params", pa.string(), "Its parameters, as JSON."),
        Column("contract", pa.string(), "Fingerprint of the written table's contract.", nullable=False),
        Column("inputs", _COUNTS, "Version read of each input.", nullable=False),
        Column(
            "counts",
            _COUNTS,
            "Rows read, returned, inserted, updated, deleted, quarantined, and in the table after.",
            nullable=False,
        ),
        Column("quarantine", pa.string(), "Attempt under which rows were quarantined, empty where none was."),
        Column("digest", pa.string(), "Content digest of the table after the commit."),
        Column("seconds", pa.float64(), "Time that it took up to the commit.", unit="s", nullable=False),
        Column(
            "phases",
            pa.map_(pa.string(), pa.float64()),
            "Parts of it: function (in an operator, added up over workers), rows (made and counted), difference.",
            unit="s",
        ),
    ],
    key=["table", "version"],
)

quarantine = Table(
    "ledger.quarantine",
    doc="One row that a flow quarantined, or a mark that its origin was processed again. It counts once a commit note "
    "names its attempt.",
    columns=[
        Column("attempt", pa.string(), "The attempt at a flow that quarantined it.", nullable=False),
        Column("flow", pa.string(), "The flow.", nullable=False),
        Column("table", pa.string(), "The table that it was meant for.", nullable=False),
        Column("sample_id", pa.string(), "The row's identity, where it has one."),
        Column("origin", pa.string(), "The driving row that it came from, where it is known."),
        Column("reason", pa.string(), "The check that it failed, or the operator's reason.", nullable=False),
        Column(
            "row", pa.string(), "The row as JSON, bytes by length and SHA-256; null: the origin was processed again."
        ),
        Column("run_id", pa.string(), "The run.", volatile=True),
        Column("at", _TIME, "When.", volatile=True),
    ],
)

releases = Table(
    "ledger.releases",
    doc="One named set of table versions; the last row of a name counts.",
    columns=[
        Column("name", pa.string(), "Its name.", nullable=False),
        Column("digest", pa.string(), "Content digest over its tables.", nullable=False),
        Column("tables", _COUNTS, "Version of each table.", nullable=False),
        Column("digests", pa.map_(pa.string(), pa.string()), "Content digest of each table.", nullable=False),
        Column("files_digest", pa.string(), "Digest of the data files' names and sizes.", nullable=False),
        Column("footers", pa.map_(pa.string(), pa.string()), "Digest of each table's Parquet footers and indexes."),
        Column("state", pa.string(), "live, dropped or broken.", nullable=False),
        Column("reason", pa.string(), "Why it is broken."),
        Column("retractions", pa.list_(pa.int64()), "Ordinals of the retractions that broke it."),
        Column("note", pa.string(), "Why it was made."),
        Column("created_at", _TIME, "When.", nullable=False),
    ],
    key=["name"],
)

training_steps = Table(
    "ledger.training_steps",
    doc="One optimizer step of one training run: the rows of a stage that it saw.",
    columns=[
        Column("training_run", pa.string(), "The training run.", nullable=False),
        Column("step", pa.int64(), "Optimizer step, from 1.", nullable=False),
        Column("release", pa.string(), "Name of the release.", nullable=False),
        Column("digest", pa.string(), "Its content digest.", nullable=False),
        Column("stage", pa.string(), "Stage.", nullable=False),
        Column("seed", pa.int64(), "Order of the stage's rows.", nullable=False),
        Column("begin", pa.int64(), "First row seen, in the loader's order.", nullable=False),
        Column("end", pa.int64(), "One past the last row seen.", nullable=False),
        Column("positions", pa.list_(pa.int64()), "Stored positions of those rows.", nullable=False),
        Column("at", _TIME, "When the step ended.", nullable=False),
    ],
    key=["training_run", "step"],
)

retractions = Table(
    "ledger.retractions",
    doc="One state of an order to retract rows; the last row of an ordinal counts.",
    columns=[
        Column("ordinal", pa.int64(), "Its number, from 1.", nullable=False),
        Column("retraction_id", pa.string(), "Names its rows in ledger.retracted.", nullable=False),
        Column("kind", pa.string(), "What is matched: source, license, uri or id.", nullable=False),
        Column(
            "value", pa.string(), "The source, the licence, the pattern, or the id or number of ids.", nullable=False
        ),
        Column("scope", pa.string(), "origin, or content, which takes equal content along.", nullable=False),
        Column("reason", pa.string(), "Why.", nullable=False),
        Column("purge", pa.bool_(), "Whether older versions and their files go, too.", nullable=False),
        Column("searched_versions", _COUNTS, "Version at which each table was searched.", nullable=False),
        Column("matched", _COUNTS, "Rows of each table that matched by themselves.", nullable=False),
        Column("releases", pa.list_(pa.string()), "Releases with matching rows, or rows made from them."),
        Column(
            "state",
            pa.string(),
            "ordered; applied, when no table has the rows any more; or purged, when no older version has them either.",
            nullable=False,
        ),
        Column("tables", pa.list_(pa.string()), "Tables whose older files a purge that has begun deletes."),
        Column("at", _TIME, "When it reached this state.", nullable=False),
        Column("derived", _COUNTS, "Rows of each table that were made from those that matched, and go with them."),
        Column("run_id", pa.string(), "The run that brought it to this state; null where it was ordered."),
        Column("files", pa.int64(), "Data and change files that the purge deleted."),
    ],
    key=["ordinal"],
)

retracted = Table(
    "ledger.retracted",
    doc="One id that a retraction names: refused from then on, or only made from what is.",
    columns=[
        Column("retraction_id", pa.string(), "The retraction.", nullable=False),
        Column("kind", pa.string(), "sample or content (refused), or derived (made from those).", nullable=False),
        Column("id", pa.string(), "The sample's or the content's id.", nullable=False),
    ],
    key=["retraction_id", "kind", "id"],
)

edges = Table(
    "ledger.edges",
    doc=(
        "One row of some table, or one edge: a row was made from a sample. What is counted below is there where its "
        "`n` add up to more than 0. See lakehouse/lineage/index."
    ),
    columns=[
        Column("level", pa.int32(), "Level of the entry: 0 is the oldest and largest.", nullable=False),
        Column(
            "sorted_by",
            pa.string(),
            "Order that the entry's file is in: child; or parent, in which edges are stored once more.",
            nullable=False,
        ),
        Column("parent", pa.string(), "Sample that the row was made from; null where the entry is the row itself."),
        Column("child", pa.string(), "The row's sample id.", nullable=False),
        Column("table", pa.string(), "The table of the row.", nullable=False),
        Column("run_id", pa.string(), "Of a row itself: the run that wrote it."),
        Column("source", pa.string(), "Of a row itself: its source."),
        Column("license", pa.string(), "Of a row itself: its licence."),
        Column("uri", pa.string(), "Of a row itself: the address of its original, where the table has one."),
        Column("n", pa.int32(), "How often it was added, less how often it was taken away.", nullable=False),
    ],
    partition_by=["level", "sorted_by"],
    writer_options=[
        ("compression", "zstd"),
        # A lookup reads one row group of a file, so that these are small.
        ("parquet.block.row.count.limit", "32768"),
        ("parquet.enable.dictionary#parent", "false"),
        ("parquet.enable.dictionary#child", "false"),
    ],
    # Derived from the lineage tables, whose own change feed is what counts.
    properties=[
        ("delta.enableChangeDataFeed", "false"),
        (STATISTICS_COLUMNS, "parent,child,n"),
    ],
)

TABLES = (runs, quarantine, releases, training_steps, retractions, retracted, edges)
