from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN
from lakehouse.declare.reads import Read, tagged
from lakehouse.declare.registry import Registry
from lakehouse.delta.append import append_rows
from lakehouse.project import Project
from lakehouse.spark.flow_inputs import count_files, frame
from tests.lakehouse.lakes import lake_at

COLUMNS = [Column("id", pa.string(), "Identity."), Column("n", pa.int64(), "Number.")]
ONE = Table("silver.one", doc="One.", columns=COLUMNS, key=["id"], tags=["both"])
TWO = Table("silver.two", doc="Two.", columns=COLUMNS, key=["id"], tags=["both"])


def made(tmp_path):
    project = Project(lake_at(tmp_path / "lake").config)
    project.__dict__["registry"] = Registry({ONE.name: ONE, TWO.name: TWO}, {})
    append_rows(project.catalog, ONE, pa.table({"id": ["a", "b"], "n": [1, 2]}))
    append_rows(project.catalog, ONE, pa.table({"id": ["c"], "n": [3]}))
    append_rows(project.catalog, TWO, pa.table({"id": ["d"], "n": [4]}))
    return project


def test_an_input_is_read_at_its_version_with_its_condition_and_columns(spark, tmp_path):
    project = made(tmp_path)
    read = Read(table=ONE.name, where="n > 1", columns=("id",))
    for version, ids in ((1, ["b"]), (2, ["b", "c"]), (-1, [])):
        rows = frame(spark, project, read, {ONE.name: version})
        assert rows.columns == ["id"]
        assert sorted(row["id"] for row in rows.collect()) == ids


def test_a_tag_is_the_union_of_its_tables_which_a_pseudo_column_names(spark, tmp_path):
    project = made(tmp_path)
    read = tagged("both", columns=["id", TABLE_PSEUDO_COLUMN])
    rows = frame(spark, project, read, {ONE.name: 2, TWO.name: 1})
    assert max((row["id"], row[TABLE_PSEUDO_COLUMN]) for row in rows.collect()) == ("d", TWO.name)
    assert rows.count() == 4
    assert frame(spark, project, tagged("nobody", columns=["id"]), {}).count() == 0


def test_files_are_counted_from_the_log(tmp_path):
    project = made(tmp_path)
    files, size = count_files(project, tagged("both", columns=["id"]), {ONE.name: 2, TWO.name: 1})
    assert files == 3
    assert size > 0
    assert count_files(project, Read(table=ONE.name), {ONE.name: -1}) == (0, 0)
