"""Making a contract's record batch from columns, rejected rows among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT


def batch_of(
    table: Table, columns: Mapping[str, Sequence[Any] | pa.Array], reject: Sequence[str | None]
) -> pa.RecordBatch:
    """Return the rows of an operator as a record batch with the contract's types.

    Args:
        table: Contract of the written table.
        columns: Values by column; a column left out is null. Lists or Arrow arrays of equal length.
        reject: Reason why a row is no good, null for good rows.
    """
    wanted = [column for column in table.columns if column.name in columns]
    # A rejected row may lack any value, so no field of an operator's output is declared as never null.
    fields = [pa.field(column.name, column.type) for column in wanted]
    arrays = []
    for column in wanted:
        given = columns[column.name]
        arrays.append(given.cast(column.type) if isinstance(given, pa.Array) else pa.array(given, column.type))
    arrays.append(pa.array(reject, pa.string()))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([*fields, pa.field(REJECT, pa.string())]))
