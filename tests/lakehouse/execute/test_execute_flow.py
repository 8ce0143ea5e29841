"""Which held rows new ones replace: by origins of another type, after several commits, where keys were doubled."""

from __future__ import annotations

import pyarrow as pa
from deltalake import DeltaTable

from lakehouse.delta.append import create
from tests.lakehouse import words
from tests.lakehouse.lakes import write

UP = "+silver.shouts"

NUMBERS = """
import pyarrow as pa
import pyarrow.compute as pc
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
items = Table(
    "bronze.items", doc="An item.", columns=[Column("code", pa.string(), "Digits.", nullable=False), RUN], key=["code"]
)
numbers = Table(
    "silver.numbers", doc="A number.", columns=[Column("number", pa.int32(), "It.", nullable=False), RUN],
    key=["number"],
)


@flow(writes=numbers, reads={"items": items}, source_key="code", source_key_sql="number")
def read_number(batch, params):
    return pa.record_batch({"number": pc.cast(batch["code"], "int32")})
"""


def test_an_origin_of_another_type_than_the_source_key_is_found_by_its_value(project):
    project.module("flows", NUMBERS)
    lake = project.lake()
    create(lake.catalog, lake.registry.tables["bronze.items"])
    write(lake, "bronze.items", pa.table({"code": ["8", "9", "10", "11", "12"], "run_id": ["landed"] * 5}))
    project.run()
    # As texts 10 comes before 9.
    lake.catalog.open("bronze.items").delete("code IN ('9', '10')")
    done = project.run()["silver.numbers"]
    assert (done.note.mode, done.note.counts["deleted"]) == ("incremental", 2)
    assert sorted(row["number"] for row in project.rows("silver.numbers")) == [8, 11, 12]


def test_several_commits_of_an_input_are_taken_in_at_once(project):
    words.write(project)
    project.run()
    source = project.root / "input.txt"
    for text in ("a:one|b:two|c:three", "a:one more|c:three", "a:last|b:back again|c:three|d:new", "a:last|c:x|d:new"):
        source.write_text(text)
        project.run("bronze.lines")
    done = project.run()
    assert done["silver.shouts"].note.mode == "incremental"
    held = {name: project.rows(name) for name in ("silver.shouts", "silver.words")}
    assert {row["sample_id"]: row["text"] for row in held["silver.shouts"]} == {"a": "LAST!", "c": "X!", "d": "NEW!"}
    project.run(*held, "bronze.lines", lake="rebuilt")
    for name, rows in held.items():
        assert bare(rows) == bare(project.rows(name, lake="rebuilt"))


def test_rows_that_something_else_doubled_are_taken_out_again(project):
    words.write(project)
    project.run(UP)
    lake = project.lake()
    names = ("bronze.lines", "silver.shouts")
    before = {name: bare(project.rows(name)) for name in names}
    for name in names:
        write(lake, name, twice(lake, name))
    # Alone, a flow does not make two of what its input holds twice.
    alone = project.run("silver.shouts")["silver.shouts"]
    assert alone.status == "failed"
    assert "share a key" in alone.error.message or "with one key" in alone.error.message
    assert {outcome.status for outcome in project.run(UP).values()} == {"done"}
    assert {name: bare(project.rows(name)) for name in names} == before
    write(lake, "bronze.lines", twice(lake, "bronze.lines"))
    write(lake, "silver.shouts", twice(lake, "silver.shouts", text="OTHER!"))
    project.run(UP, full=True)
    assert {name: bare(project.rows(name)) for name in names} == before
    assert {item.state for item in project.plan(UP).values()} == {"fresh"}


def test_a_key_that_something_else_wrote_again_in_an_input_is_refused(project):
    words.write(project)
    project.run(UP)
    lake = project.lake()
    write(lake, "bronze.lines", twice(lake, "bronze.lines"))
    alone = project.run("silver.shouts")["silver.shouts"]
    assert alone.status == "failed"
    assert "a second row of silver.shouts with the key sample_id=" in alone.error.message
    project.run(UP)
    assert len(project.rows("silver.shouts")) == len(project.rows("bronze.lines")) == 3


def twice(lake, name, **changed):
    """Return a row of a table, as something that is no flow would write it again."""
    table = DeltaTable(lake.catalog.table_uri(name))
    row = table.to_pyarrow_table().slice(0, 1).to_pylist()[0] | changed
    return pa.Table.from_pylist([row], schema=pa.schema(table.schema().to_arrow()))


def bare(rows):
    return sorted(str({k: v for k, v in row.items() if k != "run_id"}) for row in rows)
