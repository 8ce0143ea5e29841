from __future__ import annotations

import datetime as dt
import random
import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.content_digest import Digest
from lakehouse.embedded.row_hash import digest_of, hash_rows

HALVES = st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=20)

UTC = pa.timestamp("us", "UTC")
LOCAL = pa.timestamp("us")
SCALARS = [
    pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.string(), pa.binary(),
    pa.date32(), UTC, LOCAL, pa.decimal128(5, 2), pa.decimal128(18, 0), pa.decimal128(19, 3), pa.decimal128(38, 10),
]  # fmt: skip
FLOATS = [0.0, -0.0, 1.5, -2.25, 1e300, 5e-324, float("inf"), -float("inf"), float("nan")]
NANS = [struct.unpack("<d", struct.pack("<Q", bits))[0] for bits in (0xFFF8000000000000, 0x7FF8000000000123)]
TEXTS = ["", "a", "\ue000", "ä€😀", "x" * 31, "y" * 32, "z" * 33, "Wort " * 17, "ü" * 700]


def value(kind, rng):
    """Return a value of a type, null every sixth time."""
    return None if rng.random() < 1 / 6 else present(kind, rng)


def present(kind, rng):
    if pa.types.is_struct(kind):
        return {field.name: value(field.type, rng) for field in kind}
    if pa.types.is_map(kind):
        entries = {str(key): key for key in (present(kind.key_type, rng) for _ in range(rng.randrange(5)))}
        return [(key, value(kind.item_type, rng)) for key in entries.values()]
    if pa.types.is_fixed_size_list(kind):
        return [value(kind.value_type, rng) for _ in range(kind.list_size)]
    if pa.types.is_list(kind):
        # Half of the lists have no null.
        make = rng.choice([value, present])
        return [make(kind.value_type, rng) for _ in range(rng.randrange(4))]
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_integer(kind):
        top = 1 << (kind.bit_width - 1)
        return rng.choice([-top, top - 1, 0, -101, rng.randrange(-top, top)])
    if pa.types.is_floating(kind):
        return float(np.dtype(kind.to_pandas_dtype()).type(rng.choice([*FLOATS[:4], 2.0**-140, *FLOATS[6:], *NANS])))
    if pa.types.is_string(kind):
        return rng.choice(TEXTS)
    if pa.types.is_binary(kind):
        return rng.randbytes(rng.choice([0, 1, 7, 32, 50, 1500]))
    if pa.types.is_decimal(kind):
        top = 10 ** rng.choice([1, 2, 3, kind.precision]) - 1
        with_scale = rng.choice([0, -1, 127, 128, -128, -129, top, -top, rng.randint(-top, top)])
        if abs(with_scale) >= 10**kind.precision:
            with_scale = 1
        return Decimal((int(with_scale < 0), tuple(map(int, str(abs(with_scale)))), -kind.scale))
    if pa.types.is_date(kind):
        return dt.date(1, 1, 1) + dt.timedelta(rng.choice([2, 719162, 719163, rng.randrange(3_600_000)]))
    moment = dt.datetime(1900, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=rng.randrange(10**16))
    return moment if kind.tz else moment.replace(tzinfo=None)


def nested(inner):
    return st.one_of(
        inner.map(pa.list_),
        st.tuples(inner, st.integers(1, 3)).map(lambda given: pa.list_(*given)),
        st.lists(inner, min_size=1, max_size=3).map(lambda kinds: pa.struct(list(zip("abc", kinds, strict=False)))),
        st.tuples(st.sampled_from(SCALARS), inner).map(lambda given: pa.map_(*given)),
    )


def as_list(kind):
    """Return the type with lists for lists of a fixed size, whose nulls Parquet does not hold."""
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, as_list(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(as_list(kind.key_type), as_list(kind.item_type))
    return pa.list_(as_list(kind.value_type)) if pa.types.is_nested(kind) else kind


LEVELS = [st.sampled_from(SCALARS)]
for _ in range(3):
    LEVELS.append(nested(LEVELS[-1]))


def contract(*kinds):
    return Table("x.rows", doc="A row.", columns=[Column(f"c{n}", kind, "c") for n, kind in enumerate(kinds)])


def batch_of(table, *rows):
    columns = [pa.array([row[n] for row in rows], column.type) for n, column in enumerate(table.columns)]
    return pa.record_batch(columns, schema=table.schema)


def random_batch(table, seed, rows=60):
    """Return a slice out of the middle of random rows."""
    rng = random.Random(seed)
    made = batch_of(table, *([value(column.type, rng) for column in table.columns] for _ in range(rows + 10)))
    return made.slice(7, rows)


def hashes(kind, *values):
    table = contract(kind)
    return list(zip(*(half.to_pylist() for half in hash_rows(table, batch_of(table, *zip(values)))), strict=True))


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(LEVELS[1], min_size=4, max_size=4),
    st.lists(LEVELS[2], min_size=4, max_size=4),
    st.lists(LEVELS[3], min_size=4, max_size=4),
    st.integers(0, 1 << 32),
)
def test_spark_computes_the_same(spark, tmp_path_factory, once, twice, thrice, seed):
    from lakehouse.spark.delta_reader import spark_schema
    from lakehouse.spark.row_hash import hash_columns

    table = contract(*SCALARS, *once, *twice, *thrice)
    batch = random_batch(table, seed)
    path = str(tmp_path_factory.mktemp("rows") / "rows.parquet")
    pq.write_table(
        pa.table([pa.array(c.to_pylist(), as_list(c.type)) for c in batch.columns], batch.schema.names), path
    )
    frame = spark.read.schema(spark_schema(table.schema)).parquet(path)
    # Each column by itself, so that a difference names a type, and all of them.
    parts = [*(Table("x.part", doc="One.", columns=[column]) for column in table.columns), table]
    columns = [half.alias(f"{n}-{k}") for n, part in enumerate(parts) for k, half in enumerate(hash_columns(part))]
    found = frame.select(*columns).toArrow()
    for n, part in enumerate(parts):
        halves = tuple(found.column(f"{n}-{k}").combine_chunks() for k in range(2))
        assert halves == hash_rows(part, batch), part.schema


@given(st.lists(LEVELS[1] | LEVELS[2] | LEVELS[3], min_size=1, max_size=3), st.integers(0, 1 << 32))
def test_a_slice_hashes_as_part_of_the_whole(kinds, seed):
    table = contract(*kinds)
    batch = random_batch(table, seed, rows=12)
    whole = hash_rows(table, batch)
    for start, length in ((0, 12), (0, 5), (4, 8), (11, 1), (6, 0)):
        assert hash_rows(table, batch.slice(start, length)) == tuple(half.slice(start, length) for half in whole)
    chunked = pa.Table.from_batches([batch.slice(0, 5), batch.slice(5, 0), batch.slice(5)])
    assert hash_rows(table, chunked) == whole
    assert hash_rows(table, pa.Table.from_batches([batch.take([3, 1])])) == tuple(half.take([3, 1]) for half in whole)


def test_no_rows_have_no_hashes():
    table = contract(pa.list_(pa.string()), pa.int64())
    for rows in (batch_of(table), table.schema.empty_table()):
        assert hash_rows(table, rows) == (pa.array([], pa.int64()), pa.array([], pa.int64()))


LISTS = pa.list_(pa.list_(pa.int32()))
STRUCT = pa.struct([("a", pa.int32()), ("b", pa.int32())])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.list_(pa.int32()), [None, [], [None], [1], [1, None], [None, 1], [1, 2], [2, 1], [0], [0, 0]]),
        (pa.list_(pa.bool_()), [[True, None], [True, False], [None, True], [False, None], [None, None], [True]]),
        (pa.list_(pa.string()), [None, [], [""], [None], ["", None], ["a", "b"], ["ab"], ["ab", ""], ["", "ab"]]),
        (LISTS, [None, [], [None], [[]], [[], []], [[1], [2]], [[1, 2]], [[1, None, 2]], [[1, 2], None], [None, [1, 2]]]),
        (STRUCT, [None, {"a": 1, "b": None}, {"a": None, "b": 1}, {"a": None, "b": None}, {"a": 1, "b": 1}]),
        (pa.list_(STRUCT), [[None], [{"a": None, "b": None}], [{"a": 1, "b": None}], [{"a": None, "b": 1}], []]),
        (pa.map_(pa.string(), pa.string()), [None, [], [("a", None)], [("a", "")], [("a", "b")], [("b", "a")]]),
        (pa.string(), [None, "", "\0", "\0\0"]),
    ],
    ids=str,
)  # fmt: skip
def test_values_that_differ_have_other_hashes(kind, values):
    assert len(set(hashes(kind, *values))) == len(values)


def test_columns_do_not_run_into_each_other():
    table = contract(pa.list_(pa.bool_()), pa.bool_(), pa.bool_(), pa.list_(pa.bool_()))
    rows = [
        ([True, None], None, None, []),
        ([True, False], None, None, []),
        ([True], None, None, [None]),
        ([True], False, None, []),
        ([True], None, False, []),
        ([], True, None, []),
        ([], None, None, [True]),
    ]
    assert len(set(zip(*hash_rows(table, batch_of(table, *rows)), strict=True))) == len(rows)


def test_maps_count_without_their_order_and_values_by_what_they_are():
    one, other = hashes(pa.map_(pa.string(), pa.int32()), [("k", 1), ("j", 2)], [("j", 2), ("k", 1)])
    assert one == other
    zeros = hashes(pa.list_(pa.float64()), [0.0, float("nan")], [-0.0, NANS[0]], [-0.0, NANS[1]])
    assert len(set(zeros)) == 1


def test_what_lies_behind_a_null_does_not_count():
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 3]), pa.array([7, 8, 9], pa.int32()), mask=pa.array([True, False]))
    fields = [pa.array([1, 2], pa.int32()), pa.array([3, 4], pa.int32())]
    structs = pa.StructArray.from_arrays(fields, fields=list(STRUCT), mask=pa.array([True, False]))
    table = contract(lists.type, STRUCT)
    hidden = pa.record_batch([lists, structs], schema=table.schema)
    assert hash_rows(table, hidden) == hash_rows(table, batch_of(table, (None, None), ([9], {"a": 2, "b": 4})))


def test_a_buffer_that_is_no_whole_number_of_values_is_read():
    values = pa.Array.from_buffers(pa.int64(), 2, [None, pa.py_buffer(np.arange(3, dtype=np.int64).tobytes()[:-3])])
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), values)
    table = contract(lists.type)
    assert hash_rows(table, pa.record_batch([lists], schema=table.schema)) == hash_rows(
        table, batch_of(table, ([0],), ([1],))
    )


def test_volatile_columns_do_not_count():
    stable = Column("a", pa.string(), "a")
    table = Table("x.rows", doc="A row.", columns=[stable, Column("at", pa.string(), "at", volatile=True)])
    alone = Table("x.rows", doc="A row.", columns=[stable])
    batch = batch_of(table, ("x", "now"), ("y", "then"))
    assert hash_rows(table, batch) == hash_rows(alone, batch.select(["a"]))


@given(HALVES, st.randoms(use_true_random=False))
def test_a_digest_is_the_sum_of_the_rows(high, rng):
    low = high.copy()
    rng.shuffle(low)
    found = digest_of(pa.array(high, pa.int64()), pa.array(low, pa.int64()))
    assert found == Digest.of(len(high), sum(high), sum(low))
    assert found == sum((Digest.of(1, *row) for row in zip(high, low, strict=True)), Digest())
    assert digest_of(pa.array([5, *high], pa.int64()).slice(1), pa.array([6, *low], pa.int64()).slice(1)) == found
