"""Columns as the features of a Hugging Face dataset card."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.types as pat

from lakehouse.export.portable_types import is_binary

# Binary columns of these names are decoded by the reader.
MEDIA = {"image": "image", "audio": "audio"}

_NAMES = {
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "date32[day]": "date32",
    "date64[ms]": "date64",
}


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return the value of ``dataset_info: features:``.

    >>> features(pa.schema([("text", pa.string()), ("parent_ids", pa.list_(pa.string()))]))
    [{'name': 'text', 'dtype': 'string'}, {'name': 'parent_ids', 'list': 'string'}]
    """
    return [
        {"name": field.name, "dtype": MEDIA[field.name]}
        if is_medium(field)
        else {"name": field.name, **_entry(field.type)}
        for field in schema
    ]


def is_medium(field: pa.Field) -> bool:
    """Whether a column holds pictures or recordings, by its name and type."""
    return field.name in MEDIA and is_binary(field.type)


def _entry(kind: pa.DataType) -> dict[str, Any]:
    if pat.is_struct(kind):
        return {"struct": features_of_struct(kind)}
    if pat.is_large_list(kind):
        return {"large_list": _element(kind.value_type)}
    if pat.is_fixed_size_list(kind):
        return {"list": _element(kind.value_type), "length": kind.list_size}
    if pat.is_list(kind):
        return {"list": _element(kind.value_type)}
    return {"dtype": _NAMES.get(str(kind), str(kind))}


def _element(kind: pa.DataType) -> Any:
    entry = _entry(kind)
    return entry["dtype"] if "dtype" in entry else entry.get("struct", entry)


def features_of_struct(kind: pa.StructType) -> list[dict[str, Any]]:
    """Return the features of a struct's fields, of which none is a medium."""
    return [{"name": field.name, **_entry(field.type)} for field in kind]
