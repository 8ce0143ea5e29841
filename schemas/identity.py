"""Sample ids: SHA-256 of length-prefixed fields, first 128 bits, computed for whole Arrow columns at once.

A field of n bytes is written as ``n:bytes,`` (a netstring), so that no two lists of fields are written
alike. The digest runs in DuckDB, vectorised over the batch.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

_local = threading.local()


def _connection() -> duckdb.DuckDBPyConnection:
    """Return this thread's connection; opening one costs milliseconds, so it is kept."""
    connection: duckdb.DuckDBPyConnection | None = getattr(_local, "connection", None)
    if connection is None:
        import duckdb

        connection = duckdb.connect(":memory:", config={"threads": 1})
        _local.connection = connection
    return connection


def _hash(fields: pa.Table, expression: str) -> pa.Array:
    sql = f"SELECT substr(sha256({expression}), 1, 32) AS id FROM fields"  # noqa: S608 - no user text in it
    connection = _connection()
    connection.register("fields", fields)
    try:
        result = connection.sql(sql).to_arrow_table()
    finally:
        connection.unregister("fields")
    return result.column("id").cast(pa.string()).combine_chunks()


def _netstring(column: str) -> str:
    return f"concat(strlen({column})::VARCHAR, ':', {column}, ',')"


def landed_ids(source: pa.Array, uri: pa.Array, digest: pa.Array) -> pa.Array:
    """Return the ids of landed samples.

    Args:
        source: string [n], key of the source.
        uri: string [n], canonical address.
        digest: string [n], hex digest of the raw bytes.

    Returns:
        string [n], 32 hex digits each.
    """
    fields = pa.table({"a": source, "b": uri, "c": digest})
    return _hash(fields, " || ".join(_netstring(name) for name in ("a", "b", "c")))


def derived_ids(parents: pa.Array, flow_id: str, ordinal: pa.Array) -> pa.Array:
    """Return the ids of samples that a step cut, joined or generated.

    Args:
        parents: string [n] for one parent each, or list<string> [n] in declared order.
        flow_id: Stable identity of the flow.
        ordinal: int [n], the place among the children of those parents.

    Returns:
        string [n], 32 hex digits each.
    """
    fields = pa.table({"p": parents, "o": ordinal.cast(pa.string()), "f": pa.repeat(flow_id, len(ordinal))})
    if pa.types.is_list(parents.type):
        joined = "array_to_string(list_transform(p, lambda x: concat(strlen(x)::VARCHAR, ':', x, ',')), '')"
    else:
        joined = _netstring("p")
    return _hash(fields, f"{joined} || {_netstring('f')} || {_netstring('o')}")


def content_ids(content: pa.Array) -> pa.Array:
    """Return the hash of canonical content.

    Args:
        content: string or binary [n].

    Returns:
        string [n], 32 hex digits each; null where the content is null.
    """
    return _hash(pa.table({"c": content}), "c")
