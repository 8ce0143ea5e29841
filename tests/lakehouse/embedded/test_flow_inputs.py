from __future__ import annotations

import datetime as dt
import decimal

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN
from lakehouse.declare.reads import read, tagged
from lakehouse.delta.append import append_rows
from lakehouse.delta.scan import Rows
from lakehouse.embedded import flow_inputs
from lakehouse.embedded.conditions import open_database
from lakehouse.embedded.flow_inputs import Selection, in_types, input_rows, table_rows
from lakehouse.engine.input_types import input_schema
from tests.lakehouse.embedded.embedded_lakes import project_of

ID = Column("id", pa.string(), "Identity.")
N = Column("n", pa.int32(), "Number.")
TEXT = Column("Text", pa.string(), "Text.")
ONE = Table("silver.ones", doc="x", columns=[ID, N, TEXT], key=["id"], tags=["all"])
TWO = Table("silver.twos", doc="x", columns=[TEXT, ID], key=["id"], tags=["all"], partition_by=["Text"])


@pytest.fixture
def database(tmp_path):
    opened = open_database(str(tmp_path), "1GB")
    yield opened
    opened.close()


@pytest.fixture
def project(tmp_path):
    made = project_of(tmp_path, ONE, TWO)
    append_rows(
        made.catalog,
        ONE,
        pa.table({"id": ["a", "b", None], "n": pa.array([1, None, 3], pa.int32()), "Text": ["x", "y", None]}),
    )
    append_rows(made.catalog, TWO, pa.table({"id": ["c", "d", "e"], "Text": ["it's / ä=%", None, " "]}))
    return made


def rows(project, database, item, **versions):
    known = {table.name: versions.get(table.name.split(".")[1], 1) for table in project.registry.sources(item)}
    found = input_rows(project, database, item, known, 2)
    batches = list(found.batches)
    assert all(batch.schema.equals(found.schema) and batch.num_rows for batch in batches)
    return sorted((row for batch in batches for row in batch.to_pylist()), key=repr)


def test_a_table_is_read_whole_with_its_columns_in_order(project, database):
    assert rows(project, database, read(ONE)) == [
        {"id": "a", "n": 1, "Text": "x"}, {"id": "b", "n": None, "Text": "y"}, {"id": None, "n": 3, "Text": None},
    ]  # fmt: skip
    assert rows(project, database, read(ONE, columns=["Text"])) == [{"Text": "x"}, {"Text": "y"}, {"Text": None}]


def test_an_earlier_version_and_a_missing_table_have_no_rows(project, database):
    assert rows(project, database, read(ONE), ones=0) == []
    assert rows(project, database, read(ONE), ones=-1) == []


def test_a_condition_may_be_of_columns_that_are_not_read(project, database):
    assert rows(project, database, read(ONE, where="n > 1 or text = 'x'", columns=["id"])) == [
        {"id": "a"},
        {"id": None},
    ]
    assert rows(project, database, read(ONE, where="n is null")) == [{"id": "b", "n": None, "Text": "y"}]
    assert rows(project, database, read(ONE, where="null")) == []


def test_tables_of_a_tag_are_joined_and_named(project, database):
    item = tagged("all", columns=[TEXT, TABLE_PSEUDO_COLUMN, "id"], where="id <> 'a'")
    assert list(input_schema(project, item).names) == ["Text", "_table", "id"]
    assert rows(project, database, item) == [
        {"Text": "it's / ä=%", "_table": "silver.twos", "id": "c"}, {"Text": " ", "_table": "silver.twos", "id": "e"},
        {"Text": "y", "_table": "silver.ones", "id": "b"}, {"Text": None, "_table": "silver.twos", "id": "d"},
    ]  # fmt: skip
    assert [row["id"] for row in rows(project, database, item, twos=-1)] == ["b"]
    named = tagged("all", columns=[ID], where="_table = 'silver.twos'")
    assert [row["id"] for row in rows(project, database, named)] == ["c", "d", "e"]


def test_a_tag_without_tables_has_its_columns(project, database):
    item = tagged("none", columns=[ID, N, TABLE_PSEUDO_COLUMN])
    assert rows(project, database, item) == []
    assert input_schema(project, item).types == [pa.string(), pa.int32(), pa.string()]


def test_a_column_that_is_not_stored_yet_is_null(project, database):
    grown = Table(
        ONE.name, doc="x", columns=[ID, Column("new", pa.list_(pa.int32()), "New."), N], key=["id"], tags=["all"]
    )
    found = list(table_rows(project.catalog, grown, 1, ["new", "id"], 100))
    assert [row for batch in found for row in batch.to_pylist()] == [{"new": None, "id": i} for i in ("a", "b", None)]
    project.registry.tables[ONE.name] = grown
    assert len(rows(project, database, read(grown, where="new is null and n > 0", columns=["id"]))) == 2


NOON = dt.datetime(2024, 1, 1, 12, 0, 0, 1, dt.UTC)
INNER = pa.struct([("pair", pa.list_(pa.int32(), 2)), ("data", pa.binary())])
KINDS = {
    "flag": (pa.bool_(), [True, None]),
    "tiny": (pa.int8(), [-128, None]),
    "f": (pa.float32(), [0.1, None]),
    "price": (pa.decimal128(38, 10), [decimal.Decimal("-1.5"), None]),
    "day": (pa.date32(), [dt.date(1, 1, 1), None]),
    "at": (pa.timestamp("us", "UTC"), [NOON, None]),
    "local": (pa.timestamp("us"), [NOON.replace(tzinfo=None), None]),
    "data": (pa.binary(), [b"\x00", None]),
    "names": (pa.list_(pa.list_(pa.string())), [[["a", None], None, []], None]),
    "pair": (pa.list_(pa.int32(), 2), [[1, None], None]),
    "inner": (INNER, [{"pair": [1, 2], "data": None}, None]),
    "many": (pa.list_(INNER), [[None, {"pair": None, "data": b"x"}], []]),
    "map": (pa.map_(pa.string(), pa.int32()), [[("k", None)], None]),
}  # fmt: skip


def test_each_type_is_read_as_the_contract_says(tmp_path, database):
    table = Table("silver.kinds", doc="x", columns=[Column(name, kind, "x") for name, (kind, _) in KINDS.items()])
    project = project_of(tmp_path, table)
    given = pa.table({name: pa.array(values, kind) for name, (kind, values) in KINDS.items()})
    append_rows(project.catalog, table, given)
    (batch,) = input_rows(project, database, read(table), {table.name: 1}, 100).batches
    assert batch.schema.types == given.schema.types
    assert batch.to_pylist() == given.to_pylist()
    (batch,) = input_rows(project, database, read(table, where="flag is null or flag"), {table.name: 1}, 100).batches
    assert batch.to_pylist() == given.to_pylist()


def test_a_table_whose_features_arrow_does_not_apply_comes_through_the_query_engine(project, database, monkeypatch):
    monkeypatch.setattr(flow_inputs, "scan", Rows)
    assert rows(project, database, read(ONE)) == [
        {"id": "a", "n": 1, "Text": "x"}, {"id": "b", "n": None, "Text": "y"}, {"id": None, "n": 3, "Text": None},
    ]  # fmt: skip


def test_a_file_of_no_rows_gives_no_batch(project, database):
    selection = Selection(database, read(ONE, where="n > 0"), ONE)
    empty = pa.RecordBatch.from_pylist([], pa.schema([("id", pa.string()), ("n", pa.int32()), ("Text", pa.string())]))
    assert list(selection.apply([empty])) == []


def test_what_does_not_fit_the_contract_is_an_error():
    with pytest.raises(pa.ArrowInvalid):
        in_types(pa.record_batch({"n": ["x"]}), pa.schema([("n", pa.int32())]))
    with pytest.raises(pa.ArrowInvalid):
        in_types(pa.record_batch({"n": [[1, 2, 3]]}), pa.schema([("n", pa.list_(pa.int64(), 2))]))
