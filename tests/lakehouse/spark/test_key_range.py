"""The span of changed keys: what it holds, when there is none, and that a MERGE leaves files outside of it unread."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import create
from lakehouse.engine import KeyRange
from lakehouse.spark.delta_writer import CommitStamp, write
from lakehouse.spark.key_range import key_range, range_aggregates, within
from lakehouse.spark.rows_to_write import ACTION, RowsToWrite
from tests.lakehouse.lakes import lake_at, note

things = Table(
    "silver.things",
    doc="A thing.",
    columns=[Column("name", pa.string(), "Its name.", nullable=False), Column("n", pa.int64(), "A number.")],
    key=["name"],
)


def bounds(low, high, null=False):
    return {"_low_k": low, "_high_k": high, "_null_k": null}


def test_a_span_covers_all_groups():
    assert key_range("k", bounds("b", "c"), bounds("a", "b")) == KeyRange("a", "c")
    assert key_range("k", bounds(3, 9), bounds(-1, 4)) == KeyRange(-1, 9)


@pytest.mark.parametrize(
    "found",
    [
        [],
        [bounds(None, None, null=True)],
        [bounds("a", "b", null=True)],
        [bounds(1.0, 2.0)],
        [bounds(True, False)],
        [bounds(b"a", b"b")],
    ],
)
def test_there_is_none_where_a_key_is_null_or_of_another_type(found):
    assert key_range("k", *found) is None


@pytest.mark.usefixtures("spark")
def test_texts_are_ordered_as_spark_orders_them(spark):
    texts = ["", "a", "Z", "é", "z", "\uffff", "\U0001f600"]
    rows = spark.createDataFrame([(text, n % 2) for n, text in enumerate(texts)], "k string, g int")
    groups = [row.asDict() for row in rows.groupBy("g").agg(*range_aggregates("k")).collect()]
    span = key_range("k", *groups)
    assert span == KeyRange("", "\U0001f600")
    assert rows.where(within(rows["k"], span)).count() == len(texts)


@given(st.lists(st.text(max_size=4), min_size=2, max_size=8))
def test_the_span_of_groups_is_that_of_all(texts):
    parts = [texts[: len(texts) // 2], texts[len(texts) // 2 :]]
    try:
        groups = [bounds(min(part, key=str.encode), max(part, key=str.encode)) for part in parts]
    except UnicodeEncodeError:  # a lone surrogate, which no table holds
        return
    span = key_range("k", *groups)
    assert (span.low, span.high) == (min(texts, key=str.encode), max(texts, key=str.encode))


@pytest.mark.usefixtures("spark")
def test_a_merge_reads_no_file_outside_of_the_span_and_does_what_it_does_without(spark, tmp_path):
    found = {}
    for name in ("with", "without"):
        lake = lake_at(tmp_path / name)
        create(lake.catalog, things)
        for first in ("a", "m", "t"):
            rows = spark.createDataFrame([(f"{first}{n}", n) for n in range(3)], "name string, n long")
            stamp = CommitStamp(note("silver.things", first), ord(first))
            write(spark, lake.catalog, things, RowsToWrite("append", rows), stamp)
        changes = [("m0", 10, "U"), ("m1", None, "D"), ("m9", 9, "I")]
        rows = spark.createDataFrame(changes, f"name string, n long, {ACTION} string")
        # The files of a and t are lost: a MERGE that reads them fails.
        if name == "with":
            kept = {path: path.read_bytes() for path in (tmp_path / name / "silver" / "things").glob("*.parquet")}
            for path in kept:
                if not any(text.startswith("m") for text in pq.read_table(path)["name"].to_pylist()):
                    path.unlink()
        ranges = {"name": KeyRange("m0", "m9")} if name == "with" else {}
        stamp = CommitStamp(note("silver.things", "merge"), 999)
        write(spark, lake.catalog, things, RowsToWrite("merge", rows, ranges), stamp)
        if name == "with":
            for path, data in kept.items():
                path.write_bytes(data)
        found[name] = sorted((row["name"], row["n"]) for row in lake.table("silver.things").to_pylist())
    assert found["with"] == found["without"]
    assert {("m0", 10), ("m9", 9)} < set(found["with"])
    assert len(found["with"]) == 9
