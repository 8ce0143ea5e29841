"""Call a function for each group of rows with equal keys, and refuse a group that no worker could hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import Flow
from lakehouse.declare.relations import GroupFunction
from lakehouse.engine.batches import rows_schema
from lakehouse.engine.conform_arrays import conform_rows
from lakehouse.engine.conform_types import MisfitError
from lakehouse.errors import FlowError


@dataclass(frozen=True)
class GroupCall:
    """Calls a function for one group.

    Args:
        flow: Id of the flow, for errors.
        place: Where it is declared, for errors.
        keys: The columns whose values a group shares.
        function: The function.
        schema: Schema of what it returns.
        most_bytes: Bytes of the rows of a group, at most.
    """

    flow: str
    place: str
    keys: tuple[str, ...]
    function: GroupFunction
    schema: pa.Schema
    most_bytes: int

    def __call__(self, group: pa.Table) -> pa.Table:
        """Return the function's rows for a group.

        Raises:
            FlowError: If the group is too large, or the function returns something else than the schema's columns.
        """
        self.require_size(group, group.nbytes)
        answer = self.function(group)
        if not isinstance(answer, pa.Table):
            kind = type(answer).__name__
            raise FlowError(
                f"{self.flow}: a group's function returned {kind}, not a table ({self.place})", "return one"
            )
        try:
            return pa.table(conform_rows(answer, self.schema), schema=rows_schema(self.schema))
        except MisfitError as misfit:
            raise FlowError(
                f"{self.flow}: a group's function {misfit} ({self.place})", "return the columns of its schema"
            ) from None

    def require_size(self, group: pa.Table, size: int) -> None:
        """Raise `FlowError` with the group's key if it has more bytes than are allowed."""
        if size > self.most_bytes:
            key = ", ".join(f"{name} = {group.column(name)[0].as_py()!r}" for name in self.keys)
            raise FlowError(
                f"{self.flow}: the group of {key} has more than {self.most_bytes >> 20} MiB ({self.place})",
                "cut it by one more key, read fewer columns, or raise group_mb of the flow",
            )


def group_call(flow: Flow, keys: tuple[str, ...], function: GroupFunction, schema: pa.Schema) -> GroupCall:
    """Return the caller of a flow's function of groups."""
    return GroupCall(flow.id, flow.place, keys, function, schema, flow.group_mb << 20)


def groups_of(batches: Iterable[pa.RecordBatch], call: GroupCall) -> Iterator[pa.Table]:
    """Yield the groups of rows that are sorted by their keys.

    Args:
        batches: The rows.
        call: Says which keys, and how large a group may be.
    """
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        if not batch.num_rows:
            continue
        joined = [waiting[-1].slice(waiting[-1].num_rows - 1), batch] if waiting else [batch]
        starts = _starts(pa.Table.from_batches(joined).select(call.keys).combine_chunks())
        # With the row before in front, a start at 1 is this batch's first row.
        edges = [int(start) - (1 if waiting else 0) for start in starts]
        begin = 0
        for edge in edges:
            piece = batch.slice(begin, edge - begin)
            if waiting or piece.num_rows:
                yield pa.Table.from_batches([*waiting, piece] if piece.num_rows else waiting)
            waiting, size, begin = [], 0, edge
        rest = batch.slice(begin)
        waiting.append(rest)
        size += rest.nbytes
        call.require_size(pa.Table.from_batches([rest]), size)
    if waiting:
        yield pa.Table.from_batches(waiting)


def _starts(keys: pa.Table) -> np.ndarray:
    """Return the rows, but for the first, whose key differs from that of the row before; null equals null, NaN NaN."""
    changed = np.zeros(max(keys.num_rows - 1, 0), np.bool_)
    for column in keys.columns:
        values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        here, before = values.slice(1), values.slice(0, len(values) - 1)
        unequal = pc.fill_null(pc.not_equal(here, before), False)
        if pa.types.is_floating(values.type):
            both_nan = pc.fill_null(pc.and_(pc.is_nan(here), pc.is_nan(before)), False)
            unequal = pc.and_(unequal, pc.invert(both_nan))
        null_differs = pc.xor(pc.is_null(here), pc.is_null(before))
        changed |= pc.or_(unequal, null_differs).to_numpy(zero_copy_only=False)
    return np.flatnonzero(changed) + 1
