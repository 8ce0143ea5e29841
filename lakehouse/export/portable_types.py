"""Arrow types in forms that readers outside Arrow know: lists of pairs for maps, plain values for dictionaries."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pat


def portable_type(kind: pa.DataType) -> pa.DataType:  # noqa: PLR0911 - one a type
    """Return a type with lists of {key, value} for maps, and values for dictionaries and binaries of a fixed size.

    >>> str(portable_type(pa.map_(pa.string(), pa.int32())))
    'list<item: struct<key: string, value: int32>>'
    """
    if pat.is_map(kind):
        key, value = portable_type(kind.key_type), portable_type(kind.item_type)
        return pa.list_(pa.struct([pa.field("key", key), pa.field("value", value)]))
    if pat.is_struct(kind):
        return pa.struct([pa.field(field.name, portable_type(field.type)) for field in kind])
    if pat.is_fixed_size_list(kind):
        return pa.list_(portable_type(kind.value_type), kind.list_size)
    if pat.is_large_list(kind):
        return pa.large_list(portable_type(kind.value_type))
    if pat.is_list(kind):
        return pa.list_(portable_type(kind.value_type))
    if pat.is_dictionary(kind):
        return portable_type(kind.value_type)
    return pa.binary() if pat.is_fixed_size_binary(kind) else kind


def portable_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema with portable types, without metadata."""
    return pa.schema([pa.field(field.name, portable_type(field.type)) for field in schema])


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows in the types of a schema with the same columns."""
    arrays = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def children(kind: pa.DataType) -> list[pa.DataType]:
    """Return the types that a type is made of, none for one of plain values."""
    if pat.is_dictionary(kind):
        return [kind.value_type]
    return [kind.field(at).type for at in range(kind.num_fields)]


def is_binary(kind: pa.DataType) -> bool:
    """Whether values of a type are bytes."""
    return bool(
        pat.is_binary(kind) or pat.is_large_binary(kind) or pat.is_fixed_size_binary(kind) or kind == pa.binary_view()
    )
