"""Count what each step kept, removed, quarantined or pruned of the rows that it read.

The view ``attrition`` is counted where a project has one; it may add columns to count by, and other measures. Else it
is the relation ``__outcomes.rows``: by table, outcome, rule and source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lakehouse.declare.table_order import order_tables
from lakehouse.errors import UsageError, did_you_mean
from lakehouse.project import Project
from lakehouse.query.connection import connect
from lakehouse.query.sql_guard import quoted

VIEW = "attrition"
DEFAULT_BY = ("table", "outcome", "rule")
_COUNTS = ("HUGEINT", "UBIGINT", "BIGINT", "INTEGER", "DOUBLE")
_BARE = """
SELECT "table", outcome, coalesce(rule, '') AS rule, coalesce(source, '') AS source, count(*) AS rows
FROM __outcomes.rows WHERE nth = 1 GROUP BY ALL
"""


def attrition(
    project: Project, by: Sequence[str] = DEFAULT_BY, table: str | None = None, at: str | None = None
) -> list[dict[str, Any]]:
    """Count rows, and what else the view ``attrition`` measures, of all steps or one.

    Args:
        project: The project.
        by: Columns of the view to count by; those of the view that are numbers are summed.
        table: The table of one step, by default all.
        at: A release, a time or a version, see `lakehouse.query.connection.connect`.

    Returns:
        Dictionaries with the columns of `by` and the sums, in the order of the way, most rows first.

    Raises:
        UsageError: If the view has no such column, or counts no such table.
    """
    with connect(project, at) as connection:
        source = VIEW if VIEW in connection.views() else f"({_BARE})"
        columns = {row["column_name"]: row["column_type"] for row in connection.rows(f"DESCRIBE FROM {source}")}
        measures = [name for name, kind in columns.items() if kind in _COUNTS]
        for name in by:
            if name not in columns or name in measures:
                known = [other for other in columns if other not in measures]
                raise UsageError(
                    f"{name!r} is nothing to count by", did_you_mean(name, known) or f"there are {', '.join(known)}"
                )
        keys = ", ".join(map(quoted, by))
        sums = ", ".join(f"sum({quoted(name)})::HUGEINT AS {quoted(name)}" for name in measures)
        where = 'WHERE "table" = $1' if table else ""
        rows = connection.rows(
            f"SELECT {keys}, {sums} FROM {source} {where} GROUP BY {keys}",  # noqa: S608 - quoted
            [table] if table else None,
        )
        if table and not rows:
            known = [row["table"] for row in connection.rows(f'SELECT DISTINCT "table" FROM {source} ORDER BY ALL')]  # noqa: S608 - a constant
            raise UsageError(
                f"no step that writes {table} is counted",
                did_you_mean(table, known) or f"there are {', '.join(known) or 'none; run the flows first'}",
            )
    place = order_tables(project.registry, {}, {row["table"] for row in rows if "table" in row})
    rows.sort(key=lambda row: (place.get(row.get("table", ""), 0), -row["rows"], *(str(row[name]) for name in by)))
    return rows
