"""Run a flow that is not an operator twice in this process, on inputs of another order, and write nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT
from lakehouse.delta.content_digest import HIGH, LOW
from lakehouse.determinism.computed_rows import computed_rows
from lakehouse.embedded.checked_rows import good_rows, keys_of
from lakehouse.embedded.engine import EmbeddedEngine
from lakehouse.engine import CheckedRows
from lakehouse.engine.rules import given_columns
from lakehouse.errors import FlowError
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project

if TYPE_CHECKING:
    import polars as pl

OTHERWISE = "when its input came in another order and other batches"

_SHOWN = 100
_POSITION = "_position"
# Batches of the other run hold this part of the rows that the flow asks for.
_PART = 3


def run_twice(project: Project, item: FlowPlan) -> tuple[int, pa.Table, pa.Table]:
    """Run a flow twice on the same whole inputs.

    Args:
        project: The project.
        item: The flow, with the input versions to read.

    Returns:
        How many rows it gives, and of either run up to 100 rows that the other does not give, with the rows of the
        same keys; both are empty where the runs agree.

    Raises:
        MixlakeError: If the flow fails.
    """
    other_batches = replace(item, flow=replace(item.flow, batch_rows=-(-item.flow.batch_rows // _PART)))
    with (
        computed_rows(EmbeddedEngine(project), item) as one,
        computed_rows(EmbeddedEngine(project, shuffled=True), other_batches) as other,
    ):
        table = item.flow.writes
        if one.digest == other.digest:
            none = pa.schema([one.rows.schema.field(name) for name in _names(table)]).empty_table()
            return one.digest.rows, none, none
        chosen = _differing(table, one, other)
        if not any(map(len, chosen)):
            raise FlowError(f"{item.flow.id} gives equal rows, but not equally often ({item.flow.place})")
        first, second = (_taken(table, run, places) for run, places in zip((one, other), chosen, strict=True))
        return one.digest.rows, first, second


def _differing(table: Table, one: CheckedRows, other: CheckedRows) -> list[pl.Series]:
    """Return, for each run, the places among its good rows of those that differ."""
    import polars as pl

    runs = [_identities(table, checked) for checked in (one, other)]
    lone = [a.join(b, on=[HIGH, LOW], how="anti") for a, b in (runs, runs[::-1])]
    if table.key:
        keys = pl.concat([rows.select(table.key) for rows in lone]).unique(maintain_order=True).head(_SHOWN)
        lone = [rows.join(keys, on=list(table.key), how="semi") for rows in runs]
    return [rows[_POSITION].sort().head(_SHOWN) for rows in lone]


def _identities(table: Table, checked: CheckedRows) -> pl.DataFrame:
    """Return keys and hashes of the good rows."""
    import polars as pl

    rows = keys_of(checked.rows, [*table.key, HIGH, LOW, REJECT])
    return rows.filter(pl.col(REJECT).is_null()).drop(REJECT).with_row_index(_POSITION)


def _taken(table: Table, checked: CheckedRows, places: pl.Series) -> pa.Table:
    """Return the good rows at some places, in the columns that a flow gives."""
    names = _names(table)
    parts, begin = [], 0
    for batch in good_rows(checked):
        here = places.filter(places.is_between(begin, begin + batch.num_rows - 1)) - begin
        parts.append(batch.select(names).take(pa.array(here.to_list(), pa.int64())))
        begin += batch.num_rows
    return pa.Table.from_batches(parts, pa.schema([checked.rows.schema.field(name) for name in names]))


def _names(table: Table) -> list[str]:
    return [column.name for column in given_columns(table)]
