"""Arrow types of columns: those that Spark and all readers of Delta agree on, alone and as partitions."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa

from lakehouse.declare.names import folded

# What Parquet's and Delta's readers take for syntax in the name of a field (Delta: invalid characters in a schema).
_NOT_IN_NAMES = re.compile(r"[\s,;{}()=]")

# What is not stored as itself, and what is.
_INSTEAD = (
    (lambda kind: pa.types.is_large_string(kind) or pa.types.is_string_view(kind), "pa.string()"),
    (lambda kind: pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind), "pa.binary()"),
    (pa.types.is_unsigned_integer, "a signed integer that is large enough"),
    (pa.types.is_float16, "pa.float32()"),
    (pa.types.is_date64, "pa.date32()"),
    (pa.types.is_timestamp, 'pa.timestamp("us", "UTC")'),
    (pa.types.is_decimal128, "pa.decimal128() of a scale from 0 to its precision"),
    (pa.types.is_decimal, "pa.decimal128()"),
    (pa.types.is_fixed_size_binary, "pa.binary()"),
    (pa.types.is_run_end_encoded, "the type of its values"),
    (lambda kind: isinstance(kind, pa.BaseExtensionType), "the type in which its values are stored"),
    (pa.types.is_temporal, "pa.int64(), with its unit"),
    (pa.types.is_dictionary, "the type of its values"),
    (lambda kind: pa.types.is_large_list(kind) or pa.types.is_list_view(kind), "pa.list_()"),
)
_SUPPORTED_TYPES = (
    pa.types.is_boolean,
    pa.types.is_signed_integer,
    pa.types.is_float32,
    pa.types.is_float64,
    lambda kind: pa.types.is_decimal128(kind) and 0 <= kind.scale <= kind.precision,
    pa.types.is_string,
    pa.types.is_binary,
    pa.types.is_date32,
    lambda kind: pa.types.is_timestamp(kind) and kind.unit == "us" and kind.tz in {None, "UTC"},
)
# Types whose values survive a folder's name and the log's text of it, from any writer. Of others, delta-rs writes bytes
# as escapes, fails for decimals between -1 and 0 and for long floats, and readers differ in NaN.
_PARTITION_TYPES = (
    pa.types.is_boolean,
    pa.types.is_signed_integer,
    pa.types.is_string,
    pa.types.is_date32,
    pa.types.is_timestamp,
)


def unsupported_part(kind: pa.DataType) -> pa.DataType | None:
    """Return the first part of a type that Spark and all readers of Delta do not agree on, None where there is none."""
    nested = pa.types.is_struct(kind) or pa.types.is_map(kind)
    if (nested and kind.num_fields) or pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        parts = [kind.key_type, kind.item_type] if pa.types.is_map(kind) else [f.type for f in _fields(kind)]
        return next((wrong for part in parts if (wrong := unsupported_part(part)) is not None), None)
    return None if any(test(kind) for test in _SUPPORTED_TYPES) else kind


def unsupported_field(kind: pa.DataType) -> str:
    """Return what is wrong with a field's name at any depth of a type, empty where nothing is.

    Spark and Delta take names that differ in case alone for one.
    """
    for fields in _structs(kind):
        names: dict[str, str] = {}
        for name in (field.name for field in fields):
            if not name or _NOT_IN_NAMES.search(name):
                return f"a field named {name!r}"
            other = names.setdefault(folded(name), name)
            if other != name:
                return f"the fields {other!r} and {name!r}, which differ in case alone"
        if len(names) < len(fields):
            return f"two fields named {next(f.name for f in fields if [g.name for g in fields].count(f.name) > 1)!r}"
    return ""


def _structs(kind: pa.DataType) -> Iterator[list[pa.Field]]:
    if pa.types.is_struct(kind):
        yield _fields(kind)
    parts = [kind.key_type, kind.item_type] if pa.types.is_map(kind) else [f.type for f in _fields(kind)]
    for part in parts:
        yield from _structs(part)


def is_partition_type(kind: pa.DataType) -> bool:
    """Whether a partition's values of a type come back as they were written."""
    return any(test(kind) for test in _PARTITION_TYPES)


def holds_times(kind: pa.DataType) -> bool:
    """Whether a type is a date or a timestamp, or holds one at any depth."""
    if pa.types.is_map(kind):
        return holds_times(kind.key_type) or holds_times(kind.item_type)
    return pa.types.is_temporal(kind) or any(holds_times(field.type) for field in _fields(kind))


def holds_texts(kind: pa.DataType) -> bool:
    """Whether a type is that of texts, or holds it at any depth."""
    if pa.types.is_map(kind):
        return holds_texts(kind.key_type) or holds_texts(kind.item_type)
    return pa.types.is_string(kind) or any(holds_texts(field.type) for field in _fields(kind))


def _fields(kind: pa.DataType) -> list[pa.Field]:
    return [kind.field(n) for n in range(kind.num_fields)]


def declare_instead(kind: pa.DataType) -> str:
    """Return what to declare in the place of an unsupported type."""
    return next((f"declare {instead} instead" for test, instead in _INSTEAD if test(kind)), "choose another")


def has_statistics(kind: pa.DataType) -> bool:
    """Whether Delta keeps minima and maxima of such a column."""
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_boolean(kind))


def nullable_inside(kind: pa.DataType) -> pa.DataType:
    """Return a type whose nested fields may all be null, but for a map's keys: so rows are passed on and stored.

    Which nested fields are never null is a rule of the contract, see `lakehouse.engine.rules`: a row that breaks it
    must have a type, too, for it to be quarantined.
    """
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(part.name, nullable_inside(part.type)) for part in _fields(kind)])
    if pa.types.is_map(kind):
        return pa.map_(nullable_inside(kind.key_type), nullable_inside(kind.item_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(nullable_inside(kind.value_type), kind.list_size)
    return pa.list_(nullable_inside(kind.value_type)) if pa.types.is_list(kind) else kind


def has_fixed_lists(kind: pa.DataType) -> bool:
    """Whether a type is a list of a fixed size, or holds one at any depth."""
    if pa.types.is_map(kind):
        return has_fixed_lists(kind.key_type) or has_fixed_lists(kind.item_type)
    return pa.types.is_fixed_size_list(kind) or any(has_fixed_lists(field.type) for field in _fields(kind))


def plain_lists(kind: pa.DataType) -> pa.DataType:
    """Return a type with plain lists in the place of those of a fixed size, all of whose nested fields may be null.

    So Delta stores them: neither it nor Spark has lists of a fixed size.
    """
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(part.name, plain_lists(part.type)) for part in _fields(kind)])
    if pa.types.is_map(kind):
        return pa.map_(plain_lists(kind.key_type), plain_lists(kind.item_type))
    nested = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)
    return pa.list_(plain_lists(kind.value_type)) if nested else kind


def type_text(kind: pa.DataType) -> str:
    """Return a type in full, as Arrow writes it; Arrow itself leaves out that a map's values are never null."""
    return _in_full(kind) if _has_never_null_value(kind) else str(kind)


def _has_never_null_value(kind: pa.DataType) -> bool:
    if pa.types.is_map(kind) and not kind.item_field.nullable:
        return True
    return pa.types.is_nested(kind) and any(_has_never_null_value(part.type) for part in _fields(kind))


def _in_full(kind: pa.DataType) -> str:
    def field(part: pa.Field) -> str:
        return _in_full(part.type) + ("" if part.nullable else " not null")

    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{part.name}: {field(part)}' for part in _fields(kind))}>"
    if pa.types.is_map(kind):
        return f"map<{_in_full(kind.key_type)}, {field(kind.item_field)}>"
    if pa.types.is_fixed_size_list(kind):
        return f"fixed_size_list<item: {field(kind.value_field)}>[{kind.list_size}]"
    return f"list<item: {field(kind.value_field)}>" if pa.types.is_list(kind) else str(kind)
