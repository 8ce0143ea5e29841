"""Arrow types of columns: those that Spark and all readers of Delta agree on."""

from __future__ import annotations

import pyarrow as pa

# What is not stored as itself, and what is.
_INSTEAD = (
    (lambda kind: pa.types.is_large_string(kind) or pa.types.is_string_view(kind), "pa.string()"),
    (lambda kind: pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind), "pa.binary()"),
    (pa.types.is_unsigned_integer, "a signed integer that is large enough"),
    (pa.types.is_float16, "pa.float32()"),
    (pa.types.is_date64, "pa.date32()"),
    (pa.types.is_timestamp, 'pa.timestamp("us", "UTC")'),
    (pa.types.is_decimal256, "pa.decimal128()"),
    (pa.types.is_temporal, "pa.int64(), with its unit"),
    (pa.types.is_dictionary, "the type of its values"),
    (lambda kind: pa.types.is_large_list(kind) or pa.types.is_list_view(kind), "pa.list_()"),
)
_SUPPORTED_TYPES = (
    pa.types.is_boolean,
    pa.types.is_signed_integer,
    pa.types.is_float32,
    pa.types.is_float64,
    pa.types.is_decimal128,
    pa.types.is_string,
    pa.types.is_binary,
    pa.types.is_date32,
    lambda kind: pa.types.is_timestamp(kind) and kind.unit == "us" and kind.tz in {None, "UTC"},
)


def unsupported_part(kind: pa.DataType) -> pa.DataType | None:
    """Return the first part of a type that Spark and all readers of Delta do not agree on, None where there is none."""
    nested = pa.types.is_struct(kind) or pa.types.is_map(kind)
    if (nested and kind.num_fields) or pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        parts = [kind.key_type, kind.item_type] if pa.types.is_map(kind) else [f.type for f in _fields(kind)]
        return next((wrong for part in parts if (wrong := unsupported_part(part)) is not None), None)
    return None if any(test(kind) for test in _SUPPORTED_TYPES) else kind


def _fields(kind: pa.DataType) -> list[pa.Field]:
    return [kind.field(n) for n in range(kind.num_fields)]


def declare_instead(kind: pa.DataType) -> str:
    """Return what to declare in the place of an unsupported type."""
    return next((f"declare {instead} instead" for test, instead in _INSTEAD if test(kind)), "choose another")


def has_statistics(kind: pa.DataType) -> bool:
    """Whether Delta keeps minima and maxima of such a column."""
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_boolean(kind))
