"""Made types with structs, lists and maps in them: as a flow may return them, and as its contract has them."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import strategies as st

# Found and wanted types of values that are the same afterwards.
LEAVES = [
    (pa.int64(), pa.int64()),
    (pa.int8(), pa.int32()),
    (pa.int32(), pa.int64()),
    (pa.int64(), pa.int16()),
    (pa.int16(), pa.float64()),
    (pa.int64(), pa.float32()),
    (pa.int32(), pa.decimal128(12, 2)),
    (pa.int64(), pa.decimal128(9, 4)),
    (pa.float32(), pa.float64()),
    (pa.float64(), pa.float64()),
    (pa.decimal128(5, 1), pa.decimal128(12, 2)),
    (pa.decimal128(38, 18), pa.decimal128(20, 3)),
    (pa.decimal128(20, 3), pa.float64()),
    (pa.decimal128(38, 0), pa.int64()),
    (pa.string(), pa.string()),
    (pa.binary(), pa.binary()),
    (pa.bool_(), pa.bool_()),
    (pa.date32(), pa.date32()),
    (pa.timestamp("us"), pa.timestamp("us", "UTC")),
]
# Those that Spark has no type for, or takes from Arrow in columns alone.
ARROW_LEAVES = [
    (pa.null(), pa.string()),
    (pa.large_string(), pa.string()),
    (pa.string_view(), pa.string()),
    (pa.large_binary(), pa.binary()),
    (pa.uint32(), pa.int64()),
    (pa.uint64(), pa.int32()),
    (pa.dictionary(pa.int32(), pa.string()), pa.string()),
    (pa.timestamp("ns", "America/New_York"), pa.timestamp("us", "UTC")),
    (pa.float16(), pa.float32()),
]
_ARROW_LISTS = (pa.list_, pa.large_list, pa.list_view)
_NAMES = ["a", "b", "c_d", "Ä", "list"]
_KEYS = [(pa.string(), pa.string()), (pa.int32(), pa.int64())]


@st.composite
def pairs(draw, depth=3, *, spark=False):
    """Return a type as it is found, and the one that a contract may have for the same values."""
    form = draw(st.sampled_from(["leaf", "struct", "struct", "list", "fixed", "map"] if depth else ["leaf"]))
    inner = pairs(depth - 1, spark=spark)
    if form == "leaf":
        return draw(st.sampled_from(LEAVES if spark else [*LEAVES, *ARROW_LEAVES]))
    if form == "struct":
        names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, unique=True))
        fields = {name: draw(inner) for name in names}
        order = draw(st.permutations(names))
        nulls = draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
        wanted = [pa.field(name, fields[name][1], nullable=null) for name, null in zip(names, nulls, strict=True)]
        return pa.struct([(name, fields[name][0]) for name in order]), pa.struct(wanted)
    found, wanted = draw(inner)
    if form == "map":
        key = draw(st.sampled_from(_KEYS))
        return pa.map_(key[0], found), pa.map_(key[1], wanted)
    if form == "fixed":
        return (pa.list_(found) if spark or draw(st.booleans()) else pa.list_(found, 2)), pa.list_(wanted, 2)
    listed = pa.list_ if spark else draw(st.sampled_from(_ARROW_LISTS))
    return listed(found), pa.list_(pa.field("item", wanted, nullable=draw(st.booleans())))


def values(found, wanted):
    """Return a strategy for values of a type that the wanted type has, too."""
    kinds = pa.types
    if kinds.is_struct(found):
        fields = {field.name: values(field.type, wanted.field(field.name).type) for field in found}
        made = st.fixed_dictionaries(fields)
    elif kinds.is_map(found):
        keys = st.text(max_size=3) if kinds.is_string(found.key_type) else st.integers(-9, 9)
        entries = st.tuples(keys, values(found.item_type, wanted.item_type))
        made = st.lists(entries, max_size=3, unique_by=lambda entry: entry[0])
    elif kinds.is_fixed_size_list(wanted):
        made = st.lists(values(found.value_type, wanted.value_type), min_size=2, max_size=2)
    elif kinds.is_nested(found):
        made = st.lists(values(found.value_type, wanted.value_type), max_size=3)
    else:
        made = _leaf(found)
    return st.one_of(st.none(), made)


def _leaf(found):
    kinds = pa.types
    if kinds.is_null(found):
        return st.none()
    if kinds.is_integer(found):
        least = 0 if kinds.is_unsigned_integer(found) else -100
        return st.integers(least, 100)
    if kinds.is_decimal(found):
        scale = min(found.scale, 1)
        return st.decimals(-999, 999, allow_nan=False, places=scale) if scale else st.integers(-999, 999)
    if kinds.is_floating(found):
        return st.integers(-100, 100).map(lambda number: number / 4)
    if kinds.is_boolean(found):
        return st.booleans()
    if kinds.is_date(found):
        return st.dates()
    if kinds.is_timestamp(found):
        return st.integers(0, 10**9).map(lambda second: second * (10**9 if found.unit == "ns" else 10**6))
    if kinds.is_binary(found) or kinds.is_large_binary(found):
        return st.binary(max_size=3)
    return st.text(max_size=3)


def fields_of(kind, path):
    """Return the path of each struct's field in a type."""
    if pa.types.is_struct(kind):
        return [
            found
            for field in kind
            for name in [f"{path}.{field.name}"]
            for found in (name, *fields_of(field.type, name))
        ]
    if pa.types.is_map(kind):
        return [*fields_of(kind.key_type, path + "{key}"), *fields_of(kind.item_type, path + "{value}")]
    return fields_of(kind.value_type, f"{path}[]") if pa.types.is_nested(kind) else []


def without(kind, path, gone):
    """Return a type without the struct's field at a path."""
    if pa.types.is_struct(kind):
        return pa.struct(
            [
                (field.name, without(field.type, name, gone))
                for field in kind
                if (name := f"{path}.{field.name}") != gone
            ]
        )
    if pa.types.is_map(kind):
        key, value = without(kind.key_type, path + "{key}", gone), without(kind.item_type, path + "{value}", gone)
        return pa.map_(key, value)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(without(kind.value_type, f"{path}[]", gone), kind.list_size)
    return pa.list_(without(kind.value_type, f"{path}[]", gone)) if pa.types.is_nested(kind) else kind
