from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lakehouse.declare.column_types import nullable_inside
from lakehouse.engine.conform_types import MisfitError, step_of, unknown, written
from tests.lakehouse.engine.nested_types import fields_of, pairs, without

N, F, S, B = pa.int64(), pa.float64(), pa.string(), pa.bool_()
UTC, LOCAL = pa.timestamp("us", "UTC"), pa.timestamp("us")


def struct(**fields):
    return pa.struct(list(fields.items()))


@pytest.mark.parametrize(
    ("found", "wanted", "how"),
    [
        (N, N, "same"),
        (pa.null(), S, "cast"),
        (pa.null(), struct(a=N), "cast"),
        (pa.int32(), N, "cast"),
        (pa.uint32(), N, "cast"),
        (pa.uint64(), N, "fit"),
        (N, pa.int32(), "fit"),
        (pa.float32(), F, "cast"),
        (pa.int32(), F, "cast"),
        (N, F, "fit"),
        (pa.int16(), pa.float32(), "cast"),
        (pa.int32(), pa.float32(), "fit"),
        (pa.decimal128(15, 3), F, "cast"),
        (pa.decimal128(16, 3), F, "fit"),
        (pa.decimal128(12, 2), pa.decimal128(13, 3), "cast"),
        (pa.decimal128(12, 2), pa.decimal128(12, 3), "fit"),
        (pa.decimal128(12, 3), pa.decimal128(12, 2), "fit"),
        (pa.decimal128(18, 0), N, "cast"),
        (pa.decimal128(19, 0), N, "fit"),
        (pa.decimal128(3, 1), N, "fit"),
        (pa.int32(), pa.decimal128(12, 2), "cast"),
        (pa.int32(), pa.decimal128(11, 2), "fit"),
        (pa.large_string(), S, "cast"),
        (pa.string_view(), S, "cast"),
        (pa.dictionary(pa.int8(), S), S, "same"),
        (pa.binary(4), pa.binary(), "cast"),
        (pa.date32(), UTC, "fit"),
        (LOCAL, UTC, "cast"),
        (pa.timestamp("us", "Asia/Tokyo"), UTC, "cast"),
        (pa.timestamp("ns", "UTC"), UTC, "fit"),
        (pa.timestamp("s"), LOCAL, "fit"),
    ],
)
def test_what_loses_nothing_is_cast_and_what_may_is_looked_at(found, wanted, how):
    assert step_of("c", found, wanted).how == how
    inner = step_of("c", pa.struct([("x", found), ("y", wanted)]), pa.struct([("y", wanted), ("x", wanted)]))
    assert [part.how for part in inner.parts] == ["same", how]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (F, N),
        (F, pa.float32()),
        (F, pa.decimal128(38, 10)),
        (N, B),
        (S, B),
        (B, N),
        (B, S),
        (S, N),
        (N, S),
        (pa.binary(), S),
        (S, pa.binary()),
        (S, pa.date32()),
        (UTC, S),
        (UTC, pa.date32()),
        (UTC, LOCAL),
        (N, UTC),
        (UTC, N),
        (pa.duration("us"), N),
        (pa.time64("us"), N),
        (N, pa.list_(N)),
        (pa.list_(N), N),
        (struct(a=N), pa.map_(S, N)),
        (pa.list_(struct(key=S, value=N)), pa.map_(S, N)),
        (pa.map_(S, N), pa.list_(struct(key=S, value=N))),
        (pa.list_(N, 2), pa.list_(N, 3)),
        (unknown("variant"), S),
    ],
)
def test_all_else_is_refused_at_any_depth(found, wanted):
    for place, wrap in (("c", lambda kind: kind), ("c[].x", lambda kind: pa.list_(struct(x=kind)))):
        with pytest.raises(MisfitError) as raised:
            step_of("c", wrap(found), wrap(wanted))
        text = str(raised.value)
        assert text.startswith(f"returned 'c' as {written(wrap(found))}, not {written(wrap(wanted))}")
        assert place in text


@pytest.mark.parametrize(
    ("found", "wanted", "says"),
    [
        (struct(a=N), struct(a=N, b=S), "as struct<a: int64>, not struct<a: int64, b: string>: c.b is missing"),
        (struct(a=N, b=S), struct(a=N), "c.b is not in the contract"),
        (struct(A=N), struct(a=N), "c.A is not in the contract"),
        (pa.struct([("a", N), ("a", N)]), struct(a=N), "c.a is there twice"),
        (pa.list_(struct(x=S)), pa.list_(struct(x=N)), "c[].x is string, not int64"),
        (pa.map_(S, struct(y=F)), pa.map_(S, struct(y=N)), "c{value}.y is double, not int64"),
        (pa.map_(S, N), pa.map_(pa.date32(), N), "c{key} is string, not date32[day]"),
        (pa.list_(pa.list_(unknown("variant"))), pa.list_(pa.list_(S)), "as list<item: list<item: variant>>, not"),
    ],
)
def test_a_refusal_names_the_field_and_writes_types_in_full(found, wanted, says):
    with pytest.raises(MisfitError) as raised:
        step_of("c", found, wanted)
    assert says in str(raised.value)


def test_what_may_be_null_does_not_matter_to_types():
    never = pa.struct([pa.field("a", pa.list_(pa.field("item", S, nullable=False)), nullable=False)])
    step = step_of("c", struct(a=pa.list_(S)), never)
    assert (step.how, step.wanted) == ("same", struct(a=pa.list_(S)))
    assert step_of("c", never, struct(a=pa.list_(S))).wanted == struct(a=pa.list_(S))


@settings(max_examples=50)
@given(pairs(), st.data())
def test_a_field_too_few_or_too_many_is_named_wherever_it_is(pair, data):
    found, wanted = pair
    step = step_of("c", found, wanted)
    assert step.wanted == nullable_inside(wanted)
    paths = fields_of(wanted, "c")
    assume(paths)
    gone = data.draw(st.sampled_from(paths))
    with pytest.raises(MisfitError) as raised:
        step_of("c", without(found, "c", gone), wanted)
    assert str(raised.value).endswith(f": {gone} is missing")
    with pytest.raises(MisfitError) as raised:
        step_of("c", found, without(wanted, "c", gone))
    assert str(raised.value).endswith(f": {gone} is not in the contract")
