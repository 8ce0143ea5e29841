"""Compare two sets of rows with DuckDB: how many rows differ, and which column of which row.

The difference of the sets is their rows with signed counts, added up: what is left is what ``EXCEPT ALL`` gives both
ways, in one pass. Equal are two nulls, two NaNs, nested values with equal parts, and maps with equal entries.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from lakehouse.declare.names import quote_name


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """One column in which two sets of rows differ.

    Args:
        column: The column; empty where a row is only in one of the sets.
        key: The first such row by its key, as column to value; the whole row where rows have no key.
        values: Its value in either set; for a row in one set only, how often it is in either.
        rows: How many rows differ so.
    """

    column: str
    key: dict[str, Any]
    values: tuple[Any, Any]
    rows: int


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows differ between two sets of rows.

    Args:
        added: Rows that are only in the second set.
        removed: Rows that are only in the first set.
        changed: Rows of one key that are in both sets and differ; 0 where rows have no key.
    """

    added: int = 0
    removed: int = 0
    changed: int = 0


def column_differences(first: pa.Table, second: pa.Table, key: Sequence[str]) -> list[ColumnDifference]:
    """Compare two sets of rows, in any order.

    Args:
        first: Rows.
        second: Rows with the same columns.
        key: Columns that name a row. Rows that share a key, or all rows where it is empty, are only compared whole.

    Returns:
        One entry per differing column, in the order of the columns; empty where the sets are equal.
    """
    names = first.column_names
    with duckdb.connect(":memory:") as engine:
        united = _unite(engine, first, second, names)
        _make_difference(engine, ", ".join(f"{value} AS {quote_name(name)}" for name, value in united.items()))
        keys = _list(key)
        paired = _PAIRED.format(key=keys) if key else "false"
        engine.execute(f"CREATE TABLE marked AS SELECT *, {paired} AS __paired FROM difference")  # noqa: S608 - quoted
        differences = []
        for name in names if key else []:
            if name not in key:
                rows = _rows(engine, _CHANGED.format(key=keys, column=quote_name(name)))
                differences += [
                    ColumnDifference(name, _of(row, key), (row["__a"], row["__b"]), row["__rows"]) for row in rows
                ]
        for row in _rows(engine, _ALONE.format(order=keys or _list(names))):
            values = (0, row["__n"]) if row["__n"] > 0 else (-row["__n"], 0)
            differences.append(ColumnDifference("", _of(row, key or names), values, row["__rows"]))
    return differences


def count_differences(
    engine: duckdb.DuckDBPyConnection, first: Any, second: Any, columns: Collection[str], key: Sequence[str]
) -> RowCounts:
    """Count the rows by which two sets of rows differ.

    Args:
        engine: A connection to use.
        first: What DuckDB reads rows through, None for no rows.
        second: The same of the second set; a column that one of the sets lacks counts as null.
        columns: Columns to compare.
        key: Those columns that name a row, may be empty.
    """
    values = _unite(engine, first, second, columns).values()
    if not values:
        return RowCounts()
    # A null hashes like some value: whether it is one is part of the hash.
    hashed = ", ".join([*values, *(f"{value} IS NULL" for value in values)])
    _make_difference(engine, ", ".join([*map(quote_name, key), f"hash({hashed}) AS __hash"]))
    row = engine.execute(_COUNTS.format(key=_list(key) or "__n")).fetchone() or (0, 0, 0)
    added, removed, changed = (int(value or 0) for value in row)
    return RowCounts(added - changed, removed - changed, changed)


def _unite(engine: duckdb.DuckDBPyConnection, first: Any, second: Any, columns: Collection[str]) -> dict[str, str]:
    """Make the view ``united`` of both sets, and return the expression of each column, of a map with sorted entries."""
    parts = []
    for name, rows, count in (("first_rows", first, -1), ("second_rows", second, 1)):
        if rows is not None:
            engine.register(name, rows)
            parts.append(f"SELECT *, {count} AS __n FROM {name}")  # noqa: S608 - fixed names
    if not parts:
        return {}
    # By name: a set may lack a column.
    engine.execute(f"CREATE VIEW united AS {' UNION ALL BY NAME '.join(parts)}")
    kinds = {name: kind for name, kind, *_ in engine.execute("DESCRIBE united").fetchall() if name in columns}
    return {
        name: f"map_from_entries(list_sort(map_entries({quote_name(name)})))"
        if kind[:4] == "MAP("
        else quote_name(name)
        for name, kind in kinds.items()
    }


def _make_difference(engine: duckdb.DuckDBPyConnection, selected: str) -> None:
    """Make the table ``difference``: values with ``__n``, how much more often the second set has them."""
    engine.execute(f"CREATE TABLE difference AS {_DIFFERENCE.format(selected=selected)}")


_DIFFERENCE = "SELECT {selected}, sum(__n)::BIGINT AS __n FROM united GROUP BY ALL HAVING sum(united.__n) <> 0"
# Whether a key has one row in each set.
_PAIRED = """
count(*) OVER (PARTITION BY {key}) = 2 AND min(__n) OVER (PARTITION BY {key}) = -1
AND max(__n) OVER (PARTITION BY {key}) = 1
"""
_CHANGED = """
SELECT *, count(*) OVER () AS __rows FROM (
    SELECT {key}, first({column}) FILTER (__n < 0) AS __a, first({column}) FILTER (__n > 0) AS __b
    FROM marked WHERE __paired GROUP BY {key}
) WHERE __a IS DISTINCT FROM __b ORDER BY {key} LIMIT 1
"""
_ALONE = """
SELECT *, sum(abs(__n)) OVER ()::BIGINT AS __rows FROM marked WHERE NOT __paired ORDER BY {order}, __n LIMIT 1
"""
_COUNTS = """
SELECT sum(added), sum(removed), sum(least(added, removed)) FROM (
    SELECT coalesce(sum(__n) FILTER (__n > 0), 0) AS added, coalesce(-sum(__n) FILTER (__n < 0), 0) AS removed
    FROM difference GROUP BY {key}
)
"""


def _rows(engine: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = engine.sql(sql).to_arrow_table().to_pylist()
    return rows


def _list(names: Collection[str]) -> str:
    return ", ".join(map(quote_name, names))


def _of(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}
