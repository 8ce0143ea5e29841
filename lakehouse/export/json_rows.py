"""Rows as JSON objects, by fixed rules for the values that JSON lacks.

A value's form is decided by its column's type alone, never by the value, so that a reader infers the same type in
each shard. Encoding is done in Polars, which writes all digits of integers and the shortest digits that read back
as the same float.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from lakehouse.errors import ExportError

if TYPE_CHECKING:
    import polars as pl

RULES = (
    "Binary values are base64 (or refused); decimals are text with all digits, without a scale whole numbers; 64-bit "
    "integers are numbers with all digits (or text), which readers that take numbers for doubles round beyond 2^53; "
    "NaN and infinities are refused (or null); times are ISO 8601 text; durations are ISO 8601 text; maps are lists of "
    "{key, value} objects."
)


class JsonRows:
    """Rows of one schema as JSON objects.

    Args:
        schema: Their columns.
        binary: "base64", or "refuse" for an error where there is a binary column.
        integers: "number", or "string" to write 64-bit integers as text.
        nan: "refuse" for an error at a NaN or an infinity, or "null" to write them as null.

    Raises:
        ExportError: If JSON cannot hold a column.
    """

    def __init__(
        self, schema: pa.Schema, *, binary: str = "base64", integers: str = "number", nan: str = "refuse"
    ) -> None:
        self._integers_as_text = integers == "string"
        self._refuse_nan = nan == "refuse"
        self._schema = pa.schema([pa.field(field.name, _without_maps(field.type)) for field in schema])
        notes: list[str] = []
        for field in schema:
            problem = _problem(field.type, binary_refused=binary == "refuse")
            if problem:
                raise ExportError(f"JSON cannot hold the column {field.name!r} of type {field.type}", problem)
            notes.extend(f"{field.name}: {note}" for note in sorted(set(self._notes(field.type))))
        self.rules = tuple(notes)

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """Return rows as JSON objects, each on a line of its own that ends in a line feed.

        Raises:
            ExportError: If a value is not finite, and that is refused.
        """
        import polars as pl

        if not batch.num_rows:
            return b""
        if self._refuse_nan:
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                _require_finite(name, column)
        # A column without a field would be no row: Polars has no rows without columns.
        arrays = [
            column if column.type == field.type else column.cast(field.type)
            for column, field in zip(batch.columns, self._schema, strict=True)
        ]
        frame = pl.DataFrame(pa.Table.from_arrays(arrays, schema=self._schema))
        frame = frame.select(self._plain(pl.col(name), kind).alias(name) for name, kind in frame.schema.items())
        return frame.write_ndjson().encode()

    def _notes(self, kind: pa.DataType) -> Iterator[str]:
        if pat.is_map(kind):
            yield "maps are lists of {key, value}"
        if _is_binary(kind):
            yield "binary is base64"
        elif pat.is_decimal(kind) and kind.scale:
            yield "decimals are text"
        elif kind in {pa.int64(), pa.uint64()} and self._integers_as_text:
            yield "64-bit integers are text"
        elif pat.is_temporal(kind):
            yield "times are ISO 8601 text"
        elif pat.is_floating(kind) and not self._refuse_nan:
            yield "NaN and infinities are null"
        for child in _children(kind):
            yield from self._notes(child)

    def _plain(self, values: pl.Expr, kind: pl.DataType) -> pl.Expr:
        """Return values as what Polars writes to JSON by the rules."""
        import polars as pl

        if kind == pl.Binary:
            return values.bin.encode("base64")
        if isinstance(kind, pl.Decimal):
            return values.cast(pl.String if kind.scale else pl.Int128)
        if isinstance(kind, pl.Datetime):
            return values.dt.to_string("iso:strict")
        if kind in {pl.Int64, pl.UInt64} and self._integers_as_text:
            return values.cast(pl.String)
        if isinstance(kind, pl.Array):
            inner, values = kind.inner, values.arr.to_list()
            return values.list.eval(self._plain(pl.element(), inner))
        if isinstance(kind, pl.List):
            return values.list.eval(self._plain(pl.element(), kind.inner))
        if isinstance(kind, pl.Struct) and kind.fields:
            fields = [
                self._plain(values.struct.field(field.name), field.dtype).alias(field.name) for field in kind.fields
            ]
            return pl.when(values.is_not_null()).then(pl.struct(fields))
        return values


def _children(kind: pa.DataType) -> list[pa.DataType]:
    if pat.is_dictionary(kind):
        return [kind.value_type]
    return [kind.field(at).type for at in range(kind.num_fields)]


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pat.is_binary(kind) or pat.is_large_binary(kind) or pat.is_fixed_size_binary(kind) or kind == pa.binary_view()
    )


def _problem(kind: pa.DataType, *, binary_refused: bool) -> str:
    """Return how to do without a type that JSON or Polars cannot hold, empty where it can."""
    if pat.is_decimal256(kind) or pat.is_interval(kind) or pat.is_union(kind) or isinstance(kind, pa.BaseExtensionType):
        return "cast it in a query with --sql, such as to VARCHAR"
    if _is_binary(kind) and binary_refused:
        return "leave it out in a query with --sql, or give --option binary=base64"
    return next((found for child in _children(kind) if (found := _problem(child, binary_refused=binary_refused))), "")


def _without_maps(kind: pa.DataType) -> pa.DataType:
    """Return a type with lists of structs instead of maps."""
    if pat.is_map(kind):
        return pa.list_(
            pa.struct(
                [pa.field("key", _without_maps(kind.key_type)), pa.field("value", _without_maps(kind.item_type))]
            )
        )
    if pat.is_struct(kind):
        return pa.struct([pa.field(field.name, _without_maps(field.type), field.nullable) for field in kind])
    if pat.is_fixed_size_list(kind):
        return pa.list_(_without_maps(kind.value_type), kind.list_size)
    if pat.is_large_list(kind):
        return pa.large_list(_without_maps(kind.value_type))
    if pat.is_list(kind):
        return pa.list_(_without_maps(kind.value_type))
    return pa.binary() if pat.is_fixed_size_binary(kind) else kind


def _require_finite(name: str, values: pa.Array) -> None:
    kind = values.type
    if pat.is_floating(kind):
        wide = values.cast(pa.float64()) if pat.is_float16(kind) else values
        broken = pc.sum(pc.invert(pc.is_finite(wide))).as_py() or 0
        if broken:
            raise ExportError(
                f"the column {name!r} has {broken} values that are NaN or infinite, which JSON lacks",
                "give --option nan=null, or leave them out in a query with --sql",
            )
    elif pat.is_map(kind):
        _require_finite(name, values.cast(_entries(kind)))
    elif pat.is_struct(kind):
        for child in values.flatten():
            _require_finite(name, child)
    elif _has_floats(kind):
        _require_finite(name, values.flatten())


def _entries(kind: pa.MapType) -> pa.DataType:
    return pa.list_(pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)]))


def _has_floats(kind: pa.DataType) -> bool:
    return pat.is_nested(kind) and any(pat.is_floating(child) or _has_floats(child) for child in _children(kind))
