"""Inspect the written table before a flow is executed."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.delta import append, log_writer
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.content_digest import Digest
from lakehouse.delta.data_files import lost_files
from lakehouse.delta.data_version import read_data_version
from lakehouse.delta.log import log_of
from lakehouse.delta.schema_drift import compare_schema, loosened_schema
from lakehouse.errors import CollisionError, ContractError
from lakehouse.plan.plan import FlowPlan


@dataclass(frozen=True)
class TargetState:
    """The written table as it is before the flow.

    Args:
        version: Its version.
        digest: Content digest of its rows; of an older form, it is not carried forward: the flow processes all rows.
        fits_contract: Whether it has the contract's columns and types.
        external_writes: Whether something that is not a flow changed its rows, so that neither digest nor note hold.
        replace_whole: Whether its rows can only be replaced as a whole.
        transaction: The flow's next transaction number.
        lost_files: Whether data files of it are missing or damaged, so that its rows cannot be read.
    """

    version: int
    digest: Digest
    fits_contract: bool
    external_writes: bool
    replace_whole: bool
    transaction: int
    lost_files: bool = False


def inspect_target(catalog: Catalog, flow_plan: FlowPlan, *, migrate: bool = False) -> TargetState:
    """Read the written table's state, check that it is as planned, and add new columns to it.

    Args:
        catalog: The lake's catalog.
        flow_plan: The flow as planned.
        migrate: Whether a table that no longer matches its contract is rewritten.

    Raises:
        CollisionError: If another run committed since.
        ContractError: If the stored rows no longer match the contract, and `migrate` is false.
    """
    table = flow_plan.flow.writes
    append.create(catalog, table)
    opened = catalog.open(table.name)
    state = read_data_version(log_of(opened))
    newest = state.note
    if newest is not None and state.external_writes and not flow_plan.has_cause("external_write"):
        raise CollisionError(f"{table.name}: its rows were changed since it was planned", "it is planned again")
    if (newest.version if newest else None) != (flow_plan.last.version if flow_plan.last else None):
        raise CollisionError(f"{table.name}: another run committed since it was planned", "it is planned again")
    note = newest.note if newest else None
    # Rows that no flow accounts for, and rows that another key named, are replaced as a whole.
    rekeyed = note is not None and tuple(note.key or table.key) != tuple(table.key)
    drift = compare_schema(opened, table)
    if (drift.incompatible or rekeyed) and note is not None and not migrate:
        problems = list(drift.incompatible)
        if rekeyed:
            problems.append(f"its key was {', '.join(note.key)}, and is now {', '.join(table.key) or 'none'}")
        raise ContractError(
            f"{table.name} does not match its contract: {'; '.join(problems)}",
            f"rewrite it: mixlake run {table.name} --migrate (its older versions and the releases stay as they are)",
        )
    if drift.added and not drift.incompatible:
        append.add_columns(catalog, table, drift.added)
        opened = catalog.open(table.name)
    if not drift.incompatible and (schema := loosened_schema(opened)):
        log_writer.change_schema(catalog, table.name, schema)
        opened = catalog.open(table.name)
    version = int(opened.version())
    fits = not drift.incompatible
    unaccounted = version > 0 if note is None else rekeyed
    # A full run recovers from lost files: stored rows are not compared then.
    lost = flow_plan.has_cause("forced") and bool(lost_files(opened))
    return TargetState(
        version=version,
        digest=Digest.parse(note.digest) if note else Digest(),
        fits_contract=fits,
        external_writes=bool(state.external_writes),
        replace_whole=unaccounted or not fits or not table.key or lost,
        transaction=int(opened.transaction_version(flow_plan.flow.id) or 0) + 1,
        lost_files=lost,
    )
