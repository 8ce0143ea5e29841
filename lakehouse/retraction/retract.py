"""Retractions: orders to remove rows from the lake, by source, licence, address or id.

An order is a row of ``ledger.retractions``, committed through delta-rs. It takes effect in the next run: each
flow refuses rows that match, deletes those that its table holds, and what was made from them follows, since
deletions are changes like any other. A commit note names the order up to which its rows comply.

With ``purge`` the rows also leave older versions, see `lakehouse.retraction.purge`.

A row matches by itself through its own ``source``, ``license``, ``uri`` or ``sample_id``, where these columns are
mixlake's (`lakehouse.declare.lineage_columns`) and not a user's of that name. With the scope
``content`` rows of equal ``content_id`` and verified duplicates (tables tagged ``duplicates``: pairs of
``sample_id`` and ``keeper_id``) match, too; their ids are recorded in ``ledger.retracted`` and refused later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa

from lakehouse.delta.append import append_rows
from lakehouse.delta.catalog import Catalog
from lakehouse.errors import UsageError
from lakehouse.ledger import tables as ledger
from lakehouse.ledger.retractions import ORDERED, Kind, Retraction, Scope, append_order
from lakehouse.project import Project
from lakehouse.retraction.report import RetractionReport
from lakehouse.retraction.search import RetractionSearch

DEFAULT_SCOPE: Mapping[str, Scope] = {"source": "origin", "license": "origin", "uri": "origin", "id": "content"}


@dataclass(frozen=True, slots=True)
class RetractionRequest:
    """What a user asks to retract.

    Args:
        kind: What is matched: a source, an SPDX licence (also where it is one of several joined by AND), a glob
            pattern of addresses, or sample ids.
        values: The value; several only for ids.
        reason: Why.
        scope: origin: copies that came from elsewhere stay or return. content: equal content and verified
            duplicates go, too, and are refused later. By default content for ids, else origin.
        purge: Whether releases with the rows become broken and older versions are deleted, once no table has them.
    """

    kind: Kind
    values: Sequence[str]
    reason: str
    scope: Scope | None = None
    purge: bool = False


def retract(project: Project, request: RetractionRequest, *, dry_run: bool = False) -> RetractionReport:
    """Order rows to be removed; the next run removes them.

    Args:
        project: The project.
        request: What to remove, and why.
        dry_run: Only report what the order would do.

    Raises:
        UsageError: If there is no value, no reason or no lake, several values of a kind that takes one, or a value
            that is not an id.
    """
    values = sorted({value.strip() for value in request.values if value.strip()})
    if not values or not request.reason.strip():
        raise UsageError("a retraction needs a value to match, and a reason", "see mixlake retract --help")
    if len(values) > 1 and request.kind != "id":
        raise UsageError(f"a retraction takes one {request.kind}", "give one order for each")
    if not project.catalog.names():
        raise UsageError(
            f"there is no lake in {project.catalog.uri}", "correct --lake, or run the flows first: mixlake run"
        )
    scope = request.scope or DEFAULT_SCOPE[request.kind]
    with RetractionSearch(project, request.kind, values, include_duplicates=scope == "content") as search:
        search.run()
        unmatched = tuple(search.unmatched())
        matched, derived = search.row_counts()
        order = Retraction(
            ordinal=0,
            retraction_id=search.retraction_id,
            kind=request.kind,
            value=values[0] if len(values) == 1 else f"{len(values)} ids",
            scope=scope,
            reason=request.reason.strip(),
            purge=request.purge,
            searched_versions=search.versions(),
            matched=matched,
            releases=tuple(search.releases()),
            state=ORDERED,
            at=datetime.now(UTC),
            derived=derived,
        )
        seen = search.training_steps()
        suggestions = () if matched else tuple(search.suggestions())
        report = RetractionReport(order, seen, not dry_run, tuple(search.unresolved), unmatched, suggestions)
        if dry_run:
            return report
        _append_ids(project.catalog, order, search.ids())

    return replace(report, order=append_order(project.catalog, order))


def _append_ids(catalog: Catalog, order: Retraction, ids: pa.RecordBatchReader) -> None:
    """Append an order's ids to ``ledger.retracted``; they count once the order is recorded."""
    for number, batch in enumerate(ids, 1):
        append_rows(
            catalog,
            ledger.retracted,
            pa.Table.from_batches([batch]),
            app_id=f"retracted:{order.retraction_id}",
            version=number,
        )
