"""A small project that the engine's tests share: lines land, are shouted, and are counted by length."""

from __future__ import annotations

import dataclasses

from tests.lakehouse import lakes
from tests.module_text import ModuleText

TABLES = ModuleText("""
import pyarrow as pa
from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table

ID = Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True)
TEXT = Column("text", pa.string(), "Text.")
RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
lines = Table(
    "bronze.lines", doc="A line.", columns=[ID, TEXT, RUN], key=["sample_id"],
    checks=[Check("text is not empty", "length(text) > 0", tolerance=0.5)],
)
shouts = Table(
    "silver.shouts", doc="A loud line.",
    columns=[ID, TEXT, Column("size", pa.int32(), "Characters."), RUN], key=["sample_id"], cluster_by=["size"],
)
words = Table(
    "silver.words", doc="A word.",
    columns=[ID, Column("parent_ids", pa.list_(pa.string()), "Line.", nullable=False, lineage=True), TEXT, RUN], key=["sample_id"],
)
counts = Table(
    "gold.counts", doc="Lines of a size.",
    columns=[Column("size", pa.int32(), "Characters.", nullable=False), Column("n", pa.int64(), "Lines."), RUN],
    key=["size"],
)
""")

FLOWS = ModuleText("""
import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import flow
from PACKAGE.tables import lines, shouts, words

SOURCE = Path(__file__).parent.parent / "input.txt"
MARK = "!"


@dataclasses.dataclass(frozen=True)
class Loudness:
    mark: str = MARK


def outside(params):
    return SOURCE.read_text()


@flow(writes=lines, kind="landing", external=outside)
def land(params):
    \"\"\"Land lines of the form id:text.\"\"\"
    found = [line.split(":", 1) for line in SOURCE.read_text().split("|") if line]
    return pa.table({"sample_id": [f[0] for f in found], "text": [f[1] for f in found]})


def loud(text, mark):
    return pc.binary_join_element_wise(pc.utf8_upper(text), mark, "")


@flow(writes=shouts, reads={"lines": lines}, params=Loudness, tags=["loud"])
def shout(batch, params):
    \"\"\"Shout a line.\"\"\"
    text = loud(batch["text"], params.mark)
    return pa.record_batch({"sample_id": batch["sample_id"], "text": text, "size": pc.utf8_length(text)})


@flow(writes=words, reads={"lines": lines}, source_key_sql="get(parent_ids, 0)")
def cut(batch, params):
    \"\"\"Cut a line into words.\"\"\"
    parts = pc.utf8_split_whitespace(batch["text"])
    parents = batch["sample_id"].take(pc.list_parent_indices(parts))
    word = pc.list_flatten(parts)
    return pa.record_batch({
        "sample_id": pc.binary_join_element_wise(parents, word, "/"),
        "parent_ids": pa.ListArray.from_arrays(pa.array(range(len(word) + 1), pa.int32()), parents),
        "text": word,
    })
""")

PORTABLE = "-- dialect: portable\n"
COUNTS = ModuleText(f"-- Lines by size.\n{PORTABLE}SELECT size, count(*) AS n FROM silver.shouts GROUP BY size\n")


def write(project, text="a:hello|b:two words|c:x"):
    """Write the project with its first input."""
    project.module("tables", TABLES)
    project.module("flows", FLOWS)
    project.sql("gold.counts", COUNTS)
    (project.root / "input.txt").write_text(text)
    return project


def land(project, text):
    """Replace the input."""
    (project.root / "input.txt").write_text(text)


def leave_note(project, table, inputs=None, **fields):
    """Leave the note of a run of a table's flow as it is declared now; return the version that it committed.

    Args:
        project: The project.
        table: The table.
        inputs: Version of each table that the flow read.
        fields: Other fields of the note.
    """
    lake = project.lake()
    item = next(item for item in lake.plan().flows if item.writes == table)
    counts = {"rows": 2, "read": 3, "inserted": 2}
    result = {"flow": item.flow.id, "inputs": inputs or {}, "started": "", "counts": counts}
    of = lakes.note(table, **{**dataclasses.asdict(item.fingerprints), **result, **fields})
    lakes.write(lake, table, item.flow.writes.schema.empty_table(), of)
    return lake.catalog.log(table).version


def write_as_run(project, **fields):
    """Write the project, and leave its lake as one run does, by delta-rs alone.

    Args:
        project: The project.
        fields: Other fields of the note of silver.shouts.
    """
    write(project)
    leave_note(project, "bronze.lines")
    leave_note(project, "silver.shouts", {"bronze.lines": 0}, **fields)
    leave_note(project, "silver.words", {"bronze.lines": 0})
    leave_note(project, "gold.counts", {"silver.shouts": 0})
    return project
