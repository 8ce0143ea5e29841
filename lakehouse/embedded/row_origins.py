"""The origin of each row of a written table: the source key of the row that it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import duckdb
import pyarrow as pa

from lakehouse.declare.flow import REJECT, Flow
from lakehouse.embedded.conditions import Expressions
from lakehouse.engine.keys import KeyOrigins

_ORIGIN = "_origin"
_POSITION = "_position"


class RowOrigins:
    """Evaluates a flow's ``source_key_sql``.

    Args:
        flow: The flow.
        database: Evaluates the expression.

    Raises:
        NotPortableError: If Spark alone can evaluate it.
    """

    def __init__(self, flow: Flow, database: duckdb.DuckDBPyConnection) -> None:
        self._flow = flow
        self._column = flow.source_key_sql if flow.source_key_sql in flow.writes else ""
        types = {column.name: column.stored_type for column in flow.writes.columns}
        self._expression = Expressions(database, [] if self._column else [flow.source_key_sql], types)

    @staticmethod
    def columns(flow: Flow) -> list[str]:
        """Return the columns of the written table that the expression may use."""
        if flow.source_key_sql in flow.writes:
            return [flow.source_key_sql]
        words = set(re.findall(r"\w+", flow.source_key_sql.lower()))
        return [column.name for column in flow.writes.columns if column.name.lower() in words]

    def of(self, batch: pa.RecordBatch) -> pa.Array:
        """Return the origin of each row."""
        return batch.column(self._column) if self._column else self._expression.values(batch)[0]

    def shown(self, batch: pa.RecordBatch) -> list[Any]:
        """Return the origins of a few rows, none where the flow has no source key."""
        values: list[Any] = self.of(batch).to_pylist() if self._flow.incremental else []
        return values

    def foreign(self, batches: Iterable[pa.RecordBatch], given: pa.ChunkedArray) -> KeyOrigins | None:
        """Return a row whose origin is not among the source keys that the function was given.

        Args:
            batches: Rows with the contract's columns and ``_reject``. Of a rejected row, the origin may be null.
            given: The source keys.
        """
        import polars as pl

        rows = list(batches)
        if not rows:
            return None
        parts = [self._origins_and_rejects(batch) for batch in rows]
        origins = pl.DataFrame(pa.Table.from_batches(parts)).with_row_index(_POSITION)
        asked = origins.filter(pl.col(_ORIGIN).is_not_null() | ~pl.col(REJECT))
        keys = pl.DataFrame(pa.table({_ORIGIN: given.cast(parts[0].schema.field(_ORIGIN).type)})).unique()
        foreign = asked.join(keys, on=_ORIGIN, how="anti", nulls_equal=True)
        if not foreign.height:
            return None
        position = int(foreign[_POSITION].min())  # type: ignore[arg-type]
        row = pa.Table.from_batches(rows).slice(position, 1)
        key = {name: row.column(name)[0].as_py() for name in self._flow.writes.key}
        return KeyOrigins(key, [foreign.filter(pl.col(_POSITION) == position)[_ORIGIN][0]])

    def _origins_and_rejects(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.record_batch({_ORIGIN: self.of(batch), REJECT: batch.column(REJECT).is_valid()})
