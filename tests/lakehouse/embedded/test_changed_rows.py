from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.reads import read, tagged
from lakehouse.embedded.changed_rows import changes, distinct, rows_with_keys
from lakehouse.embedded.conditions import open_database
from tests.lakehouse.embedded.embedded_lakes import operator, project_of
from tests.lakehouse.lakes import note

ID, N = Column("id", pa.string(), "Identity."), Column("n", pa.int64(), "Number.")
ONE = Table("silver.ones", doc="x", columns=[ID, N], key=["id"], tags=["all"])
TWO = Table("silver.twos", doc="x", columns=[N, ID], key=["id"], tags=["all"], partition_by=["n"])


@pytest.fixture
def project(tmp_path):
    return project_of(tmp_path, ONE, TWO)


def commit(project, rows, mode="append", table=ONE, **options):
    """Commit rows with a note, as a flow does."""
    schema = pa.schema([(c.name, c.type) for c in table.columns])
    given = pa.Table.from_pylist([{"id": i, "n": n} for i, n in rows], schema)
    properties = CommitProperties(custom_metadata={"userMetadata": note(table.name).to_json()})
    if mode != "merge":
        write_deltalake(
            project.catalog.table_uri(table.name), given, mode=mode, commit_properties=properties, **options
        )
        return
    merge = DeltaTable(project.catalog.table_uri(table.name)).merge(
        given, "t.id IS NOT DISTINCT FROM s.id", "s", "t", commit_properties=properties
    )
    merge.when_matched_delete("s.n < 0").when_matched_update_all().when_not_matched_insert_all("s.n >= 0").execute()


def changed(project, tmp_path, before, item=None, **fields):
    item = item or read(ONE)
    flow = operator(ONE, item, **{"source_key": "id", "source_key_sql": "id", **fields})
    tables = project.registry.sources(item)
    now = {table.name: int(project.catalog.open(table.name).version()) for table in tables}
    database = open_database(str(tmp_path), "1GB")
    found = changes(project, database, flow, ({ONE.name: before, TWO.name: 0}, now), tmp_path)
    rows = sorted((tuple(row.values()) for batch in found.rows.batches for row in batch.to_pylist()), key=repr)
    database.close()
    return rows, None if found.affected is None else sorted(found.affected.rows.to_pylist(), key=str)


def test_only_inserts_are_processed_alone(project, tmp_path):
    commit(project, [("a", 1)])
    commit(project, [("b", 2), ("b", 2), (None, None)])
    assert changed(project, tmp_path, 1) == ([("b", 2), ("b", 2), (None, None)], None)
    assert changed(project, tmp_path, 2) == ([], None)
    assert changed(project, tmp_path, -1)[0] == [("a", 1), ("b", 2), ("b", 2), (None, None)]


def test_a_merge_that_only_inserted_is_no_change_of_keys(project, tmp_path):
    commit(project, [("a", 1)])
    commit(project, [("b", 2)], "merge")
    assert changed(project, tmp_path, 1) == ([("b", 2)], None)


def test_updates_deletes_and_inserts_of_several_versions_are_taken_together(project, tmp_path):
    commit(project, [("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1), (None, 1)])
    commit(project, [("a", 2), ("b", -1), ("f", 1), ("c", 2)], "merge")
    commit(project, [("a", 3), ("b", 5), ("f", -1), ("g", 1), (None, 2)], "merge")
    commit(project, [("g", 2), ("c", -1)], "merge")
    rows, keys = changed(project, tmp_path, 1)
    # The feed, since a flow wrote the table.
    assert rows == [("a", 3), ("b", 5), ("g", 2), (None, 2)]
    assert set(keys) == {"a", "b", "c", "f", "g", None}


def test_rows_that_something_else_wrote_are_looked_up(project, tmp_path):
    commit(project, [("a", 1), ("b", 1), ("c", 1)])
    commit(project, [("a", 2)], "merge")
    uri = project.catalog.table_uri(ONE.name)
    write_deltalake(uri, pa.table({"id": ["a"], "n": [7]}), mode="append")
    DeltaTable(uri).delete("id = 'b'")
    rows, keys = changed(project, tmp_path, 1)
    assert (rows, keys) == ([("a", 2), ("a", 7)], ["a", "b"])


def test_an_overwritten_table_has_changed_all_keys(project, tmp_path):
    commit(project, [("a", 1), ("b", 1)])
    commit(project, [("b", 1), ("c", 1)], "overwrite")
    assert changed(project, tmp_path, 1) == ([("b", 1), ("c", 1)], ["a", "b", "c"])
    commit(project, [], "overwrite")
    assert changed(project, tmp_path, 2) == ([], ["b", "c"])


def test_a_row_that_no_longer_fulfils_the_condition_leaves_its_key(project, tmp_path):
    item = read(ONE, where="n < 5", columns=["id"])
    commit(project, [("a", 1), ("b", 9)])
    assert changed(project, tmp_path, 0, item) == ([("a",)], None)
    commit(project, [("a", 7), ("b", 2)], "merge")
    assert changed(project, tmp_path, 1, item) == ([("b",)], ["a", "b"])


def test_the_tables_of_a_tag_are_looked_up_together(project, tmp_path):
    item = tagged("all", columns=["id", "n", "_table"], where="n > 0")
    commit(project, [("a", 1), ("x", 1)])
    commit(project, [("a", 5), ("b", 0), ("x", 6)], table=TWO)
    assert changed(project, tmp_path, 0, item)[1] is None
    commit(project, [("a", 2)], "merge")
    rows, keys = changed(project, tmp_path, 1, item)
    # Of a key that changed in one table, the other's rows are processed as well.
    expected = [("a", 2, "silver.ones"), ("a", 5, "silver.twos"), ("x", 1, "silver.ones"), ("x", 6, "silver.twos")]
    assert (rows, keys) == (expected, ["a", "b", "x"])


def test_keys_need_not_be_the_tables_key(project, tmp_path):
    commit(project, [("a", 1), ("b", 1), ("c", 2), ("d", 3)])
    commit(project, [("a", 2)], "merge")
    rows, keys = changed(project, tmp_path, 1, source_key="n", source_key_sql="n")
    assert (rows, keys) == ([("a", 2), ("b", 1), ("c", 2)], [1, 2])


def test_a_column_that_came_later_is_null_in_earlier_changes(project, tmp_path):
    commit(project, [("a", 1)])
    grown = Table(ONE.name, doc="x", columns=[ID, N, Column("new", pa.binary(), "New.")], key=["id"])
    project.registry.tables[ONE.name] = grown
    assert changed(project, tmp_path, 0, read(grown))[0] == [("a", 1, None)]


def test_rows_of_keys_are_read_where_the_key_is_not_asked_for(project, tmp_path):
    commit(project, [("a", 1), ("b", 2), (None, 3)])
    flow = operator(ONE, read(ONE, columns=["n"]), source_key="id", source_key_sql="id")
    database = open_database(str(tmp_path), "1GB")
    for keys, expected in ((["a", "x"], [1]), ([None], [3]), ([], [])):
        found = rows_with_keys(project, database, flow, {ONE.name: 1}, pa.array(keys, pa.string()))
        assert [row["n"] for batch in found.batches for row in batch.to_pylist()] == expected
    assert list(rows_with_keys(project, database, flow, {ONE.name: -1}, pa.array(["a"])).batches) == []


def test_distinct_values_of_no_columns_are_none():
    assert distinct([]).to_pylist() == []
    assert distinct([pa.chunked_array([[1, 2], [2, None]]), pa.chunked_array([[1, None]])]).to_pylist() == [1, 2, None]
