"""Chance as a keyed hash: SHA-256 of ``seed:purpose:id`` in hex, compared as text.

Hex digits of equal length order like the numbers that they spell, so Spark, DuckDB and Python agree on
every decision without converting one: a share is a comparison with a threshold, an order is a sort, a
choice is the smallest.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.relations import Dialect

if TYPE_CHECKING:
    import duckdb

_local = threading.local()


def keyed(seed: int, purpose: str, column: str, dialect: Dialect = "spark") -> str:
    """Return the SQL of a hash, 64 hex digits.

    Args:
        seed: The seed.
        purpose: What the decision is for; letters, digits, spaces, dashes and slashes.
        column: SQL of the id, a string.
        dialect: Whose SQL.

    Raises:
        ValueError: If the purpose would break out of its quotes.
    """
    if "'" in purpose or "\\" in purpose:
        message = f"purpose {purpose!r} holds a quote"
        raise ValueError(message)
    inner = f"concat('{int(seed)}:{purpose}:', {column})"
    return f"sha2({inner}, 256)" if dialect == "spark" else f"sha256({inner})"


def threshold(share: float) -> str:
    """Return the hex text that a hash is below with that probability, in steps of 2^-48.

    Raises:
        ValueError: If the share is no probability.
    """
    if not 0.0 <= share <= 1.0:
        message = f"a share of {share} is no probability"
        raise ValueError(message)
    # "g" sorts after every hex digit: a share of one takes all.
    return "g" if share == 1.0 else f"{int(share * (1 << 48)):012x}"


def evaluate(columns: pa.Table, expression: str) -> pa.Array:
    """Return a string for each row, computed by DuckDB in one thread, which keeps the rows' order.

    Args:
        columns: [n], named as the expression names them.
        expression: DuckDB SQL.

    Returns:
        string [n].
    """
    connection: duckdb.DuckDBPyConnection | None = getattr(_local, "connection", None)
    if connection is None:
        import duckdb

        connection = duckdb.connect(":memory:", config={"threads": 1})
        _local.connection = connection
    connection.register("fields", columns)
    try:
        result = connection.sql(f"SELECT {expression} AS value FROM fields").to_arrow_table()  # noqa: S608 - ours
    finally:
        connection.unregister("fields")
    return result.column("value").cast(pa.string()).combine_chunks()
