"""Retractions: orders to take rows out of the lake again, by source, licence, address or id.

An order is a row of ``ledger.retractions``, committed through delta-rs. It takes effect in the next run: each
flow refuses rows that match, deletes those that its table holds, and what was made from them follows, since
deletions are changes like any other. A note says with which order its rows comply.

With ``purge`` the rows also leave older versions, see `lakehouse.retraction.purge`.

A row matches by itself through its own ``source``, ``license``, ``uri`` or ``sample_id``. With the scope
``content`` rows of equal ``content_id`` and verified duplicates (tables tagged ``duplicates``: pairs of
``sample_id`` and ``keeper_id``) match, too; their ids are kept in ``ledger.retracted`` and refused later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa

from lakehouse.delta.append import append_rows
from lakehouse.delta.catalog import Catalog
from lakehouse.errors import UsageError
from lakehouse.ledger import tables as ledger
from lakehouse.ledger.retractions import ORDERED, Kind, Retraction, Scope, append_order
from lakehouse.project import Project
from lakehouse.retraction.report import RetractionReport
from lakehouse.retraction.search import Reach

DEFAULT_SCOPE: Mapping[str, Scope] = {"source": "origin", "license": "origin", "uri": "origin", "id": "content"}


def retract(  # noqa: PLR0913 - what an order is
    project: Project,
    kind: Kind,
    values: Sequence[str],
    *,
    reason: str,
    scope: Scope | None = None,
    purge: bool = False,
    dry_run: bool = False,
) -> RetractionReport:
    """Order rows to be taken out; the next run does it.

    Args:
        project: The project.
        kind: What is matched: a source, an SPDX licence (also where it is one of several joined by AND), a glob
            pattern of addresses, or sample ids.
        values: The value; several only for ids.
        reason: Why.
        scope: origin: copies that came from elsewhere stay or return. content: equal content and verified
            duplicates go, too, and are refused later. By default content for ids, else origin.
        purge: Whether releases that hold such rows are given up and older versions removed, once no table holds them.
        dry_run: Only say what it would do.

    Raises:
        UsageError: If there is no value, no reason or no lake, several values of a kind that takes one, or what is
            no id.
    """
    values = sorted({value.strip() for value in values if value.strip()})
    if not values or not reason.strip():
        raise UsageError("a retraction needs what to take out, and a reason", "see mixlake retract --help")
    if len(values) > 1 and kind != "id":
        raise UsageError(f"a retraction takes one {kind}", "give one order for each")
    if not project.catalog.names():
        raise UsageError(
            f"there is no lake in {project.catalog.uri}", "correct --lake, or run the flows first: mixlake run"
        )
    chosen = scope or DEFAULT_SCOPE[kind]
    with Reach(project) as reach:
        reach.search(kind, values, content=chosen == "content")
        unmatched = tuple(reach.unmatched())
        order = Retraction(
            ordinal=0,
            retraction_id=reach.name,
            kind=kind,
            value=values[0] if len(values) == 1 else f"{len(values)} ids",
            scope=chosen,
            reason=reason.strip(),
            purge=purge,
            looked=reach.looked(),
            matched=reach.matched(),
            releases=tuple(reach.releases()),
            state=ORDERED,
            at=datetime.now(UTC),
        )
        derived, seen = reach.derived(), reach.seen()
        near = () if order.matched else tuple(reach.near())
        report = RetractionReport(order, derived, seen, not dry_run, tuple(reach.untold), unmatched, near)
        if dry_run:
            return report
        _keep_ids(project.catalog, order, reach.ids())

    return replace(report, order=append_order(project.catalog, order))


def _keep_ids(catalog: Catalog, order: Retraction, ids: pa.RecordBatchReader) -> None:
    """Append what an order names to ``ledger.retracted``, however much it is: it counts once the order is recorded."""
    for number, batch in enumerate(ids, 1):
        append_rows(
            catalog,
            ledger.retracted,
            pa.Table.from_batches([batch]),
            app_id=f"retracted:{order.retraction_id}",
            version=number,
        )
