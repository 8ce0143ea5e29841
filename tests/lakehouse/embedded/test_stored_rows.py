from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.embedded import stored_rows
from lakehouse.embedded.conditions import open_database
from lakehouse.embedded.stored_rows import StoredRowReader
from lakehouse.engine import AffectedKeys, StoredRows
from tests.lakehouse.embedded.embedded_lakes import operator, project_of
from tests.lakehouse.lakes import write

PARTS = Table(
    "silver.parts",
    doc="Parts.",
    columns=[
        Column("id", pa.string(), "Id."),
        Column("n", pa.int64(), "Place."),
        Column("parent_ids", pa.list_(pa.string()), "Parents."),
        Column("text", pa.string(), "Text.", payload=True),
    ],
    key=["id", "n"],
)
FLOW = operator(PARTS, source_key_sql="get(parent_ids, 0)")
SCHEMA = pa.schema([(column.name, column.type) for column in PARTS.columns])


@pytest.fixture
def reader(tmp_path):
    """A reader of a table of three files."""
    project = project_of(tmp_path, PARTS)
    for part in (("a", "b"), ("k", "l"), ("x", "ä")):
        rows = [{"id": name, "n": n, "parent_ids": [f"u{name}"], "text": "t"} for name in part for n in range(2)]
        write(project, PARTS.name, pa.Table.from_pylist(rows, schema=SCHEMA))
    with open_database(str(tmp_path), "100MB") as database:
        yield StoredRowReader(project.catalog, FLOW, database)


def keys(*pairs):
    return pl.DataFrame(list(pairs), schema={"id": pl.String, "n": pl.Int64}, orient="row")


def found(reader, new, replaced=None):
    batch = reader.with_keys(new, 3, replaced)
    return sorted(zip(*(batch.column(name).to_pylist() for name in PARTS.key), strict=True)) if batch else []


def test_stored_rows_with_some_keys_are_found(reader):
    assert found(reader, keys(("k", 1), ("k", 2), ("m", 0))) == [("k", 1)]
    assert found(reader, keys(("m", 0), ("", 1))) == []
    assert found(reader, keys(("ä", 0))) == [("ä", 0)]


def test_rows_that_are_replaced_do_not_count(reader):
    affected = StoredRows(3, AffectedKeys(pa.array(["uk"])))
    assert found(reader, keys(("k", 1)), affected) == []
    assert found(reader, keys(("k", 1), ("a", 0)), affected) == [("a", 0)]


def test_only_the_key_and_the_origins_columns_are_read_of_files_that_may_hold_a_key(reader, monkeypatch):
    asked = []
    whole = stored_rows.table_rows

    def table_rows(*args):
        asked.append(args[3])
        for batch in whole(*args):
            asked.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(stored_rows, "table_rows", table_rows)
    assert found(reader, keys(("k", 1))) == [("k", 1)]
    assert asked[0] == ["id", "n", "parent_ids"]
    assert sum(asked[1:]) == 2  # of the other files and keys nothing comes


ID = st.sampled_from(["a", "b", "k", "l", "x", "ä", "", "zz", "A"])


def test_what_is_found_is_what_a_comparison_of_all_rows_finds(reader, monkeypatch):
    monkeypatch.setattr(stored_rows, "_ROWS_TOGETHER", 3)
    stored = {(name, n) for name in ("a", "b", "k", "l", "x", "ä") for n in range(2)}

    @settings(max_examples=60)
    @given(new=st.sets(st.tuples(ID, st.integers(0, 2)), min_size=1), listed=st.booleans(), origins=st.sets(ID))
    def compare(new, listed, origins):
        monkeypatch.setattr(stored_rows, "_LISTED_KEYS", 1000 if listed else 0)
        replaced = StoredRows(3, AffectedKeys(pa.array([f"u{name}" for name in origins], pa.string())))
        batch = reader.with_keys(keys(*new), 3, replaced)
        wanted = {pair for pair in stored & new if pair[0] not in origins}
        # The first that are found are enough.
        names = [batch.column(name).to_pylist() for name in PARTS.key] if batch else [[], []]
        assert set(zip(*names, strict=True)) <= wanted
        assert (batch is not None) == bool(wanted)

    compare()
