"""Rows as JSON objects, by fixed rules for the values that JSON lacks.

A value's form is decided by its column's type alone, never by the value, so that a reader infers the same type in
each shard. Encoding is done in Polars, which writes all digits of integers and the shortest digits that read back
as the same float.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from lakehouse.errors import ExportError
from lakehouse.export.portable_types import cast_batch, children, is_binary, portable_schema, portable_type

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
        self._schema = portable_schema(schema)
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
        frame = pl.DataFrame(pa.Table.from_batches([cast_batch(batch, self._schema)]))
        frame = frame.select(self._plain(pl.col(name), kind).alias(name) for name, kind in frame.schema.items())
        return frame.write_ndjson().encode()

    def _notes(self, kind: pa.DataType) -> Iterator[str]:
        if pat.is_map(kind):
            yield "maps are lists of {key, value}"
        if is_binary(kind):
            yield "binary is base64"
        elif pat.is_decimal(kind) and kind.scale:
            yield "decimals are text"
        elif kind in {pa.int64(), pa.uint64()} and self._integers_as_text:
            yield "64-bit integers are text"
        elif pat.is_temporal(kind):
            yield "times are ISO 8601 text"
        elif pat.is_floating(kind) and not self._refuse_nan:
            yield "NaN and infinities are null"
        for child in children(kind):
            yield from self._notes(child)

    def _plain(self, values: pl.Expr, kind: Any) -> pl.Expr:  # noqa: PLR0911 - one a type
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
            values, kind = values.arr.to_list(), pl.List(kind.inner)
        if isinstance(kind, pl.List):
            return values.list.eval(self._plain(pl.element(), kind.inner))
        if isinstance(kind, pl.Struct) and kind.fields:
            fields = [
                self._plain(values.struct.field(field.name), field.dtype).alias(field.name) for field in kind.fields
            ]
            return pl.when(values.is_not_null()).then(pl.struct(fields))
        return values


def _problem(kind: pa.DataType, *, binary_refused: bool) -> str:
    """Return how to do without a type that JSON or Polars cannot hold, empty where it can."""
    if pat.is_decimal256(kind) or pat.is_interval(kind) or pat.is_union(kind) or isinstance(kind, pa.BaseExtensionType):
        return "cast it in a query with --sql, such as to VARCHAR"
    if is_binary(kind) and binary_refused:
        return "leave it out in a query with --sql, or give --option binary=base64"
    return next((found for child in children(kind) if (found := _problem(child, binary_refused=binary_refused))), "")


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
        _require_finite(name, values.cast(portable_type(kind)))
    elif pat.is_struct(kind):
        for child in values.flatten():
            _require_finite(name, child)
    elif _has_floats(kind):
        _require_finite(name, values.flatten())


def _has_floats(kind: pa.DataType) -> bool:
    return pat.is_nested(kind) and any(pat.is_floating(child) or _has_floats(child) for child in children(kind))
