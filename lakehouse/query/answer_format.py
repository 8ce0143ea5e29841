"""The forms in which `Lake.sql` and `Lake.table` give an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args

import pyarrow as pa

from lakehouse.errors import UsageError
from lakehouse.query.connection import Connection

Format = Literal["arrow", "polars", "reader"]


def answer(connection: Connection, sql: str, form: Format, parameters: Iterable[object] | None = None) -> Any:
    """Answer one statement in one of the forms that `Lake.sql` gives, and close the connection when it is read."""
    if form not in get_args(Format):
        raise UsageError(f"there is no format {form!r}", f"take {', '.join(get_args(Format))}")
    if form == "reader":
        try:
            reader = connection.reader(sql, parameters)
        except BaseException:
            connection.close()
            raise

        def batches() -> Iterator[pa.RecordBatch]:
            with connection:
                yield from reader

        return pa.RecordBatchReader.from_batches(reader.schema, batches())
    with connection:
        rows = connection.table(sql, parameters)
    if form == "arrow":
        return rows
    import polars as pl

    return pl.DataFrame(rows)
