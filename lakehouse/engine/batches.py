"""Call a function of a relational flow for streams of batches, and fit what it yields to the schema that it states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from lakehouse.declare.column_types import nullable_inside
from lakehouse.declare.flow import Flow
from lakehouse.declare.relations import BatchFunction
from lakehouse.engine.conform_arrays import conform_rows
from lakehouse.engine.conform_types import MisfitError
from lakehouse.errors import FlowError


def rows_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema in which a function's rows are passed on: each nested field may be null."""
    return pa.schema([pa.field(field.name, nullable_inside(field.type)) for field in schema])


@dataclass(frozen=True)
class BatchCall:
    """Calls a function for a stream of batches.

    Args:
        flow: Id of the flow, for errors.
        place: Where it is declared, for errors.
        function: The function.
        schema: Schema of what it yields.
    """

    flow: str
    place: str
    function: BatchFunction
    schema: pa.Schema

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield what the function yields, in the schema's types.

        Raises:
            FlowError: If it yields something else.
        """
        schema = rows_schema(self.schema)
        for batch in self.function(batches):
            if not isinstance(batch, pa.RecordBatch):
                kind = type(batch).__name__
                raise FlowError(f"{self.flow}: a function of batches yielded {kind} ({self.place})", "yield batches")
            try:
                columns = conform_rows(batch, self.schema)
            except MisfitError as misfit:
                raise FlowError(
                    f"{self.flow}: a function of batches {misfit} ({self.place})", "yield the columns of its schema"
                ) from None
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


def batch_call(flow: Flow, function: BatchFunction, schema: pa.Schema) -> BatchCall:
    """Return the caller of a flow's function of batches."""
    return BatchCall(flow.id, flow.place, function, schema)
