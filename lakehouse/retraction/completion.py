"""Record in ``ledger.retractions`` that an order is carried out: no table has the rows any more.

By its commit note each table that a flow wrote says up to which order its rows comply, and what was made from deleted
rows follows them once the flows after it ran. Of the tables that no declared flow writes the rows are searched.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from lakehouse.declare.contract import is_ledger
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import APPLIED, ORDERED, Retraction, current, load_retractions, revision, update_order
from lakehouse.project import Project
from lakehouse.retraction.obstacles import Obstacle, failure, incomplete_flow, remaining_in
from lakehouse.retraction.quarantine_cleanup import clear_quarantine
from lakehouse.retraction.remaining_rows import files_at, stored_files, tables_with_rows

log = logging.getLogger("mixlake.retraction")


@dataclass(frozen=True, slots=True)
class Completion:
    """What a run did for an order that was not carried out before it.

    Args:
        order: The order as it is recorded after the run.
        obstacle: Why it is not carried out yet, None where it is.
    """

    order: Retraction
    obstacle: Obstacle | None = None

    def __str__(self) -> str:
        """Return it as one line."""
        if self.obstacle is not None:
            return f"retraction {self.order.ordinal} is not carried out yet: {self.obstacle}"
        if not self.order.matched:
            return f"retraction {self.order.ordinal} is carried out: no table has rows that match"
        names = {*self.order.matched, *self.order.derived}
        rows = sum(self.order.matched.values()) + sum(self.order.derived.values())
        return f"retraction {self.order.ordinal} is carried out: {rows} rows of {len(names)} tables are gone"

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake run --json`` prints."""
        return {
            "retraction": self.order.ordinal,
            "applied": self.obstacle is None,
            "blocked_by": self.obstacle.reason if self.obstacle else "",
            "fix": self.obstacle.fix if self.obstacle else "",
        }


def complete_orders(project: Project, run_id: str, failed: Collection[str] = ()) -> list[Completion]:
    """Record the orders whose rows are gone from all tables.

    Args:
        project: The project.
        run_id: The run that ends now.
        failed: Tables whose flows failed or were skipped in this run.

    Returns:
        One entry per order that was not carried out before.
    """
    waiting = [order for order in load_retractions(project.catalog).orders if order.state == ORDERED]
    if not waiting:
        return []
    numbers = {order.ordinal: revision(project.catalog, order) for order in waiting}
    try:
        incomplete = incomplete_flow(project, failed)
        completed = [
            _complete(project, order, incomplete or _remaining(project, order), numbers[order.ordinal], run_id)
            for order in waiting
        ]
    except Exception as error:
        # The flows have committed: whatever is met is reported.
        log.debug("the retractions could not be recorded as carried out", exc_info=True)
        return [Completion(order, failure(error)) for order in waiting]
    return completed


def _complete(project: Project, order: Retraction, obstacle: Obstacle | None, number: int, run_id: str) -> Completion:
    if obstacle is not None:
        return Completion(order, obstacle)
    update_order(project.catalog, order, number, state=APPLIED, run_id=run_id)
    if (now := current(project.catalog, order)).state == ORDERED:
        return Completion(order, Obstacle("rows were added again meanwhile", "run again: mixlake run"))
    return Completion(now)


def _remaining(project: Project, order: Retraction) -> Obstacle | None:
    """Search quarantine, and the tables that no declared flow writes."""
    catalog, writers = project.catalog, project.registry.writers
    if not clear_quarantine(project, order):
        return Obstacle(f"{tables.quarantine.name} contains retracted rows", "try again: mixlake run")
    names = [name for name in catalog.names() if not is_ledger(name) and name not in writers]
    latest = {name: int(catalog.open(name).version()) for name in names}
    found = tables_with_rows(project, order, files_at(catalog, latest, stored_files(catalog, names))) if names else ()
    return remaining_in(project, min(found)) if found else None
