"""Inspect the written table before a flow is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.declare.contract import Table
from lakehouse.delta import append, log_writer
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.content_digest import Digest
from lakehouse.delta.data_files import files, lost_files, totals
from lakehouse.delta.data_version import read_data_version
from lakehouse.delta.log import log_of
from lakehouse.delta.schema_drift import compare_schema, has_column_mapping, loosened_schema
from lakehouse.errors import CollisionError, ContractError
from lakehouse.plan.plan import FlowPlan

if TYPE_CHECKING:
    from deltalake import DeltaTable


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
    rekeyed = note is not None and tuple(map(table.present_name, note.key or table.key)) != tuple(table.key)
    drift = compare_schema(opened, table)
    if drift.renamed and not drift.incompatible and has_column_mapping(opened):
        log_writer.rename_columns(catalog, table.name, drift.renamed)
        opened = catalog.open(table.name)
        drift = compare_schema(opened, table)
    if drift.renamed and not drift.incompatible and note is not None and not migrate:
        raise _renaming_error(opened, table, drift.renamed)
    incompatible = [*drift.incompatible, *(f"column {old} is {new} now" for new, old in drift.renamed.items())]
    if (incompatible or rekeyed) and note is not None and not migrate:
        problems = list(incompatible)
        if rekeyed:
            problems.append(f"its key was {', '.join(note.key)}, and is now {', '.join(table.key) or 'none'}")
        raise ContractError(
            f"{table.name} does not match its contract: {'; '.join(problems)}",
            f"rewrite it: mixlake run {table.name} --migrate (its older versions and the releases stay as they are)",
        )
    if drift.added and not incompatible:
        append.add_columns(catalog, table, drift.added)
        opened = catalog.open(table.name)
    if not incompatible and (schema := loosened_schema(opened)):
        log_writer.change_schema(catalog, table.name, schema)
        opened = catalog.open(table.name)
    version = int(opened.version())
    fits = not incompatible
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


def _renaming_error(opened: DeltaTable, table: Table, renamed: Mapping[str, str]) -> ContractError:
    """Return the error of a table whose format has no other way to rename a column than to write its rows anew."""
    rows, size = totals(opened)
    names = ", ".join(f"{old} to {new}" for new, old in renamed.items())
    return ContractError(
        f"{table.name}: renaming {names} writes its {rows} rows anew ({size / (1 << 20):.1f} MiB in "
        f"{files(opened).num_rows} files), since the table has no column mapping",
        f"do so: mixlake run {table.name} --migrate (its older versions and the releases stay as they are); a table "
        'that is created with properties=[("delta.columnMapping.mode", "name")] is renamed without, but is written by '
        "Spark alone and read by readers of Delta's version 2",
    )
