"""A project with lineage: pages land, are cleaned, deduplicated, cut, noted, counted and packed."""

from __future__ import annotations

import hashlib
import json

from tests.module_text import ModuleText

TABLES = ModuleText("""
import pyarrow as pa
from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table

ID = Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True)
PARENTS = Column("parent_ids", pa.list_(pa.string()), "Parents.", nullable=False, lineage=True)
SOURCE = Column("source", pa.string(), "Source.", nullable=False, lineage=True)
LICENSE = Column("license", pa.string(), "Licence.", nullable=False, lineage=True)
CONTENT = Column("content_id", pa.string(), "Content.", lineage=True)
TEXT = Column("text", pa.string(), "Text.", payload=True)
RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
LINEAGE = [ID, PARENTS, SOURCE, LICENSE]
pages = Table(
    "bronze.pages", doc="A page.", columns=[*LINEAGE, Column("uri", pa.string(), "Address.", lineage=True), CONTENT, TEXT, RUN],
    key=["sample_id"], checks=[Check("text is not empty", "length(text) > 0", tolerance=1.0)],
)
texts = Table("silver.texts", doc="A text.", columns=[*LINEAGE, CONTENT, TEXT, RUN], key=["sample_id"])
repeats = Table(
    "silver.repeats", doc="A text that repeats another.",
    columns=[ID, Column("keeper_id", pa.string(), "The other.", nullable=False, lineage=True), RUN], key=["sample_id"],
    tags=["duplicates"],
)
pieces = Table("silver.pieces", doc="A word.", columns=[*LINEAGE, TEXT, RUN], key=["sample_id"])
notes = Table(
    "silver.notes", doc="What a text holds.", columns=[ID, Column("words", pa.int64(), "Words."), RUN],
    key=["sample_id"],
)
counts = Table(
    "gold.counts", doc="Texts of a source.",
    columns=[SOURCE, Column("n", pa.int64(), "Texts."), Column("size", pa.int64(), "Characters."), RUN],
    key=["source"],
)
sequences = Table(
    "gold.sequences", doc="Texts side by side.",
    columns=[
        *LINEAGE, Column("stage", pa.string(), "Stage.", nullable=False),
        Column("position", pa.int64(), "Place.", nullable=False), TEXT, RUN,
    ],
    key=["stage", "position"],
)
""")

FLOWS = ModuleText("""
import dataclasses
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import flow
from PACKAGE.tables import notes, pages, pieces, repeats, sequences, texts

INPUT = Path(__file__).parent.parent / "input.json"


def outside(params):
    return hashlib.sha256(INPUT.read_bytes()).hexdigest()


@flow(writes=pages, kind="landing", external=outside)
def land(params):
    return pa.Table.from_pylist(
        [{"parent_ids": [], **row} for row in json.loads(INPUT.read_text())],
        schema=pa.schema([f for f in pages.schema if f.name != "run_id"]),
    )


@dataclasses.dataclass(frozen=True)
class Mark:
    mark: str = "!"


@flow(writes=texts, reads={"pages": pages}, params=Mark, reject_tolerance=1.0)
def clean(batch, params):
    text = pc.binary_join_element_wise(pc.utf8_upper(batch["text"]), params.mark, "")
    bad = pc.if_else(pc.match_substring(batch["text"], "bad"), "a bad word: in it", pa.scalar(None, pa.string()))
    kept = {n: batch[n] for n in ("sample_id", "parent_ids", "source", "license", "content_id")}
    return pa.record_batch({**kept, "text": text, "_reject": bad})


def letters(batches):
    for batch in batches:
        kept = pc.replace_substring_regex(batch["text"], "[^A-Z]", "")
        yield pa.record_batch({"sample_id": batch["sample_id"], "letters": kept})


LETTERS = pa.schema([("sample_id", pa.string()), ("letters", pa.string())])


@flow(writes=repeats, reads={"texts": texts}, kind="relational")
def find_repeats(texts, relations, params):
    return relations.sql(
        "WITH named AS (SELECT sample_id, min(sample_id) OVER (PARTITION BY letters) AS keeper_id FROM spelled) "
        "SELECT sample_id, keeper_id FROM named WHERE sample_id <> keeper_id",
        spelled=relations.map_batches(texts, letters, LETTERS),
    )


@flow(writes=pieces, reads={"texts": texts}, source_key_sql="get(parent_ids, 0)")
def cut(batch, params):
    parts = pc.utf8_split_whitespace(batch["text"])
    rows = pc.list_parent_indices(parts)
    parents = batch["sample_id"].take(rows)
    word = pc.list_flatten(parts)
    return pa.record_batch({
        "sample_id": pc.binary_join_element_wise(parents, word, "/"),
        "parent_ids": pa.ListArray.from_arrays(pa.array(range(len(word) + 1), pa.int32()), parents),
        "source": batch["source"].take(rows), "license": batch["license"].take(rows), "text": word,
    })


@flow(writes=notes, reads={"texts": texts}, kind="relational", refresh="merge")
def note(texts, affected, relations, params):
    return relations.sql(
        "SELECT t.sample_id, CAST(size(split(t.text, ' ')) AS BIGINT) AS words "
        "FROM texts AS t INNER JOIN affected AS a ON t.sample_id = a.sample_id",
        texts=texts, affected=affected,
    )


PACKED = pa.schema([field for field in sequences.schema if field.name != "run_id"])


def packed(group):
    parents = sorted(group["sample_id"].to_pylist())
    texts = {name: sorted(group[name].to_pylist()) for name in ("source", "license", "text")}
    return pa.Table.from_pylist([{
        "sample_id": hashlib.sha256("/".join(["pack", *parents]).encode()).hexdigest()[:32],
        "parent_ids": parents,
        "source": "+".join(sorted(set(texts["source"]))),
        "license": " AND ".join(sorted(set(texts["license"]))),
        "text": " ".join(texts["text"]),
        "stage": "all",
        "position": group["position"][0].as_py(),
    }], schema=PACKED)


@flow(writes=sequences, reads={"texts": texts, "repeats": repeats}, kind="relational")
def pack(texts, repeats, relations, params):
    placed = relations.sql(
        "WITH kept AS (SELECT * FROM texts AS t WHERE NOT EXISTS "
        "(SELECT 1 FROM repeats AS r WHERE r.sample_id = t.sample_id)) "
        "SELECT *, CAST(floor((row_number() OVER (ORDER BY sample_id) - 1) / 2) AS BIGINT) AS position FROM kept",
        texts=texts, repeats=repeats,
    )
    return relations.map_groups(placed, ["position"], packed, PACKED)
""")

# Flows that break keys: by what a text says, which another may say too; and by more rows than were asked for.
BREAKING = ModuleText("""
import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow
from PACKAGE.tables import ID, RUN, SOURCE, texts

SIZE = Column("size", pa.int64(), "Characters.")
labels = Table(
    "broken.labels", doc="A text by what it says.",
    columns=[SOURCE, Column("label", pa.string(), "What it says."), Column("of_id", pa.string(), "The text."), RUN],
    key=["source", "label"],
)
sizes = Table("broken.sizes", doc="A text's size.", columns=[ID, SIZE, RUN], key=["sample_id"])
wholes = Table("broken.wholes", doc="A text's size.", columns=[ID, SIZE, RUN], key=["sample_id"])
STATEMENT = "SELECT sample_id, CAST(length(text) AS BIGINT) AS size FROM texts"


@flow(writes=labels, reads={"texts": texts}, source_key_sql="of_id")
def label(batch, params):
    return pa.record_batch({"source": batch["source"], "label": batch["text"], "of_id": batch["sample_id"]})


@flow(writes=sizes, reads={"texts": texts}, kind="relational", refresh="merge", surplus="drop")
def size(texts, affected, relations, params):
    return relations.sql(STATEMENT, texts=texts)


@flow(writes=wholes, reads={"texts": texts}, kind="relational", refresh="merge")
def whole(texts, affected, relations, params):
    return relations.sql(STATEMENT, texts=texts)
""")

COUNTS = (
    "-- Texts by source.\n-- dialect: portable\n"
    "SELECT source, count(*) AS n, CAST(sum(length(text)) AS BIGINT) AS size FROM silver.texts GROUP BY source\n"
)
NAMES = (
    "bronze.pages",
    "silver.texts",
    "silver.repeats",
    "silver.pieces",
    "silver.notes",
    "gold.counts",
    "gold.sequences",
)


def page(source, text, license="MIT", uri=None):  # noqa: A002 - the column's name
    """One page of the input."""
    uri = uri or f"{source}:{text}"
    return {
        "sample_id": hashlib.sha256(f"{source}/{uri}".encode()).hexdigest()[:32],
        "source": source,
        "license": license,
        "uri": uri,
        "content_id": hashlib.sha256(text.lower().encode()).hexdigest()[:32],
        "text": text,
    }


def write(project, rows):
    """Write the project with its first input."""
    project.module("tables", TABLES)
    project.module("flows", FLOWS)
    project.sql("gold.counts", COUNTS)
    land(project, rows)
    return project


def land(project, rows):
    """Replace the input."""
    (project.root / "input.json").write_text(json.dumps(rows))


def digests(project, lake="lake", names=NAMES):
    """Content digests of the tables."""
    plan = project.plan(lake=lake)
    return {name: plan[name].last[1].digest for name in names}
