from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.content_digest import HIGH, LOW, Digest
from lakehouse.spark.delta_reader import spark_schema
from lakehouse.spark.row_hash import hash_columns

digests = st.builds(Digest, st.integers(0, 1 << 60), st.integers(0, (1 << 128) - 1))


@given(digests, digests, digests)
def test_sums_are_free_of_order_and_can_be_taken_back(a, b, c):
    assert (a + b) + c == a + (c + b)
    assert (a + b) - b == a


@given(digests)
def test_text_is_read_back(a):
    assert Digest.parse(str(a)) == a


@given(st.lists(st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(1 << 63), (1 << 63) - 1)), max_size=20))
def test_sums_of_halves_equal_the_sum_of_wholes(rows):
    one_by_one = Digest()
    for high, low in rows:
        one_by_one += Digest.of(1, high, low)
    assert Digest.of(len(rows), sum(h for h, _ in rows), sum(low for _, low in rows)) == one_by_one


TABLE = Table(
    "x.rows",
    doc="A row.",
    columns=[
        Column("a", pa.string(), "a"),
        Column("b", pa.string(), "b"),
        Column("m", pa.map_(pa.string(), pa.string()), "m"),
        Column("l", pa.list_(pa.int32()), "l"),
        Column("t", pa.list_(pa.timestamp("us", "UTC")), "t"),
        Column("n", pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.map_(pa.string(), pa.int32())))])), "n"),
        Column("d", pa.binary(), "d"),
        Column("at", pa.string(), "at", volatile=True),
    ],
)


@pytest.fixture(scope="module")
def digest(spark):
    from pyspark.sql import functions as F

    def of(*rows, partitions=1):
        table = pa.Table.from_pylist([dict(zip("ab", row, strict=False)) | row[2] for row in rows], schema=TABLE.schema)
        frame = spark.createDataFrame(table, spark_schema(TABLE.schema)).repartition(partitions)
        hashed = frame.select(*hash_columns(TABLE))
        found = hashed.agg(F.count(F.lit(1)), *[F.sum(F.col(c).cast("decimal(20,0)")) for c in (HIGH, LOW)]).collect()[
            0
        ]
        return Digest.of(*found)

    return of


def test_digest_is_of_rows_and_not_of_their_place(digest):
    rows = [("x", "y", {}), ("z", None, {}), (None, "z", {})]
    assert digest(*rows) == digest(*reversed(rows), partitions=3)


def test_nulls_do_not_let_columns_swap(digest):
    assert digest(("z", None, {})) != digest((None, "z", {}))
    assert digest(("", None, {})) != digest((None, None, {}))


def test_maps_count_without_their_order_and_volatile_columns_not_at_all(digest):
    one = digest(("a", "b", {"m": [("k", "1"), ("j", "2")], "at": "now"}))
    assert one == digest(("a", "b", {"m": [("j", "2"), ("k", "1")], "at": "then"}))
    assert one != digest(("a", "b", {"m": [("j", "1"), ("k", "2")]}))


def test_nested_and_binary_values_count(digest):
    assert digest(("a", "b", {"l": [1, 2]})) != digest(("a", "b", {"l": [2, 1]}))
    assert digest(("a", "b", {"d": b"\x00"})) != digest(("a", "b", {"d": b"\x00\x00"}))


def test_nested_times_count_to_the_microsecond(digest):
    assert digest(("a", "b", {"t": [1_000_001]})) != digest(("a", "b", {"t": [1_000_999]}))
    assert digest(("a", "b", {"t": [1_000_001]})) == digest(("a", "b", {"t": [1_000_001]}))


def test_maps_in_lists_structs_and_maps_count_without_their_order(digest):
    def nested(*pairs):
        return {"n": [{"m": list(pairs)}, None, {"m": None}]}

    one = digest(("a", "b", nested(("k", [("x", 1), ("y", 2)]), ("j", [("z", 3)]))))
    assert one == digest(("a", "b", nested(("j", [("z", 3)]), ("k", [("y", 2), ("x", 1)]))))
    assert one != digest(("a", "b", nested(("j", [("z", 3)]), ("k", [("y", 1), ("x", 2)]))))
    assert one != digest(("a", "b", {"n": [{"m": [("k", [("x", 1), ("y", 2)]), ("j", [("z", 3)])]}, {"m": None}]}))
