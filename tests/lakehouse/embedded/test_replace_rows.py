from __future__ import annotations

import datetime as dt
import tempfile
import threading
import uuid
from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import create
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.scan import scan
from lakehouse.embedded import delta_writer
from lakehouse.embedded.delta_writer import RowsToWrite
from lakehouse.errors import CollisionError, LakeError
from lakehouse.release.vacuum import vacuum
from tests.lakehouse.lakes import note

ID = Column("Id", pa.string(), "Identity.")
N = Column("n", pa.int64(), "Number.")
TABLE = Table("bronze.things", doc="Things.", columns=[ID, N], key=["Id"])
KINDS = [
    ("bool", pa.bool_(), True),
    ("tiny", pa.int8(), -128),
    ("big", pa.int64(), 1 << 62),
    ("half", pa.float32(), 0.5),
    ("double", pa.float64(), float("inf")),
    ("bytes", pa.binary(), b"\x00\xff"),
    ("day", pa.date32(), dt.date(1, 1, 2)),
    ("utc", pa.timestamp("us", "UTC"), dt.datetime(2024, 2, 29, 1, 2, 3, 45, tzinfo=dt.UTC)),
    ("local", pa.timestamp("us"), dt.datetime(1970, 1, 1, 0, 0, 0, 1)),  # noqa: DTZ001 - a time without a zone
    ("short", pa.decimal128(5, 2), Decimal("-123.45")),
    ("long", pa.decimal128(38, 10), Decimal("1234567890123456789012345678.0123456789")),
    ("list", pa.list_(pa.string()), ["a", None, ""]),
    ("pair", pa.list_(pa.float32(), 2), [1.5, -0.0]),
    ("struct", pa.struct([("x", pa.int32()), ("y", pa.list_(pa.struct([("z", pa.string())])))]), {"x": 1, "y": []}),
    ("map", pa.map_(pa.string(), pa.int64()), [("k", 1), ("l", None)]),
]


@pytest.fixture
def catalog(tmp_path):
    return Catalog(str(tmp_path / "lake"))


def append(catalog, table, rows):
    create(catalog, table)
    batches = pa.Table.from_pylist(rows, schema(table)).to_batches()
    commit(catalog, table, RowsToWrite("append", schema(table), batches, 100))


def merge(catalog, table, comes, actions):
    """Replace rows; `actions` has a letter for each key, of one column or of several."""
    keys = [key if isinstance(key, tuple) else (key,) for key in actions]
    columns = [[key[place] for key in keys] for place in range(len(table.key))]
    arrays = [pa.array(column, table.column(name).type) for name, column in zip(table.key, columns, strict=True)]
    frame = pl.DataFrame(pa.table([*arrays, pa.array(actions.values(), pa.string())], [*table.key, "_action"]))
    batches = pa.Table.from_pylist(comes, schema(table)).to_batches()
    return commit(catalog, table, RowsToWrite("merge", schema(table), batches, 100, actions=frame))


def commit(catalog, table, changes):
    opened = catalog.open(table.name)
    number = int(opened.transaction_version(f"flows.{table.name}") or 0) + 1
    return delta_writer.write(catalog, table, changes, note(table.name, f"run-{number}"), number)


def schema(table):
    return pa.schema([(column.name, column.type) for column in table.columns])


def stored(catalog, table, version=None):
    return pa.table(catalog.open(table.name, version).to_pyarrow_table()).to_pylist()


def feed(catalog, table, version):
    rows = pa.table(catalog.open(table.name).load_cdf(starting_version=version, ending_version=version)).to_pylist()
    return Counter((row["_change_type"], row["Id"], row["n"]) for row in rows)


def test_rows_of_every_type_outlive_what_is_replaced_beside_them(catalog):
    table = Table("bronze.kinds", doc="x", columns=[ID, *(Column(n, kind, "x") for n, kind, _ in KINDS)], key=["Id"])
    full = {name: value for name, _, value in KINDS}
    append(catalog, table, [{"Id": "full", **full}, {"Id": "none"}, {"Id": "gone"}])
    merge(catalog, table, [{"Id": "new", **full}], {"gone": "D", "new": "I"})
    found = {row.pop("Id"): row for row in stored(catalog, table)}
    assert found == {"full": full, "new": full, "none": dict.fromkeys(full)}
    (file, other) = (pq.ParquetFile(path) for path in catalog.open(table.name).file_uris()[:1] * 2)
    assert file.schema_arrow.equals(other.schema_arrow)
    assert scan(catalog.open(table.name), table.name).count_rows(filter=pa.compute.field("Id") == "full") == 1


keys = st.sampled_from(["a", "b", "c", "d", "", "ä𝔸", None])


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_changes_leave_the_rows_and_the_feed_that_they_must(data):
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(f"{folder}/lake")
        held = dict.fromkeys(data.draw(st.sets(keys, max_size=7), "first"), 0)
        append(catalog, TABLE, [{"Id": key, "n": n} for key, n in held.items()])
        for number in range(1, 4):
            wanted = {key: data.draw(st.sampled_from(["keep", "come", "go"]), "what") for key in ["a", "b", "ä𝔸", None]}
            comes = {key: number for key, what in wanted.items() if what == "come"}
            actions = {key: "U" if key in held else "I" for key in comes}
            actions |= {key: "D" for key, what in wanted.items() if what == "go" and key in held}
            if not actions:
                continue
            version = merge(catalog, TABLE, [{"Id": key, "n": n} for key, n in comes.items()], actions)
            expected = Counter()
            for key, action in actions.items():
                gone, come = {"I": ("", "insert"), "U": ("update_preimage", "update_postimage"), "D": ("delete", "")}[
                    action
                ]
                expected.update([(gone, key, held[key])] if gone else [])
                expected.update([(come, key, number)] if come else [])
            assert feed(catalog, TABLE, version) == expected
            held = {key: n for key, n in {**held, **comes}.items() if actions.get(key) != "D"}
            assert Counter((row["Id"], row["n"]) for row in stored(catalog, TABLE)) == Counter(held.items())


def test_files_without_such_rows_stay_as_they_are(catalog):
    for part in ("a", "m", "z"):
        append(catalog, TABLE, [{"Id": f"{part}{n}", "n": n} for n in range(5)])
    before = set(catalog.open(TABLE.name).file_uris())
    merge(catalog, TABLE, [{"Id": "m1", "n": 9}, {"Id": "b", "n": 0}], {"m1": "U", "b": "I", "q": "D"})
    after = set(catalog.open(TABLE.name).file_uris())
    assert (len(before & after), len(after)) == (2, 3)
    merge(catalog, TABLE, [{"Id": "c", "n": 0}], {"c": "I"})
    assert after < set(catalog.open(TABLE.name).file_uris())


def test_more_keys_than_a_condition_could_name(catalog):
    rows = [{"Id": f"{n:09d}", "n": n} for n in range(120_000)]
    append(catalog, TABLE, rows)
    gone = {row["Id"]: "D" for row in rows[::2]}
    merge(catalog, TABLE, [], gone)
    assert catalog.open(TABLE.name).count() == 60_000
    assert sum(feed(catalog, TABLE, 2).values()) == 60_000


def test_keys_of_several_columns_and_a_partition_among_them(catalog):
    where = Column("where", pa.string(), "Place.")
    day = Column("day", pa.date32(), "Day.")
    table = Table(
        "bronze.parts", doc="x", columns=[ID, N, where, day], key=["Id", "where"], partition_by=["where", "day"]
    )
    odd, day_one = "it's / =%ä𝔸", dt.date(2024, 1, 1)
    rows = [{"Id": key, "n": 1, "where": place, "day": day_one} for key in "ab" for place in (odd, None, "x")]
    append(catalog, table, rows)
    comes = [{"Id": "a", "n": 2, "where": odd, "day": day_one}, {"Id": "c", "n": 2, "where": None, "day": None}]
    version = merge(catalog, table, comes, {("a", odd): "U", ("b", None): "D", ("c", None): "I"})
    found = sorted((row["Id"], row["where"] or "", row["n"], row["day"]) for row in stored(catalog, table))
    assert found == [
        ("a", "", 1, day_one), ("a", odd, 2, day_one), ("a", "x", 1, day_one), ("b", odd, 1, day_one),
        ("b", "x", 1, day_one), ("c", "", 2, None),
    ]  # fmt: skip
    changes = duckdb.from_arrow(pa.table(catalog.open(table.name).to_pyarrow_table())).fetchall()
    assert len(changes) == 6
    assert version == 2


def test_spark_duckdb_and_polars_read_what_was_replaced(catalog, spark):
    append(catalog, TABLE, [{"Id": key, "n": 1} for key in "abc"])
    version = merge(catalog, TABLE, [{"Id": "a", "n": 2}, {"Id": "d", "n": 2}], {"a": "U", "b": "D", "d": "I"})
    uri = catalog.table_uri(TABLE.name)
    wanted = [("a", 2), ("c", 1), ("d", 2)]
    assert sorted(map(tuple, spark.read.format("delta").load(uri).collect())) == wanted
    assert sorted(pl.read_delta(uri).rows()) == wanted
    assert sorted(duckdb.from_arrow(scan(catalog.open(TABLE.name), TABLE.name)).fetchall()) == wanted
    changes = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", version).load(uri)
    found = Counter((row["_change_type"], row["Id"], row["n"]) for row in changes.collect())
    assert found == feed(catalog, TABLE, version)
    history = spark.sql(f"DESCRIBE HISTORY delta.`{uri}`").first()
    assert (history["operation"], history["operationMetrics"]["numTargetRowsUpdated"]) == ("MERGE", "1")
    spark.sql(f"DELETE FROM delta.`{uri}` WHERE Id = 'c'")
    merge(catalog, TABLE, [{"Id": "e", "n": 3}], {"d": "D", "e": "I"})
    assert sorted(pl.read_delta(uri).rows()) == [("a", 2), ("e", 3)]


def test_a_lost_file_is_named(catalog):
    append(catalog, TABLE, [{"Id": "a", "n": 1}])
    (path,) = catalog.open(TABLE.name).file_uris()
    Path(path).unlink()
    with pytest.raises(LakeError, match=Path(path).name):
        merge(catalog, TABLE, [], {"a": "D"})
    assert catalog.open(TABLE.name).version() == 1


def test_what_lost_a_race_is_no_part_of_the_table_and_goes_with_a_vacuum(catalog, monkeypatch):
    append(catalog, TABLE, [{"Id": "a", "n": 1}])
    original = delta_writer.create_commit

    def late(*args):
        append(catalog, TABLE, [{"Id": "other", "n": 1}])
        return original(*args)

    with monkeypatch.context() as patched:
        patched.setattr(delta_writer, "create_commit", late)
        with pytest.raises(CollisionError):
            merge(catalog, TABLE, [{"Id": "a", "n": 2}], {"a": "U"})
    assert sorted(row["Id"] for row in stored(catalog, TABLE)) == ["a", "other"]
    vacuum(catalog, retention_hours=0)
    left = [path for path in Path(catalog.table_uri(TABLE.name)).rglob("*.parquet") if "_delta_log" not in path.parts]
    assert sorted(map(str, left)) == sorted(catalog.open(TABLE.name).file_uris())


def test_rows_are_replaced_on_s3_and_of_racing_writers_one_wins(s3):
    catalog = Catalog(f"s3://{s3.bucket}/{uuid.uuid4().hex}", s3.storage)
    where = Column("where", pa.string(), "Place.")
    table = Table("bronze.parts", doc="x", columns=[ID, N, where], key=["Id"], partition_by=["where"])
    odd = "it's / =%ä𝔸"
    append(catalog, table, [{"Id": key, "n": 1, "where": odd} for key in "abc"])
    merge(catalog, table, [{"Id": "a", "n": 2, "where": odd}], {"a": "U", "b": "D"})
    assert sorted((row["Id"], row["n"], row["where"]) for row in stored(catalog, table)) == [
        ("a", 2, odd),
        ("c", 1, odd),
    ]
    assert feed(catalog, table, 2) == {
        ("update_preimage", "a", 1): 1, ("update_postimage", "a", 2): 1, ("delete", "b", 1): 1,
    }  # fmt: skip
    won, begin = [], threading.Barrier(3)

    def work(number):
        begin.wait()
        try:
            merge(catalog, table, [{"Id": "c", "n": number}], {"c": "U"})
            won.append(number)
        except CollisionError:
            pass

    threads = [threading.Thread(target=work, args=(number,)) for number in (3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) >= 1
    assert sorted((row["Id"], row["n"]) for row in stored(catalog, table)) == [("a", 2), ("c", won[-1])]
