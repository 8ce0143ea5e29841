from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column_types import (
    declare_instead,
    has_statistics,
    nullable_inside,
    type_text,
    unsupported_part,
)


@pytest.mark.parametrize(
    ("kind", "part", "instead"),
    [
        (pa.large_string(), pa.large_string(), "declare pa.string() instead"),
        (pa.list_(pa.struct([("x", pa.uint8())])), pa.uint8(), "declare a signed integer that is large enough instead"),
        (pa.map_(pa.string(), pa.float16()), pa.float16(), "declare pa.float32() instead"),
        (pa.timestamp("ns"), pa.timestamp("ns"), 'declare pa.timestamp("us", "UTC") instead'),
        (pa.null(), pa.null(), "choose another"),
    ],
)
def test_the_part_that_readers_do_not_agree_on_is_named(kind, part, instead):
    assert (unsupported_part(kind), declare_instead(part)) == (part, instead)


def test_what_all_agree_on_is_supported():
    for kind in (pa.string(), pa.list_(pa.float32(), 3), pa.struct([("x", pa.map_(pa.string(), pa.binary()))])):
        assert unsupported_part(kind) is None


def test_of_which_columns_delta_keeps_bounds():
    assert has_statistics(pa.date32())
    assert not any(map(has_statistics, (pa.binary(), pa.bool_(), pa.list_(pa.int64()))))


NEVER = pa.struct(
    [
        pa.field("a", pa.list_(pa.field("item", pa.int64(), nullable=False)), nullable=False),
        pa.field("m", pa.map_(pa.string(), pa.field("value", pa.list_(pa.float32(), 2), nullable=False))),
    ]
)


def test_nested_fields_may_be_null_where_rows_are_passed_on():
    loose = pa.struct([("a", pa.list_(pa.int64())), ("m", pa.map_(pa.string(), pa.list_(pa.float32(), 2)))])
    assert nullable_inside(NEVER) == loose
    assert nullable_inside(loose) == loose
    assert nullable_inside(pa.string()) == pa.string()


def test_types_are_written_in_full():
    assert type_text(nullable_inside(NEVER)) == str(nullable_inside(NEVER))
    assert type_text(NEVER) == (
        "struct<a: list<item: int64 not null> not null, m: map<string, fixed_size_list<item: float>[2] not null>>"
    )
