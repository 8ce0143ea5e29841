from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column_types import (
    declare_instead,
    has_statistics,
    holds_times,
    is_partition_type,
    nullable_inside,
    type_text,
    unsupported_field,
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
        (
            pa.decimal128(5, -2),
            pa.decimal128(5, -2),
            "declare pa.decimal128() of a scale from 0 to its precision instead",
        ),
        (
            pa.list_(pa.decimal128(5, 8)),
            pa.decimal128(5, 8),
            "declare pa.decimal128() of a scale from 0 to its precision instead",
        ),
        (pa.decimal64(5, 2), pa.decimal64(5, 2), "declare pa.decimal128() instead"),
        (pa.duration("s"), pa.duration("s"), "declare pa.int64(), with its unit instead"),
        (pa.time64("us"), pa.time64("us"), "declare pa.int64(), with its unit instead"),
        (pa.binary(4), pa.binary(4), "declare pa.binary() instead"),
        (pa.uuid(), pa.uuid(), "declare the type in which its values are stored instead"),
        (
            pa.dictionary(pa.int8(), pa.string()),
            pa.dictionary(pa.int8(), pa.string()),
            "declare the type of its values instead",
        ),
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


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("a", "A"), "the fields 'a' and 'A', which differ in case alone"),
        (("ſ", "s"), "the fields 'ſ' and 's', which differ in case alone"),
        (("a", "b", "a"), "two fields named 'a'"),
        (("a b",), "a field named 'a b'"),
        (("",), "a field named ''"),
    ],
)
def test_fields_that_delta_cannot_tell_apart_or_name_are_found_at_any_depth(names, says):
    kind = pa.struct([(name, pa.int8()) for name in names])
    nested = (kind, pa.list_(kind), pa.map_(pa.string(), pa.list_(kind)), pa.struct([("x", pa.list_(kind, 2))]))
    assert [unsupported_field(one) for one in nested] == [says] * 4


def test_fields_of_different_structs_may_share_a_name():
    inner = pa.struct([("a", pa.int8()), ("größe", pa.int8())])
    assert unsupported_field(pa.struct([("A", inner), ("b", pa.map_(pa.string(), inner))])) == ""


def test_partitions_are_of_types_that_folders_give_back():
    assert all(map(is_partition_type, (pa.string(), pa.int64(), pa.bool_(), pa.date32(), pa.timestamp("us", "UTC"))))
    assert not any(map(is_partition_type, (pa.binary(), pa.float64(), pa.decimal128(5, 2), pa.list_(pa.int8()))))


def test_times_are_found_at_any_depth():
    assert holds_times(pa.map_(pa.string(), pa.list_(pa.struct([("x", pa.int8()), ("at", pa.timestamp("us"))]))))
    assert not holds_times(pa.map_(pa.string(), pa.list_(pa.int8())))


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
