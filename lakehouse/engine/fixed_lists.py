"""Lists of a fixed size, in the form that contracts declare and in the plain one that all engines know."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from lakehouse.declare.column_types import has_fixed_lists, plain_lists
from lakehouse.engine.conform_arrays import conform_column
from lakehouse.engine.conform_types import MisfitError
from lakehouse.errors import FlowError


def fixed_columns(schema: pa.Schema) -> dict[str, pa.DataType]:
    """Return the types of the columns that have lists of a fixed size, at any depth."""
    return {field.name: field.type for field in schema if has_fixed_lists(field.type)}


def with_plain_lists[R: (pa.RecordBatch, pa.Table)](rows: R) -> R:
    """Return rows with plain lists in the place of those of a fixed size."""
    return with_types(rows, {name: plain_lists(kind) for name, kind in fixed_columns(rows.schema).items()})


def with_types[R: (pa.RecordBatch, pa.Table)](rows: R, types: Mapping[str, pa.DataType]) -> R:
    """Return rows some of whose columns have other types.

    Args:
        rows: The rows.
        types: The types of these columns; of those that the rows lack nothing is asked.

    Raises:
        MisfitError: If a value does not fit, such as a list of another length.
    """
    changed = {name: kind for name, kind in types.items() if name in rows.schema.names}
    if not changed:
        return rows
    arrays, fields = list(rows.columns), list(rows.schema)
    for place, field in enumerate(fields):
        if field.name in changed:
            arrays[place] = conform_column(field.name, arrays[place], changed[field.name])
            fields[place] = pa.field(field.name, arrays[place].type)
    return type(rows).from_arrays(arrays, schema=pa.schema(fields))


def in_declared_types[R: (pa.RecordBatch, pa.Table)](rows: R, types: Mapping[str, pa.DataType], flow: str) -> R:
    """Return stored rows in the types that a flow's function is given.

    Args:
        rows: The rows.
        types: The declared types of some columns.
        flow: Id of the flow, for errors.

    Raises:
        FlowError: If a stored list is of another length.
    """
    try:
        return with_types(rows, types)
    except MisfitError as misfit:
        what = str(misfit).removeprefix("returned ")
        raise FlowError(
            f"{flow} was given a stored value that its contract does not allow: {what}",
            "something else than mixlake wrote it: repair the table that it reads",
        ) from None
