"""Evaluate expressions of declarations over Arrow batches, with DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.portable_expression import to_duckdb
from lakehouse.embedded.unreadable import without_maps_of_equal_keys
from lakehouse.errors import FlowError


class Expressions:
    """Some expressions over rows of one schema.

    Args:
        database: Evaluates them.
        sql: The expressions, in Spark's dialect.
        types: Type of each column that they may use.

    Raises:
        NotPortableError: If one of them can be evaluated by Spark alone.
    """

    def __init__(
        self, database: duckdb.DuckDBPyConnection, sql: Sequence[str], types: Mapping[str, pa.DataType]
    ) -> None:
        self._database = database
        self._sql = list(sql)
        self._texts = [to_duckdb(text, types) for text in sql]

    def values(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """Return the value of each expression for each row, in the rows' order."""
        if not self._texts:
            return []
        columns = ", ".join(f"({text}) AS c{number}" for number, text in enumerate(self._texts))
        sql = f"SELECT {columns} FROM batch_rows"  # noqa: S608 - translated text
        try:
            answer = self._answer(batch, sql)
        except duckdb.InvalidInputException:
            # It refuses maps that have a key twice, which rows that are rejected may hold.
            answer = self._answer(without_maps_of_equal_keys(batch), sql)
        return [answer.column(number).combine_chunks() for number in range(len(self._texts))]

    def _answer(self, batch: pa.RecordBatch, sql: str) -> pa.Table:
        self._database.register("batch_rows", pa.Table.from_batches([batch]))
        return self._database.sql(sql).to_arrow_table()

    def masks(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """Return for each expression which rows fulfil it; null counts as not.

        Raises:
            FlowError: If one of them is no condition.
        """
        answer = self.values(batch)
        for sql, values in zip(self._sql, answer, strict=True):
            if not (pa.types.is_boolean(values.type) or pa.types.is_null(values.type)):
                raise FlowError(f"{sql!r} is {values.type}, not a condition", "compare it with something")
        return [pc.fill_null(values.cast(pa.bool_()), False) for values in answer]


def open_database(folder: str, memory_limit: str, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Open a database in memory that spills to a folder, and reads nothing but what it is given.

    Args:
        folder: Where it spills to.
        memory_limit: Memory that it may take, such as ``2GB``.
        threads: How many it may use; None for one a core.
    """
    database = duckdb.connect(":memory:")
    quoted = folder.replace("'", "''")
    for setting in (
        "TimeZone = 'UTC'",
        # As Spark sorts.
        "default_null_order = 'nulls_first_on_asc_last_on_desc'",
        f"temp_directory = '{quoted}'",
        f"memory_limit = '{memory_limit}'",
        *([f"threads = {threads}"] if threads else []),
        "python_enable_replacements = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        database.execute(f"SET {setting}")
    return database
