from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.embedded import unstorable as embedded
from lakehouse.engine.rules import FIRST_MICROSECOND, LAST_MICROSECOND
from lakehouse.spark.delta_reader import spark_schema
from lakehouse.spark.unstorable import unstorable
from tests.lakehouse.embedded.test_unstorable import BAD, DAY, TEXTS, TIME, table

MIXED = pa.struct(
    [("d", pa.list_(pa.struct([("e", DAY)]))), ("m", pa.map_(pa.string(), TIME)), ("local", pa.timestamp("us"))]
)
TIMES = [FIRST_MICROSECOND, LAST_MICROSECOND, 0, None]


def both(spark, made, array):
    """Return which rows are refused; the engines agree on it."""
    frame = spark.createDataFrame(pa.table({"x": array}), spark_schema(pa.schema([("x", array.type)])))
    ours = [row[0] for row in frame.select(*unstorable(made)).collect()]
    (theirs,) = embedded.unstorable(made, pa.record_batch({"x": array}))
    assert ours == theirs.to_pylist()
    return ours


def test_texts_that_no_partition_gives_back(spark):
    made = table(pa.string(), partition_by=["x"])
    assert both(spark, made, pa.array(list(TEXTS))) == list(TEXTS.values())


@pytest.mark.parametrize("kind", [TIME, pa.timestamp("us")], ids=str)
def test_times_outside_of_the_years_that_readers_know(spark, kind):
    values = pa.array([*TIMES, LAST_MICROSECOND + 1, FIRST_MICROSECOND - 1], pa.int64()).cast(kind)
    assert both(spark, table(kind), values) == [False] * 4 + [True] * 2


def test_times_are_found_at_any_depth(spark):
    raw = pa.struct(
        [
            ("d", pa.list_(pa.struct([("e", pa.int32())]))),
            ("m", pa.map_(pa.string(), pa.int64())),
            ("local", pa.int64()),
        ]
    )
    good = [
        None,
        {"d": None, "m": None, "local": None},
        {"d": [{"e": 0}, None, {"e": None}], "m": [("a", LAST_MICROSECOND), ("b", None)], "local": 0},
    ]
    bad = [
        {"d": [{"e": 0}, {"e": min(BAD)}], "m": None, "local": None},
        {"d": None, "m": [("a", 0), ("b", LAST_MICROSECOND + 1)], "local": 0},
        {"d": None, "m": None, "local": FIRST_MICROSECOND - 1},
    ]
    assert both(spark, table(MIXED), pa.array([*good, *bad], raw).cast(MIXED)) == [False] * 3 + [True] * 3
