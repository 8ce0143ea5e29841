"""Lists of a fixed size under Spark, which has plain ones alone: what functions are given, and what they return."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.declare.relations import BatchFunction, GroupFunction
from lakehouse.engine.fixed_lists import in_declared_types, with_plain_lists

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A column's metadata goes along where a statement passes the column on as it is.
_DECLARED = "mixlake.declared_type"

type Types = Mapping[str, pa.DataType]


def marked(rows: DataFrame, types: Types) -> DataFrame:
    """Return rows of which some columns say which type they are declared with."""
    for name, kind in types.items():
        text = base64.b64encode(pa.schema([pa.field(name, kind)]).serialize()).decode()
        rows = rows.withMetadata(name, {_DECLARED: text})
    return rows


def unmarked(rows: DataFrame) -> DataFrame:
    """Return rows that say nothing of it, for what is stored keeps metadata."""
    for name in declared_types(rows):
        rows = rows.withMetadata(name, {})
    return rows


def declared_types(rows: DataFrame) -> dict[str, pa.DataType]:
    """Return the types of the columns that say which they are declared with."""
    found = {}
    for field in rows.schema.fields:
        text = (field.metadata or {}).get(_DECLARED)
        if text is not None:
            found[field.name] = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text))).field(0).type
    return found


@dataclass(frozen=True)
class BatchesInTypes:
    """Calls a function of batches in a worker: with the declared types, and with plain lists for the JVM.

    Args:
        function: The function.
        types: Declared types of columns that it is given.
        flow: Id of the flow, for errors.
    """

    function: BatchFunction
    types: Types
    flow: str

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield what the function yields."""
        given = (in_declared_types(batch, self.types, self.flow) for batch in batches)
        yield from map(with_plain_lists, self.function(given))


def group_in_types(function: Callable[[pa.Table], pa.Table], types: Types, flow: str) -> GroupFunction:
    """Return a function of groups that is called as `BatchesInTypes` calls one."""
    return lambda group: with_plain_lists(function(in_declared_types(group, types, flow)))
