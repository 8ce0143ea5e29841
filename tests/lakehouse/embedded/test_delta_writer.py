from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import create
from lakehouse.delta.history import newest_note
from lakehouse.delta.scan import scan
from lakehouse.embedded import delta_writer
from lakehouse.embedded.delta_writer import RowsToWrite
from lakehouse.errors import CollisionError
from lakehouse.ledger import tables
from tests.lakehouse.lakes import lake_at, note

ID = Column("Id", pa.string(), "Identity.")
N = Column("n", pa.int64(), "Number.")
TABLE = Table("bronze.things", doc="Things.", columns=[ID, N], key=["Id"])


@pytest.fixture
def catalog(tmp_path):
    return lake_at(tmp_path / "lake").catalog


def write(catalog, mode, rows, number=1, table=TABLE, **fields):
    """Commit rows; of a merge each ends in U, it comes in, or D, it goes."""
    schema = pa.schema([(c.name, c.type) for c in table.columns])
    actions = None
    if mode == "merge":
        actions = actions_of(catalog, table, schema, rows)
        rows = [row[:-1] for row in rows if row[-1] == "U"]
    batches = [pa.RecordBatch.from_pylist([dict(zip(schema.names, row, strict=True))], schema) for row in rows]
    create(catalog, table)
    changes = RowsToWrite(mode, schema, batches, 100, actions=actions)
    return delta_writer.write(catalog, table, changes, note(table.name, f"run-{number}", **fields), number)


def actions_of(catalog, table, schema, rows):
    """Return the key and action of each row that is in the table, or comes in."""
    places = [schema.names.index(key) for key in table.key]
    held = {tuple(row[place] for place in places) for row in stored(catalog, table)}
    made = []
    for row in rows:
        key = tuple(row[place] for place in places)
        if row[-1] == "U" or key in held:
            action = "D" if row[-1] == "D" else "U" if key in held else "I"
            made.append({**dict(zip(table.key, key, strict=True)), "_action": action})
    kinds = pa.schema([*(schema.field(key) for key in table.key), pa.field("_action", pa.string())])
    return pl.DataFrame(pa.Table.from_pylist(made, kinds))


def stored(catalog, table=TABLE, version=None):
    rows = catalog.open(table.name, version).to_pyarrow_table().to_pylist()
    return sorted((tuple(row.values()) for row in rows), key=repr)


def test_rows_are_appended_merged_and_replaced_with_their_notes(catalog):
    assert write(catalog, "append", [("a", 1), ("it's", 2), ("\\ä𝔸", 3)]) == 1
    merged = [("b", None, "U"), ("it's", 5, "U"), ("\\ä𝔸", None, "D"), ("gone", 1, "D")]
    assert write(catalog, "merge", merged, 2) == 2
    assert stored(catalog) == [("it's", 5), ("a", 1), ("b", None)]
    assert write(catalog, "overwrite", [("z", 9)], 3) == 3
    assert (stored(catalog), len(stored(catalog, version=1))) == ([("z", 9)], 3)
    version, found = newest_note(catalog.open(TABLE.name))
    assert (version, found.run_id) == (3, "run-3")
    assert catalog.open(TABLE.name).transaction_version("flows.bronze.things") == 3


def test_a_commit_of_no_rows_carries_its_note(catalog):
    assert write(catalog, "append", [], code="\"q\" 's' \\ \n ä𝔸") == 1
    assert newest_note(catalog.open(TABLE.name))[1].code == "\"q\" 's' \\ \n ä𝔸"
    assert stored(catalog) == []
    write(catalog, "append", [("a", 1)], 2)
    assert write(catalog, "overwrite", [], 3) == 3
    assert stored(catalog) == []
    assert newest_note(catalog.open(TABLE.name))[0] == 3


def test_the_change_feed_tells_what_each_commit_did(catalog):
    write(catalog, "append", [("a", 1), ("b", 2)])
    write(catalog, "merge", [("a", 3, "U"), ("b", None, "D"), ("c", 4, "U")], 2)
    write(catalog, "overwrite", [("a", 3), ("d", 1)], 3)
    feed = pa.table(catalog.open(TABLE.name).load_cdf(starting_version=1)).to_pylist()
    found = sorted((row["_commit_version"], row["Id"], row["_change_type"], row["n"]) for row in feed)
    assert found == [
        (1, "a", "insert", 1), (1, "b", "insert", 2), (2, "a", "update_postimage", 3), (2, "a", "update_preimage", 1),
        (2, "b", "delete", 2), (2, "c", "insert", 4), (3, "a", "delete", 3), (3, "a", "insert", 3),
        (3, "c", "delete", 4), (3, "d", "insert", 1),
    ]  # fmt: skip


def test_null_keys_and_keys_of_every_kind_are_met(catalog):
    kinds = {
        "t": (pa.string(), "x"),
        "i": (pa.int8(), -128),
        "n64": (pa.int64(), 1 << 62),
        "b": (pa.bool_(), True),
        "bytes": (pa.binary(), b"\x00\xff"),
        "day": (pa.date32(), dt.date(1, 1, 2)),
        "at": (pa.timestamp("us", "UTC"), dt.datetime(2024, 2, 29, 1, 2, 3, 45, tzinfo=dt.UTC)),
        "local": (pa.timestamp("us"), dt.datetime(1970, 1, 1)),  # noqa: DTZ001 - a time without a zone
        "d": (pa.decimal128(20, 3), Decimal("-1.500")),
        "last": (pa.int16(), 5),
    }
    names = list(kinds)
    table = Table("bronze.keys", doc="x", columns=[*(Column(k, kinds[k][0], "x") for k in names), N], key=names)
    full, none = [kinds[name][1] for name in names], [None] * len(names)
    write(catalog, "append", [(*full, 1), (*none, 1), (*full[:-1], 6, 1)], table=table)
    write(catalog, "merge", [(*full, 2, "U"), (*none, 2, "U"), (*full[:-1], 6, 0, "D")], 2, table=table)
    assert sorted(row[-1] for row in stored(catalog, table)) == [2, 2]
    assert stored(catalog, table)[0][:2] == ("x", -128)


def test_a_partitioned_table_is_appended_to_merged_and_replaced(catalog):
    where = Column("where", pa.string(), "Place.")
    table = Table("bronze.parts", doc="x", columns=[ID, where, N], key=["Id"], partition_by=["where", "n"])
    rows = [("a", "it's / =%ä𝔸", 1), ("b", None, None), ("c", " ", -1)]
    write(catalog, "append", rows, table=table)
    assert stored(catalog, table) == sorted(rows, key=str)
    write(catalog, "merge", [("a", "moved", 1, "U"), ("b", None, 7, "U"), ("c", None, None, "D")], 2, table=table)
    assert stored(catalog, table) == [("a", "moved", 1), ("b", None, 7)]
    write(catalog, "overwrite", [("d", "it's", 4)], 3, table=table)
    assert stored(catalog, table) == [("d", "it's", 4)]
    assert catalog.open(table.name).metadata().partition_columns == ["where", "n"]
    again = Table("bronze.parts", doc="x", columns=[ID, where, N], key=["Id"], partition_by=["n"])
    write(catalog, "overwrite", [("d", "it's", 5)], 4, table=again)
    assert (stored(catalog, again), catalog.open(again.name).metadata().partition_columns) == (
        [("d", "it's", 5)],
        ["n"],
    )


def test_an_overwrite_takes_the_contracts_columns(catalog):
    write(catalog, "append", [("a", 1)])
    changed = Table(TABLE.name, doc="x", columns=[ID, Column("n", pa.string(), "x"), Column("new", pa.bool_(), "x")])
    write(catalog, "overwrite", [("a", "one", True)], 2, table=changed)
    assert stored(catalog) == [("a", "one", True)]


def test_a_transactions_number_is_used_once(catalog):
    write(catalog, "append", [("a", 1)], 2)
    for number in (1, 2):
        with pytest.raises(CollisionError, match=f"another run committed transaction {number}"):
            write(catalog, "append", [("b", 1)], number)
    write(catalog, "append", [("b", 1)], 1, flow="flows.other")
    assert [row[0] for row in stored(catalog)] == ["a", "b"]


@pytest.mark.parametrize("mode", ["append", "merge", "overwrite"])
def test_who_commits_second_is_told_so_and_changes_nothing(catalog, mode):
    write(catalog, "append", [("a", 1)])

    class Late(list):
        """Rows during whose reading somebody else commits."""

        def __iter__(self):
            write(catalog, "append", [("other", 1)], 7, flow="flows.other")
            return super().__iter__()

    schema = pa.schema([(c.name, c.type) for c in TABLE.columns])
    row = dict(zip(schema.names, ("a", 2), strict=True))
    actions = actions_of(catalog, TABLE, schema, [("a", 2, "U")]) if mode == "merge" else None
    changes = RowsToWrite(mode, schema, Late([pa.RecordBatch.from_pylist([row], schema)]), 100, actions=actions)
    with pytest.raises(CollisionError):
        delta_writer.write(catalog, TABLE, changes, note(TABLE.name, "run-2"), 2)
    assert stored(catalog) == [("a", 1), ("other", 1)]


def test_of_many_writers_at_once_each_number_is_won_by_one(catalog):
    write(catalog, "append", [])
    won, begin = [], threading.Barrier(4)

    def work(name):
        begin.wait()
        try:
            write(catalog, "append", [(name, 1)], 2, started=name)
            won.append(name)
        except CollisionError:
            pass

    threads = [threading.Thread(target=work, args=(f"w{k}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert [row[0] for row in stored(catalog)] == won


def test_writer_options_reach_the_files(catalog):
    options = [
        ("compression", "zstd"), ("parquet.enable.dictionary", "false"), ("parquet.block.size", "1000"),
        ("parquet.page.size", "4096"), ("parquet.page.row.count.limit", "5"),
    ]  # fmt: skip
    options.append(("parquet.enable.dictionary#n", "true"))
    table = Table("bronze.options", doc="x", columns=[ID, N], writer_options=options)
    write(catalog, "append", [(str(n), n) for n in range(25)], table=table)
    (path,) = catalog.open(table.name).file_uris()
    found = pq.read_metadata(path)
    column = found.row_group(0).column(0)
    assert (found.num_row_groups, column.compression, column.has_dictionary_page) == (3, "ZSTD", False)
    assert found.row_group(0).column(1).has_dictionary_page
    plain = delta_writer.writer_properties(TABLE, 0)
    assert "max_row_group_size: 1048576" in str(plain)
    assert "max_row_group_size: 4" in str(delta_writer.writer_properties(TABLE, 32 << 20))
    few = Table("bronze.few", doc="x", columns=[ID, N], writer_options=[("parquet.block.row.count.limit", "10")])
    assert "max_row_group_size: 10" in str(delta_writer.writer_properties(few, 8))
    for name in ("none", "uncompressed", "snappy"):
        assert delta_writer.writer_properties(
            Table("a.b", doc="x", columns=[ID], writer_options=[("compression", name)]), 1
        )


def test_an_attempts_rows_are_quarantined_once(catalog):
    row = dict.fromkeys(tables.quarantine.schema.names)
    rows = pa.Table.from_pylist([{**row, "attempt": "x"}], tables.quarantine.schema)
    for attempt in ("x", "x", "y"):
        delta_writer.append_quarantine(catalog, rows, attempt)
    assert catalog.open(tables.quarantine.name).to_pyarrow_table().num_rows == 2


def test_merged_rows_are_found_by_their_texts(catalog):
    write(catalog, "append", [("a", 1), ("b", 2)])
    write(catalog, "merge", [("a", 3, "U")], 2)
    rows = scan(catalog.open(TABLE.name), TABLE.name)
    assert rows.to_table(filter=pc.field("Id") == "a").num_rows == 1
