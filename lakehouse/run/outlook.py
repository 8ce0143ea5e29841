"""Whether planned flows would fail as declared, and what they took last: nothing is executed over the lake's rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lakehouse.delta.schema_drift import compare_schema
from lakehouse.embedded.engine import EmbeddedEngine
from lakehouse.engine import Call
from lakehouse.errors import MixlakeError, TableNotFoundError, first_line
from lakehouse.plan.engine_choice import spark_reason
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a flow's next run.

    Args:
        problem: Why it would fail as declared, and what to do; empty where nothing is known.
        seconds: What its last run took; None for a first one.
        rows: Rows of its table after that.
    """

    problem: str = ""
    seconds: float | None = None
    rows: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake plan --json`` prints of it."""
        return {"problem": self.problem, "last_seconds": self.seconds, "last_rows": self.rows}


def outlook(project: Project, item: FlowPlan, *, migrate: bool = False) -> Outlook:
    """Look ahead at a planned flow.

    Args:
        project: The project.
        item: The flow.
        migrate: Whether tables may be rewritten whose contracts changed.
    """
    last = item.last.note if item.last else None
    problem = ""
    if item.state != "fresh" and not item.has_cause("unreadable"):
        problem = ("" if migrate else _drift(project, item)) or _statement(project, item)
    if last is None:
        return Outlook(problem)
    return Outlook(problem, round(last.seconds, 1), last.counts.get("rows"))


def _drift(project: Project, item: FlowPlan) -> str:
    """Say that stored rows do not fit the contract any more."""
    if item.last is None:
        return ""
    table, stored_key = item.flow.writes, item.last.note.key
    try:
        drift = compare_schema(project.catalog.open(table.name), table)
    except TableNotFoundError:
        return ""
    problems = list(drift.incompatible)
    if tuple(stored_key or table.key) != tuple(table.key):
        problems.append(f"its key was {', '.join(stored_key)}, and is now {', '.join(table.key) or 'none'}")
    return f"{'; '.join(problems)}: run it with --migrate, which rewrites the table" if problems else ""


def _statement(project: Project, item: FlowPlan) -> str:
    """Say that a SQL flow's statement cannot be run, or gives other columns or types than the contract's.

    It is run over inputs without rows, where DuckDB can run it.
    """
    if item.flow.kind != "sql" or spark_reason(project, item.flow):
        return ""
    try:
        with EmbeddedEngine(project).begin(item.flow, "plan") as session:
            answer = session.apply(Call(item.params, dict.fromkeys(item.inputs, -1), -1))
            session.check(answer.rows, item.retractions)
    except MixlakeError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - DuckDB's own, whose first line says what is wrong
        return first_line(error)
    return ""
