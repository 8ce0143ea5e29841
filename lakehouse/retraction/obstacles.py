"""What keeps retracted rows in a lake, and the command that ends it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pyarrow as pa

from lakehouse.errors import MixlakeError
from lakehouse.plan.plan import make_plan
from lakehouse.project import Project

# Causes for which a table may still have retracted rows.
_INCOMPLETE = ("input", "retraction", "input_replaced", "external_write")
# Tables beyond which a command runs all flows instead of naming them.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a retraction or its purge cannot be completed yet.

    Args:
        reason: What is in the way.
        fix: The command that ends it.
    """

    reason: str
    fix: str

    def __str__(self) -> str:
        """Return both as one line."""
        return f"{self.reason} — {self.fix}"


def incomplete_flow(project: Project, failed: Collection[str] = ()) -> Obstacle | None:
    """Return the first flow whose table may still have retracted rows, by the plan; None where there is none.

    Args:
        project: The project.
        failed: Tables whose flows failed or were skipped in this run.
    """
    if failed:
        return Obstacle(f"the flow of {min(failed)} failed", f"fix it, then run it: {run_command(failed)}")
    found = []
    for item in make_plan(project).stale:
        cause = next((cause for cause in item.causes if cause.kind in _INCOMPLETE), None)
        if cause is not None:
            found.append((item.writes, cause))
    if not found:
        return None
    table, cause = found[0]
    fix = run_command(name for name, _ in found)
    return Obstacle(f"{table} is not up to date ({cause.kind}: {cause.detail})", f"run it: {fix}")


def remaining_in(project: Project, table: str) -> Obstacle:
    """Return the obstacle of a table whose latest version still has retracted rows."""
    return Obstacle(f"{table} still contains retracted rows", _rewrite(project, [table]))


def older_versions(project: Project, required: Iterable[str], readers: Collection[str]) -> Obstacle:
    """Return the obstacle of older versions that other tables require.

    Args:
        project: The project.
        required: The versions, each with who requires it.
        readers: The tables that require them.
    """
    versions = "; ".join(required)
    reason = f"older versions that may contain retracted rows are required: {versions}"
    return Obstacle(reason, _rewrite(project, readers))


def failure(error: Exception) -> Obstacle:
    """Return the obstacle of an error that came up: the run has committed, and the next one goes on from there."""
    known = isinstance(error, MixlakeError | OSError | pa.ArrowException)
    reason = " ".join((str(error) if known else f"{type(error).__name__}: {error}").split())
    return Obstacle(reason[:300], "try again: mixlake run")


def run_command(tables: Iterable[str]) -> str:
    """Return the command that brings tables up to date."""
    names = sorted(set(tables))
    return " ".join(["mixlake run", *(f"+{name}" for name in names)]) if len(names) <= _NAMED else "mixlake run"


def _rewrite(project: Project, tables: Collection[str]) -> str:
    """Return how tables are rewritten: by their flows, or by whoever wrote those that no flow writes."""
    written = [name for name in tables if name in project.registry.writers]
    steps = []
    if others := sorted(set(tables).difference(written)):
        steps.append(
            f"no declared flow writes {' and '.join(others)}: delete these rows and their older versions there, or "
            f"delete {' and '.join(map(project.catalog.table_uri, others))}"
        )
    # Named alone: with --full their ancestors would process all rows again, too.
    steps.append(" ".join(["mixlake run", *sorted(written), "--full"]) if written else "mixlake run")
    return ", then: ".join(steps) if others else f"rewrite it: {steps[0]}"
