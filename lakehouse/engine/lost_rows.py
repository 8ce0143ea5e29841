"""A row that an operator's process did not survive, as a rejected row of the written table."""

from __future__ import annotations

import re

import pyarrow as pa

from lakehouse.declare.flow import REJECT, Flow
from lakehouse.engine.keys import keeps_source_key
from lakehouse.engine.operator_runner import Runner

_PARENTS = "parent_ids"


def can_be_lost(flow: Flow) -> bool:
    """Whether a rejected row can be made of a source row without the operator: its key tells the source row."""
    return keeps_source_key(flow) or _cuts(flow) is not None


def lost_row(flow: Flow, runner: Runner, row: pa.RecordBatch, reason: str) -> pa.RecordBatch:
    """Return a source row as a rejected row, with what the written table has of its columns.

    Args:
        flow: A flow that `can_be_lost` is true of.
        runner: Its runner.
        row: The source row, alone.
        reason: Why it is rejected.
    """
    key = row.column(flow.source_key)
    parents = {"coalesce": [], "parent": key.to_pylist()}.get(_cuts(flow) or "")
    arrays = []
    for field in runner.columns:
        place = row.schema.get_field_index(field.name)
        if field.name == REJECT:
            arrays.append(pa.array([reason], field.type))
        elif field.name == _PARENTS and parents is not None:
            arrays.append(pa.array([parents], field.type))
        elif place >= 0 and row.schema.field(place).type == field.type:
            arrays.append(row.column(place))
        else:
            arrays.append(pa.nulls(1, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(runner.columns))


def _cuts(flow: Flow) -> str | None:
    """Return how the written table names the source row beside its own key: parent, coalesce, or None."""
    if flow.kind != "operator" or flow.source_key not in flow.writes or _PARENTS not in flow.writes:
        return None
    text = re.sub(r"\s+", "", flow.source_key_sql)
    if text == f"get({_PARENTS},0)":
        return "parent"
    return "coalesce" if text == f"coalesce(get({_PARENTS},0),{flow.source_key})" else None
