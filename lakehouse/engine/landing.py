"""Call a landing flow: a function of its parameters that returns an Arrow table."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pyarrow as pa

from lakehouse.declare.flow import Flow
from lakehouse.engine import Call
from lakehouse.engine.conform_arrays import conform_column
from lakehouse.engine.conform_types import MisfitError
from lakehouse.errors import FlowError


def land(flow: Flow, call: Call, current_rows: Callable[[], pa.Table]) -> pa.Table:
    """Return the rows that the flow's function makes from external data.

    Args:
        flow: The flow.
        call: Its parameters.
        current_rows: Returns the written table's rows as they are, for a function that has the argument.

    Raises:
        FlowError: If the flow has no function, or it returns something else.
    """
    if flow.function is None:
        raise FlowError(f"{flow.id} has no function", "declare it with @flow")
    extra = {"current_rows": current_rows()} if "current_rows" in inspect.signature(flow.function).parameters else {}
    answer = flow.function(params=call.params, **extra)
    if not isinstance(answer, pa.Table):
        raise FlowError(f"{flow.id} returned {type(answer).__name__}, not an Arrow table ({flow.place})")
    return in_contract_types(flow, answer)


def in_contract_types(flow: Flow, answer: pa.Table) -> pa.Table:
    """Return a table that a flow's function returned, with the contract's columns in their types.

    Raises:
        FlowError: If a value does not fit its type.
    """
    types = {column.name: column.type for column in flow.writes.columns}
    try:
        arrays = [
            conform_column(name, column, types[name]) if name in types else column
            for name, column in zip(answer.column_names, answer.columns, strict=True)
        ]
    except MisfitError as misfit:
        raise FlowError(f"{flow.id} {misfit} ({flow.place})", "return the types of the contract") from None
    return pa.table(arrays, names=answer.column_names)
