"""Query quarantined rows with DuckDB."""

from __future__ import annotations

from typing import Any

from lakehouse.declare.contract import is_ledger
from lakehouse.declare.flow import Flow
from lakehouse.engine.broken_values import rules_of
from lakehouse.engine.rules import JOINED_BY, never_null, rule_names
from lakehouse.errors import TableNotFoundError
from lakehouse.ledger import tables
from lakehouse.ledger.quarantine import attempts
from lakehouse.project import Project
from lakehouse.query.connection import connect


def count_quarantined(project: Project, table: str | None = None) -> list[dict[str, Any]]:
    """Count the quarantined rows by table, flow and reason.

    Args:
        project: The project.
        table: The table that the rows were meant for, by default any.

    Returns:
        Dictionaries with table, flow, reason (checks by name, a function's own up to its first colon), rows, first and
        last (times), largest first.
    """
    return _quarantined(
        project,
        table,
        'SELECT "table", flow, short AS reason, count(*) AS rows, min("at") AS first, '
        'max("at") AS last FROM quarantined GROUP BY ALL ORDER BY rows DESC, "table", reason',
    )


def quarantined_rows(project: Project, table: str, reason: str | None = None, limit: int = 5) -> list[dict[str, Any]]:
    """Return some quarantined rows, of each reason at most `limit`.

    Returns:
        Dictionaries with reason, sample_id, origin, row (JSON), run_id and at.
    """
    return _quarantined(
        project,
        table,
        'SELECT reason, sample_id, origin, "row", run_id, "at" FROM quarantined '
        "WHERE $4::VARCHAR IS NULL OR starts_with(reason, $4) "
        "QUALIFY row_number() OVER (PARTITION BY short ORDER BY sample_id, origin) <= $5 "
        "ORDER BY ALL",
        [reason, limit],
    )


def describe_rule(flow: Flow, reason: str) -> str:
    """Return the rule of a reason: a check with its SQL, a required column, or the flow's own reason."""
    names = rule_names(flow.writes)
    rules = rules_of(reason, names)
    if broken := [check for check in flow.writes.checks if check.name in rules]:
        return f"check of {flow.writes.name}: {' and '.join(check.sql for check in broken)}"
    if rules and names.index(rules[0]) < len(never_null(flow.writes)):
        return f"a column that {flow.writes.name} requires"
    if rules:
        return f"a value that would not be read back from {flow.writes.name} as it was"
    return f"a reason of the flow's own ({flow.place})"


def _quarantined(
    project: Project, table: str | None, sql: str, parameters: list[Any] | None = None
) -> list[dict[str, Any]]:
    if not project.catalog.has(tables.quarantine.name):
        return []
    names = [table] if table else [name for name in project.catalog.names() if not is_ledger(name)]
    counted: list[str] = []
    for name in names:
        try:
            counted.extend(attempts(project.catalog.open(name)))
        except TableNotFoundError:
            if table:
                raise
    # A check's name may have a colon; a function's reason is known up to its first.
    checks = [f"{item.name} {check.name}" for item in project.registry.tables.values() for check in item.checks]
    text = f"""
        WITH counted AS (SELECT unnest($1::VARCHAR[]) AS attempt, unnest($2::BIGINT[]) AS place),
        newest AS (
            SELECT quarantine.*, counted.place,
                max(counted.place) FILTER ("row" IS NULL) OVER (PARTITION BY "table", origin) AS marked
            FROM ledger.quarantine AS quarantine JOIN counted USING (attempt)
        ), quarantined AS (
            SELECT *, CASE WHEN len(list_filter($3::VARCHAR[], lambda name:
                    starts_with("table" || ' ' || reason || '{JOINED_BY}', name || '{JOINED_BY}'))) > 0 THEN reason
                ELSE split_part(reason, ':', 1) END AS short
            FROM newest WHERE "row" IS NOT NULL AND place >= coalesce(marked, 0)
        ) {sql}
    """  # noqa: S608 - fixed texts
    with connect(project) as connection:
        return connection.rows(text, [counted, list(range(len(counted))), checks, *(parameters or [])])
