"""Rows as JSON, as Spark's ``to_json`` writes them: without what is null, times in milliseconds."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

type Texts = list[str | None]


def json_rows(rows: pa.RecordBatch) -> list[str]:
    """Return each row as a JSON object; bytes are given by length and SHA-256, those within other values in base64.

    Args:
        rows: The rows.
    """
    columns = [
        [None if value is None else _quoted(_summary(value)) for value in column.to_pylist()]
        if pa.types.is_binary(column.type)
        else _texts(column)
        for column in rows.columns
    ]
    return _objects(rows.schema.names, columns, rows.num_rows)


def _summary(value: bytes) -> str:
    return f"{len(value)} bytes {hashlib.sha256(value).hexdigest()}"


def _texts(values: pa.Array) -> Texts:
    """Return the JSON of each value, None for null."""
    kind = values.type
    if pa.types.is_struct(kind):
        names = [kind.field(place).name for place in range(kind.num_fields)]
        made = _objects(names, [_texts(field) for field in values.flatten()], len(values))
    elif pa.types.is_map(kind):
        keys = [_key(text) for text in _texts(values.keys)]
        entries = [f"{key}:{value or 'null'}" for key, value in zip(keys, _texts(values.items), strict=True)]
        made = _groups(values.offsets.to_pylist(), entries, "{}")
    elif pa.types.is_fixed_size_list(kind):
        size, first = kind.list_size, values.offset * kind.list_size
        places = [first + place * size for place in range(len(values) + 1)]
        made = _groups(places, _elements(values.values), "[]")
    elif pa.types.is_list(kind):
        made = _groups(values.offsets.to_pylist(), _elements(values.values), "[]")
    else:
        return _plain(values)
    return [text if valid else None for text, valid in zip(made, values.is_valid().to_pylist(), strict=True)]


def _plain(values: pa.Array) -> Texts:
    kind = values.type
    write: Callable[[Any], str] = str
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        # As texts, since Python has no times after the year 9999.
        values = pc.cast(values, pa.string())
        write = _quoted if pa.types.is_date(kind) else _time
    elif pa.types.is_string(kind):
        write = _quoted
    elif pa.types.is_binary(kind):
        write = _base64
    elif pa.types.is_boolean(kind):
        write = json.dumps
    elif pa.types.is_floating(kind):
        write = _float32 if pa.types.is_float32(kind) else _float
    return [None if value is None else write(value) for value in values.to_pylist()]


def _objects(names: Sequence[str], columns: Sequence[Texts], rows: int) -> list[str]:
    heads = [f"{_quoted(name)}:" for name in names]
    return [
        "{" + ",".join(head + text for head, column in zip(heads, columns, strict=True) if (text := column[row])) + "}"
        for row in range(rows)
    ]


def _groups(places: Sequence[int], items: Sequence[str], brackets: str) -> list[str]:
    begin, end = brackets[0], brackets[1]
    return [begin + ",".join(items[first:last]) + end for first, last in itertools.pairwise(places)]


def _elements(values: pa.Array) -> list[str]:
    return [text or "null" for text in _texts(values)]


def _key(text: str | None) -> str:
    return text if text is not None and text.startswith('"') else _quoted(text or "null")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _base64(value: bytes) -> str:
    return _quoted(base64.b64encode(value).decode())


def _time(text: str) -> str:
    """Return Arrow's text of a time, such as ``2024-01-31 12:00:00.123456Z``, in Spark's format: all are UTC to it."""
    day, _, time = text.partition(" ")
    seconds, _, rest = time.partition(".")
    return _quoted(f"{day}T{seconds}.{rest[:3]}Z" if rest else text)


def _float(value: float) -> str:
    return (
        json.dumps(value)
        if np.isfinite(value)
        else _quoted({np.inf: "Infinity", -np.inf: "-Infinity"}.get(value, "NaN"))
    )


def _float32(value: float) -> str:
    """Return the shortest number that is this one in 32 bits."""
    return str(np.float32(value)) if np.isfinite(value) else _float(value)
