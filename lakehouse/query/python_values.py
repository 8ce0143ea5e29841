"""Arrow values as Python's, for answers that are printed or written as JSON."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

# Types of keys that JSON has names of.
_NAMES = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
)


def to_rows(rows: pa.RecordBatch | pa.Table) -> list[dict[str, Any]]:
    """Return rows as dictionaries; see `to_values`."""
    columns = [to_values(column) for column in rows.columns]
    return [dict(zip(rows.schema.names, values, strict=True)) for values in zip(*columns, strict=True)]


def to_values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return a column's values: maps as dictionaries, or as lists of pairs.

    They are pairs where the keys are of a type that JSON has no names of, such as structs, and where a key is there
    twice.
    """
    values: list[Any] = column.to_pylist()
    return [_with_maps(value, column.type) for value in values] if pa.types.is_nested(column.type) else values


def _with_maps(value: Any, kind: pa.DataType) -> Any:
    if value is None or not pa.types.is_nested(kind):
        return value
    if pa.types.is_map(kind):
        pairs = [(_with_maps(key, kind.key_type), _with_maps(item, kind.item_type)) for key, item in value]
        found = dict(pairs) if any(test(kind.key_type) for test in _NAMES) else None
        return found if found is not None and len(found) == len(pairs) else [list(pair) for pair in pairs]
    if pa.types.is_struct(kind):
        return {name: _with_maps(item, kind.field(name).type) for name, item in value.items()}
    if hasattr(kind, "value_type"):
        return [_with_maps(item, kind.value_type) for item in value]
    return value
