from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.embedded.unstorable import unstorable
from lakehouse.engine.rules import FIRST_DAY, FIRST_MICROSECOND, LAST_DAY, LAST_MICROSECOND

DAY, TIME = pa.date32(), pa.timestamp("us", "UTC")
ENDS = {DAY: (FIRST_DAY, LAST_DAY), TIME: (FIRST_MICROSECOND, LAST_MICROSECOND)}
RAW = {DAY: pa.int32(), TIME: pa.int64()}


def table(kind, **fields):
    return Table("silver.a", doc="x", columns=[Column("x", kind, "X."), Column("n", pa.int8(), "N.")], **fields)


def broken(kind, values, **fields):
    array = values if isinstance(values, pa.Array) else pa.array(values, kind)
    (mask,) = unstorable(table(kind, **fields), pa.record_batch({"x": array}))
    return mask.to_pylist()


TEXTS = {
    "": True,
    "__HIVE_DEFAULT_PARTITION__": True,
    "a\0b": True,
    None: False,
    "en": False,
    " ": False,
    "a/b=%": False,
    "x" * 253: False,
    "x" * 254: True,
    "ä" * 42: False,
    "ä" * 43: True,
}


def test_texts_that_no_partition_gives_back():
    assert broken(pa.string(), list(TEXTS), partition_by=["x"]) == list(TEXTS.values())


def test_texts_of_other_columns_and_other_partitions_are_not_asked():
    batch = pa.record_batch({"x": pa.array([1], pa.int64())})
    assert unstorable(table(pa.int64(), partition_by=["x"]), batch) == []
    assert unstorable(table(pa.string()), pa.record_batch({"x": [""]})) == []


@pytest.mark.parametrize("kind", [DAY, TIME, pa.timestamp("us")], ids=str)
def test_times_outside_of_the_years_that_readers_know(kind):
    first, last = ENDS[TIME if kind != DAY else DAY]
    values = [first, last, first - 1, last + 1, 0, None]
    array = pa.array(values, RAW[TIME if kind != DAY else DAY]).cast(kind)
    assert broken(kind, array) == [False, False, True, True, False, False]


NUMBERS = st.one_of(st.none(), st.sampled_from([0, FIRST_DAY, LAST_DAY, FIRST_DAY - 1, LAST_DAY + 1]))
BAD = {FIRST_DAY - 1, LAST_DAY + 1}
# Shape of the type, a strategy of values with days as numbers, and what of a value is a day.
SHAPES = {
    "list": (pa.list_, st.none() | st.lists(NUMBERS)),
    "fixed": (lambda k: pa.list_(k, 2), st.none() | st.lists(NUMBERS, min_size=2, max_size=2)),
    "lists": (
        lambda k: pa.list_(pa.list_(k)),
        st.none() | st.lists(st.none() | st.lists(NUMBERS, max_size=3), max_size=3),
    ),
    "struct": (
        lambda k: pa.struct([("n", pa.int8()), ("d", pa.list_(pa.struct([("e", k)])))]),
        st.none() | st.fixed_dictionaries({"n": st.just(1), "d": st.lists(st.fixed_dictionaries({"e": NUMBERS}))}),
    ),
    "map": (
        lambda k: pa.map_(pa.string(), k),
        st.none() | st.dictionaries(st.sampled_from("abc"), NUMBERS).map(lambda d: list(d.items())),
    ),
}


def days(value):
    if isinstance(value, dict):
        value = list(value.values())
    return set().union(*map(days, value)) if isinstance(value, list | tuple) else {value}


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
def test_times_are_found_at_any_depth(shape, data):
    of, values = SHAPES[shape]
    found = data.draw(st.lists(values, max_size=5))
    start = data.draw(st.integers(0, len(found)))
    array = pa.array(found, of(pa.int32())).cast(of(DAY)).slice(start)
    assert broken(of(DAY), array) == [bool(days(value) & BAD) for value in found[start:]]
