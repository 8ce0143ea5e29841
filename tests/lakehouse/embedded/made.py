"""A project whose tables, flows and input meet most of what an engine does; it runs on either engine."""

from __future__ import annotations

from tests.module_text import ModuleText

TABLES = ModuleText("""
import pyarrow as pa
from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table

ID = Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True)
PARENTS = Column("parent_ids", pa.list_(pa.string()), "Parents.", nullable=False, lineage=True)
SOURCE = Column("source", pa.string(), "Source.", lineage=True)
LICENSE = Column("license", pa.string(), "Licence.", lineage=True)
TEXT = Column("text", pa.string(), "Text.")
RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
INNER = pa.struct([("day", pa.date32()), ("scores", pa.list_(pa.float32())), ("raw", pa.binary())])
BOX = pa.list_(pa.int16())
docs = Table(
    "bronze.docs", doc="A document.",
    columns=[ID, PARENTS, SOURCE, LICENSE, Column("uri", pa.string(), "Address.", lineage=True), TEXT, Column("n", pa.int64(), "Size."), RUN],
    key=["sample_id"], tags=["texts"],
)
notes = Table(
    "bronze.notes", doc="A note.", columns=[ID, PARENTS, SOURCE, LICENSE, TEXT, RUN], key=["sample_id"], tags=["texts"],
    partition_by=["source"],
)
facts = Table(
    "silver.facts", doc="What is known of a document.",
    columns=[
        ID, PARENTS, SOURCE, LICENSE, TEXT, Column("size", pa.int32(), "Characters."), Column("score", pa.float64(), "Score."),
        Column("price", pa.decimal128(20, 3), "Price."), Column("at", pa.timestamp("us", "UTC"), "Time."),
        Column("inner", INNER, "Nested."), Column("box", BOX, "Box."),
        Column("tags", pa.map_(pa.string(), pa.int32()), "Tags."), Column("data", pa.binary(), "Bytes.", payload=True),
        Column("unused", pa.list_(pa.list_(pa.string())), "Never given."), RUN,
    ],
    key=["sample_id"], cluster_by=["size"],
    checks=[Check("it is short", "length(text) < 30", tolerance=1.0), Check('the "score" is no ä', "score >= 0 or score is null", tolerance=1.0)],
    writer_options=[("compression", "zstd")],
)
words = Table(
    "silver.words", doc="A word.",
    columns=[ID, PARENTS, SOURCE, LICENSE, TEXT, Column("table", pa.string(), "Where from."), RUN], key=["sample_id"],
    checks=[Check("it is no number", "not text in ('1', '2')", tolerance=1.0)],
)
sizes = Table("gold.sizes", doc="A size.", columns=[Column("size", pa.int32(), "Size.", nullable=False), TEXT, RUN])
""")

FLOWS = ModuleText("""
import datetime as dt
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read, tagged
from PACKAGE.tables import BOX, INNER, docs, facts, notes, sizes, words

HERE = Path(__file__).parent.parent
MARK = "!"
BAD = "bad"


def outside(params):
    return "".join((HERE / name).read_text() for name in ("docs.txt", "notes.txt"))


def landed(name):
    rows = [line.split("|") for line in (HERE / name).read_text().splitlines()]
    ids, sources, licenses, texts = ([row[place] or None for row in rows] for place in range(4))
    kept = {"sample_id": ids, "source": sources, "license": licenses, "text": texts}
    return pa.table({**kept, "parent_ids": pa.array([[] for _ in rows], pa.list_(pa.string()))})


@flow(writes=docs, kind="landing", external=outside)
def land_docs(params):
    table = landed("docs.txt")
    uri = pc.binary_join_element_wise("u:/", table["sample_id"], "")
    return table.append_column("uri", uri).append_column("n", pc.cast(pc.utf8_length(table["text"]), pa.int64()))


@flow(writes=notes, kind="landing", external=outside)
def land_notes(params, current_rows):
    assert isinstance(current_rows, pa.Table)
    return landed("notes.txt")


def fact(row):
    text, score = row["text"] or "", {"nan": float("nan"), "zero": -0.0, "minus": -1.0}.get(row["text"])
    day = dt.date(2024, 1, 1 + len(text) % 28)
    return {
        **row, "text": row["text"] and row["text"] + MARK, "size": len(text), "score": score,
        "price": decimal.Decimal(len(text)) / 8, "at": dt.datetime(2024, 1, 1, 0, 0, 0, len(text) * 1001, dt.UTC),
        "inner": None if len(text) == 3 else {"day": day, "scores": [0.1, None, float("inf")], "raw": text.encode()},
        "box": [len(text), None] if text else None, "tags": list({word: len(word) for word in text.split()}.items()),
        "data": text.encode() * 3, "_reject": f"{BAD}: {text}" if text.startswith("bad") else None,
    }


@flow(writes=facts, reads={"docs": read(docs, where="n > 0 or n is null", columns=["sample_id", "parent_ids", "source", "license", "text"])},
      reject_tolerance=1.0, batch_rows=3)
def make_facts(batch, params):
    fields = [pa.field(c.name, c.type) for c in facts.columns if c.name not in ("run_id", "unused")]
    return pa.RecordBatch.from_pylist([fact(row) for row in batch.to_pylist()], pa.schema([*fields, ("_reject", pa.string())]))


@flow(writes=words, reads={"texts": tagged("texts", columns=["sample_id", "source", "license", "text", "_table"], where="text is not null")},
      source_key_sql="get(parent_ids, 0)")
def cut(batch, params):
    parts = pc.utf8_split_whitespace(batch["text"])
    at = pc.list_parent_indices(parts)
    parents, word = batch["sample_id"].take(at), pc.list_flatten(parts)
    return pa.record_batch({
        "sample_id": pc.binary_join_element_wise(batch["_table"].take(at), parents, word, "/"), "text": word,
        "parent_ids": pa.ListArray.from_arrays(pa.array(range(len(word) + 1), pa.int32()), parents),
        "source": batch["source"].take(at), "license": batch["license"].take(at), "table": batch["_table"].take(at),
    })


@flow(writes=sizes, reads={"facts": facts}, source_key_sql="text")
def size(batch, params):
    return batch.select(["size", "text"])
""")

DOCS = """\
a|s1|MIT|hello world
b|s1|MIT|two 1 words
c|s2|GPL-3.0 AND MIT|nan
d|s2|MIT|zero
e|s2|MIT|minus
f|s3|MIT|bad one
g|it's|MIT|a text that is much too long to pass
h||MIT|
i|ä𝔸|MIT|wörter 𝔸 "quoted" it's
"""
NOTES = """\
n1|s1|MIT|note one
n2|s 2/%|MIT|2 notes
n3||GPL-3.0|three
"""


def write(project):
    """Write the project with its first input."""
    project.module("tables", TABLES)
    project.module("flows", FLOWS)
    land(project, DOCS, NOTES)
    return project


def land(project, docs, notes):
    """Replace the input."""
    (project.root / "docs.txt").write_text(docs)
    (project.root / "notes.txt").write_text(notes)
