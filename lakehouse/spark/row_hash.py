"""Row hashes, of which the content digest is made: row count and the sum modulo 2^128 of row hashes.

A row's hash is two xxHash64 values of its stable columns under two seeds. Sums make it independent of the
order and place of rows, and let a commit carry it forward: old digest, plus rows in, minus rows out.

Spark's xxhash64 folds its arguments one after the other, the hash so far as the seed of the next, and passes over
nulls; what is folded must therefore name nulls and lengths, so that no two values fold alike:

- a value: whether it is null, then what it holds;
- a struct holds its fields, each as a value; those of a null struct are null;
- a list holds its length, as -1 - length where an element is null; whether each element is null, but only where one
  is; and its elements;
- a list of structs, in the place of its elements, the list of each field's values; those of a null struct are null;
- a list of lists or maps holds its length, and of each element the xxhash64 of it as a value;
- a map holds its length, and in ascending order the xxhash64 of each entry, a struct of key and value;
- any other value is folded as Spark folds it: numbers of up to four bytes, booleans and dates as int, longer ones and
  timestamps as long, ``-0.0`` as ``0.0``, all NaNs as one, decimals by their unscaled value.

`lakehouse.embedded.row_hash` computes the same without a JVM.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.delta.content_digest import HIGH, LOW

if TYPE_CHECKING:
    from pyspark.sql import Column


def hash_columns(table: Table) -> tuple[Column, Column]:
    """Return the two halves of a row's hash as Spark columns named ``_hash_high`` and ``_hash_low``."""
    from pyspark.sql import functions as F

    parts = [part for name in table.stable_columns for part in _value(F.col(f"`{name}`"), table.column(name).type)]
    return (
        F.xxhash64(F.lit("high"), *parts).alias(HIGH),
        F.xxhash64(F.lit("low"), *parts).alias(LOW),
    )


def _value(column: Column, kind: pa.DataType) -> Iterator[Column]:
    """Yield what is folded of a value."""
    from pyspark.sql import functions as F

    yield F.isnull(column)
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _value(column[field.name], field.type)
    elif pa.types.is_map(kind):
        entries = F.map_entries(column)
        yield F.array_size(entries)
        yield F.sort_array(_element_hashes(entries, pa.struct([kind.key_field, kind.item_field])))
    elif pa.types.is_nested(kind):
        yield from _list(column, kind.value_type)
    else:
        yield column


def _list(column: Column, kind: pa.DataType) -> Iterator[Column]:
    """Yield what a list of elements of a type holds."""
    from pyspark.sql import functions as F

    size = F.array_size(column)
    if _is_list_or_map(kind):
        yield size
        yield _element_hashes(column, kind)
        return
    with_null = _has_null(column, kind)
    yield F.when(with_null, -1 - size).otherwise(size)
    yield F.when(with_null, F.transform(column, F.isnull))
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _list(column[field.name], field.type)
    else:
        yield column


def _is_list_or_map(kind: pa.DataType) -> bool:
    return pa.types.is_nested(kind) and not pa.types.is_struct(kind)


def _has_null(column: Column, kind: pa.DataType) -> Column:
    """Return whether an element of a list is null.

    ``exists`` is interpreted, which costs microseconds an element. ``array_contains`` is compiled, and its answer is
    null where the value is not found and an element is null: with a value that hardly occurs, it detects them. Where
    no first field of structs is null, no struct is.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.types import from_arrow_type

    if pa.types.is_struct(kind):
        first = kind.field(0)
        return F.when(_has_null(column[first.name], first.type), F.exists(column, F.isnull)).otherwise(F.lit(False))
    if pa.types.is_nested(kind):
        return F.exists(column, F.isnull)
    found = F.array_contains(column, F.lit(_rare_value(kind)).cast(from_arrow_type(kind)))
    return F.when(found, F.exists(column, F.isnull)).otherwise(F.isnull(found))


def _rare_value(kind: pa.DataType) -> str:
    """Return a text whose cast to the type hardly occurs in a list."""
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return "\ue000"
    if pa.types.is_temporal(kind):
        return "0001-01-03"
    if pa.types.is_decimal(kind):
        return format(Decimal((1, (1,), -kind.scale)), "f")
    return "false" if pa.types.is_boolean(kind) else "-101"


def _element_hashes(column: Column, kind: pa.DataType) -> Column:
    from pyspark.sql import functions as F

    return F.transform(column, lambda element: F.xxhash64(*_value(element, kind)))
