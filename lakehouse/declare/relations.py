"""The steps of relational flows: SQL, and functions of Arrow batches and groups, on any engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol

import pyarrow as pa

type Rows = Any
"""Rows of the engine that runs the flow: passed from one method of `Relations` to the next, opaque to the flow."""

type Dialect = Literal["spark", "duckdb"]
type BatchFunction = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]
type GroupFunction = Callable[[pa.Table], pa.Table]


class Relations(Protocol):
    """The steps of a relational flow, which the engine that runs it carries out.

    Functions are called wherever the rows are, so that they must be picklable; they see rows of a part or of a group
    alone. Statements are run as they are written. Nulls come first, and sums of integers have 64 bits, on both engines;
    functions are the engine's own, and some of one name differ (regexp_replace replaces all matches in Spark, the first
    in DuckDB): such a text is made for `dialect`, and a test runs the flow on both.
    """

    dialect: Dialect

    def sql(self, text: str, /, **inputs: Rows) -> Rows:
        """Return the rows of one SELECT.

        Args:
            text: The statement. It names its inputs as tables.
            inputs: Name to rows.
        """
        ...

    def from_arrow(self, table: pa.Table) -> Rows:
        """Return rows of this process as a relation: only small ones, such as quotas."""
        ...

    def to_arrow(self, rows: Rows) -> pa.Table:
        """Collect rows into this process: only small ones, such as counts."""
        ...

    def map_batches(
        self,
        rows: Rows,
        function: BatchFunction,
        schema: pa.Schema,
        *,
        together: Sequence[str] = (),
        order_by: Sequence[str] = (),
        tasks: Literal["any", "one", "many"] = "any",
    ) -> Rows:
        """Return what a function yields for streams of rows, each of which holds a part of them.

        Args:
            rows: The rows.
            function: Called with a stream of record batches, yields record batches.
            schema: Schema of what it yields, to which that is fitted as to a contract: see
                `lakehouse.declare.column.Column`.
            together: Columns: rows with equal values come in one stream, one after the other.
            order_by: SQL expressions by which a stream is ordered, ascending and nulls first, after the columns of
                `together`.
            tasks: "one": all rows come in one stream. "many": rows are few, and each is so much work that they are
                spread over all workers.
        """
        ...

    def map_groups(self, rows: Rows, keys: Sequence[str], function: GroupFunction, schema: pa.Schema) -> Rows:
        """Return what a function makes of each group of rows with equal keys.

        Args:
            rows: The rows.
            keys: Columns.
            function: Called with all rows of a group, in any order.
            schema: Schema of what it returns, to which that is fitted as to a contract.
        """
        ...

    def cached(self, rows: Rows) -> Rows:
        """Return rows that are computed once, though several steps read them."""
        ...

    def computed(self, rows: Rows) -> Rows:
        """Return rows computed now, without their plan: for a loop, whose plan would grow with each round."""
        ...

    def data_files(self, name: str) -> Rows:
        """Return the data files of an input: table, uri, and how many rows of it are live.

        Args:
            name: The input, by its name in ``reads``: it is read without a condition, and its columns have ``_table``.
        """
        ...
