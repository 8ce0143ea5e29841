"""The written table as it is before a flow."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.delta import append
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import lost_files
from lakehouse.delta.data_version import read_data_version
from lakehouse.delta.log import log_of
from lakehouse.delta.schema_drift import compare_schema
from lakehouse.errors import CollisionError, ContractError
from lakehouse.execute.content_digest import Digest
from lakehouse.plan.plan import FlowPlan


@dataclass(frozen=True)
class Held:
    """The written table as it is before the flow.

    Args:
        version: Its version.
        digest: Content digest of its rows.
        fits: Whether it has the contract's columns and types.
        foreign: Whether something that is no flow changed its rows, so that neither digest nor note speak for them.
        lost: Whether data files of it are gone or cut off, so that its rows cannot be read.
        whole: Whether its rows can only be replaced as a whole.
        transaction: The flow's next transaction number.
    """

    version: int
    digest: Digest
    fits: bool
    foreign: bool
    whole: bool
    transaction: int
    lost: bool = False


def hold(catalog: Catalog, item: FlowPlan, *, migrate: bool = False) -> Held:
    """Look at the written table once, make sure that it is as the plan saw it, and let it take new columns.

    Args:
        catalog: The lake's catalog.
        item: The flow as planned.
        migrate: Whether a table that its contract no longer fits is written anew.

    Raises:
        CollisionError: If another run committed since.
        ContractError: If the stored rows do not fit the contract any more, and it is not to be written anew.
    """
    table = item.flow.writes
    append.create(catalog, table)
    opened = catalog.open(table.name)
    stands = read_data_version(log_of(opened))
    newest = stands.note
    if newest is not None and stands.external_writes and not item.because("external_write"):
        raise CollisionError(f"{table.name}: its rows were changed since it was planned", "it is planned again")
    if (newest[0] if newest else None) != (item.last[0] if item.last else None):
        raise CollisionError(f"{table.name}: another run committed since it was planned", "it is planned again")
    note = newest[1] if newest else None
    # Rows that no flow accounts for, and rows that another key named, are replaced as a whole.
    rekeyed = note is not None and tuple(note.key or table.key) != tuple(table.key)
    change = compare_schema(opened, table)
    if (change.incompatible or rekeyed) and note is not None and not migrate:
        told = list(change.incompatible)
        if rekeyed:
            told.append(f"its rows were named by {', '.join(note.key)}, now by {', '.join(table.key) or 'nothing'}")
        raise ContractError(
            f"{table.name} is stored otherwise than its contract says: {'; '.join(told)}",
            f"write it anew: mixlake run {table.name} --migrate (its older versions and the releases stay as they are)",
        )
    if change.added and not change.incompatible:
        append.add_columns(catalog, table, change.added)
        opened = catalog.open(table.name)
    version = int(opened.version())
    fits = not change.incompatible
    replaced = version > 0 if note is None else rekeyed
    # A flow that starts over is the way back from lost files: what is held is not compared with then.
    lost = item.because("forced") and bool(lost_files(opened))
    return Held(
        version=version,
        digest=Digest.parse(note.digest) if note else Digest(),
        fits=fits,
        foreign=bool(stands.external_writes),
        whole=replaced or not fits or not table.key or lost,
        transaction=int(opened.transaction_version(item.flow.id) or 0) + 1,
        lost=lost,
    )
