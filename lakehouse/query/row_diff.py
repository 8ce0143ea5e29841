"""Comparing two sets of rows value by value: which row differs, in which column.

Values are compared by DuckDB's hash of each, which takes nested values whole and a NaN for equal to a NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

_ROW = "__row"


@dataclass(frozen=True, slots=True)
class Differs:
    """One column in which two sets of rows differ.

    Args:
        column: The column; empty where a row is only in one of the sets.
        key: The first such row, as column to value; empty where rows have no key.
        values: Its value in either set; for a row in one set only, how often it is in either.
        rows: How many rows differ so.
    """

    column: str
    key: dict[str, Any]
    values: tuple[Any, Any]
    rows: int


def differing(first: pa.Table, second: pa.Table, key: Sequence[str]) -> list[Differs]:
    """Compare two sets of rows, whatever their order.

    Args:
        first: Rows.
        second: Rows with the same columns.
        key: Columns that name a row. Rows that share a key, or all rows where it is empty, are only compared whole.

    Returns:
        One entry a differing column, in the order of the columns; empty where the sets are equal.
    """
    names = first.column_names
    with duckdb.connect(":memory:") as engine:
        for side, rows in (("a", first), ("b", second)):
            engine.register(f"{side}_rows", rows.append_column(_ROW, pa.array(np.arange(rows.num_rows))))
            hashes = ", ".join(f"hash({_quoted(name)}) AS h{i}" for i, name in enumerate(names))
            # A null hashes like some value: whether it is one stands beside.
            nulls = ", ".join(f"{_quoted(name)} IS NULL AS n{i}" for i, name in enumerate(names))
            engine.execute(f"CREATE TABLE {side}_hashed AS SELECT {_ROW}, {hashes}, {nulls} FROM {side}_rows")  # noqa: S608 - quoted
        whole = ", ".join(f"h{i}, n{i}" for i in range(len(names)))
        by = ", ".join(f"h{i}, n{i}" for i, name in enumerate(names) if name in key) or "0"
        # Rows that are in one set more often than in the other, and the place of one of each.
        engine.execute(
            f"""
            CREATE TABLE odd AS SELECT *, row_number() OVER (PARTITION BY side, {by}) AS nth FROM (
                SELECT side, {_ROW}, {whole} FROM (
                    SELECT *, row_number() OVER (PARTITION BY side, {whole} ORDER BY {_ROW}) AS copy
                    FROM (SELECT 'a' AS side, * FROM a_hashed UNION ALL SELECT 'b' AS side, * FROM b_hashed)
                ) QUALIFY count(*) OVER (PARTITION BY copy, {whole}) = 1
            )
            """  # noqa: S608 - names of our own
        )
        found = []
        if key:
            both = " AND ".join(f"a.h{i} = b.h{i} AND a.n{i} = b.n{i}" for i, n in enumerate(names) if n in key)
            pairs = f"odd a JOIN odd b ON a.side = 'a' AND b.side = 'b' AND a.nth = b.nth AND {both}"
            for i, name in enumerate(names):
                where = f"a.h{i} <> b.h{i} OR a.n{i} <> b.n{i}"
                told = f"count(*), arg_min(a.{_ROW}, a.{_ROW}), arg_min(b.{_ROW}, a.{_ROW})"
                row = engine.execute(f"SELECT {told} FROM {pairs} WHERE {where}").fetchone()  # noqa: S608
                count, left, right = row or (0, None, None)
                if count:
                    values = first[name][left].as_py(), second[name][right].as_py()
                    found.append(Differs(name, _key(first, key, left), values, count))
            lonely = (
                f"SELECT side, {_ROW} FROM odd a WHERE NOT EXISTS (SELECT 1 FROM odd b WHERE a.side <> b.side AND "  # noqa: S608
                f"a.nth = b.nth AND {both}) ORDER BY ALL"
            )
        else:
            lonely = f"SELECT side, {_ROW} FROM odd ORDER BY ALL"  # noqa: S608
        alone = engine.execute(lonely).fetchall()
    if alone:
        side, row = alone[0]
        held = first if side == "a" else second
        found.append(Differs("", _key(held, key or names, row), (1, 0) if side == "a" else (0, 1), len(alone)))
    return found


def _key(rows: pa.Table, names: Sequence[str], row: int) -> dict[str, Any]:
    return {name: rows[name][row].as_py() for name in names}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
