"""The written table as it is before a flow."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse import commit
from lakehouse.digest import Digest
from lakehouse.errors import CollisionError
from lakehouse.history import newest_note
from lakehouse.lake import Lake
from lakehouse.plan import FlowPlan


@dataclass(frozen=True)
class Held:
    """The written table as it is before the flow.

    Args:
        version: Its version.
        digest: Content digest of its rows.
        fits: Whether it has the contract's columns and types.
        whole: Whether its rows can only be replaced as a whole.
        transaction: The flow's next transaction number.
    """

    version: int
    digest: Digest
    fits: bool
    whole: bool
    transaction: int


def hold(lake: Lake, item: FlowPlan) -> Held:
    """Look at the written table once, and make sure that it is as the plan saw it.

    Raises:
        CollisionError: If another run committed since.
    """
    table = item.flow.writes
    commit.create(lake.uri, table, lake.storage_options)
    opened = lake.open(table.name)
    newest = newest_note(opened)
    if (newest[0] if newest else None) != (item.last[0] if item.last else None):
        raise CollisionError(f"{table.name}: another run committed since it was planned", "it is planned again")
    version = int(opened.version())
    note = newest[1] if newest else None
    fits = commit.fits(opened, table)
    # Rows that no flow accounts for, and rows that another key named, are replaced as a whole.
    replaced = version > 0 if note is None else tuple(note.key or table.key) != tuple(table.key)
    return Held(
        version=version,
        digest=Digest.parse(note.digest) if note else Digest(),
        fits=fits,
        whole=replaced or not fits or not table.key,
        transaction=int(opened.transaction_version(item.flow.id) or 0) + 1,
    )
