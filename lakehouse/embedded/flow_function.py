"""Call a flow's function in this process: on Arrow batches, on groups, on relations; or run its SQL."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from lakehouse.declare.flow import REJECT, Flow
from lakehouse.declare.names import quote_name
from lakehouse.declare.portable_expression import to_duckdb
from lakehouse.delta import arrow_dataset as ds
from lakehouse.delta.scan import scan
from lakehouse.embedded import flow_inputs
from lakehouse.embedded.operator_pool import Endangered, run_operator
from lakehouse.embedded.operator_workers import Clock
from lakehouse.embedded.relations import EmbeddedRelations, Relation, ShuffledRelations
from lakehouse.embedded.row_file import Stream, cut
from lakehouse.engine import AffectedKeys, Call, Changes, FlowOutput
from lakehouse.engine.fixed_lists import fixed_columns, in_declared_types
from lakehouse.engine.input_types import input_schema
from lakehouse.engine.keys import has_origins, keeps_source_key
from lakehouse.engine.landing import land
from lakehouse.engine.lost_rows import can_be_lost, lost_row
from lakehouse.engine.operator_runner import runner_of
from lakehouse.errors import FlowError
from lakehouse.project import Project


def source_keys(flow: Flow, changes: Changes) -> pa.Array:
    """Return the distinct source keys of changed rows."""
    columns = [batch.column(flow.source_key) for batch in changes.rows.batches]
    return pa.chunked_array(columns, changes.rows.schema.field(flow.source_key).type).unique()


class FlowFunction:
    """Calls the function of one flow.

    Args:
        project: The project.
        flow: The flow.
        database: Runs its statements.
        folder: Where rows are kept until the commit.
        shuffled: Whether relations come in an order of their rows' hashes.
    """

    def __init__(
        self,
        project: Project,
        flow: Flow,
        database: duckdb.DuckDBPyConnection,
        folder: Path,
        *,
        shuffled: bool = False,
    ) -> None:
        self._project = project
        self.flow = flow
        self._shuffled = shuffled
        self._database = database
        self._folder = folder
        self._clock = Clock()
        self.read = 0
        self._source_keys_in: list[pa.Array] | None = None
        self.versions: Mapping[str, int] = {}

    @property
    def source_keys_in(self) -> pa.ChunkedArray | None:
        """Source keys of the function's input, once its rows are computed; None where they are not needed."""
        if self._source_keys_in is None:
            return None
        item = self.flow.reads[self.flow.driving]
        kind = input_schema(self._project, item).field(self.flow.source_key).type
        return pa.chunked_array([keys.cast(kind) for keys in self._source_keys_in], kind)

    @property
    def seconds(self) -> float:
        """Seconds spent in an operator, added up over workers."""
        return self._clock.seconds

    def apply(self, call: Call) -> FlowOutput:
        """Call the flow's function."""
        self.versions = {**call.versions, self.flow.writes.name: call.stored_version}
        by_kind = {
            "operator": self._operator,
            "landing": self._landing,
            "group": self._group,
            "relational": self._relational,
            "sql": self._sql,
        }
        if self.flow.kind not in by_kind:
            raise FlowError(
                f"{self.flow.id} is a {self.flow.kind} flow, which needs Spark", "run it with --engine spark"
            )
        return by_kind[self.flow.kind](call)

    def _operator(self, call: Call) -> FlowOutput:
        """Call an operator with the batches of its driving input."""
        flow, changes = self.flow, call.changes
        if changes is None:
            driving = flow.reads[flow.driving]
            rows = flow_inputs.input_rows(self._project, self._database, driving, call.versions, flow.batch_rows)
        else:
            rows = changes.rows
        runner = runner_of(flow, call.params)
        if has_origins(flow) and not keeps_source_key(flow):
            self._source_keys_in = []
        rejected = functools.partial(lost_row, flow, runner) if can_be_lost(flow) else None
        endangered = Endangered(flow.batch_seconds, rejected)
        results = run_operator(runner, self._counted(cut(rows.batches, flow.batch_rows)), self._clock, endangered)
        answer = Stream(pa.schema(runner.columns), results)
        return FlowOutput(answer, full=changes is None, affected=changes.affected if changes is not None else None)

    def _group(self, call: Call) -> FlowOutput:
        """Call a function for each group of its input's rows."""
        relations = self._relations(call)
        (rows,) = relations.inputs().values()
        runner = runner_of(self.flow, call.params, self._clock)
        counted = relations.to_arrow(relations.sql("SELECT count(*) AS n FROM given", given=rows))
        self.read = counted.column("n")[0].as_py()
        answer = relations.map_groups(rows, self.flow.group_by, runner.of_group, pa.schema(runner.columns))
        return FlowOutput(relations.stream(answer), full=True)

    def _sql(self, call: Call) -> FlowOutput:
        """Run the flow's statement over tables of the names that it has for them."""
        relations = self._relations(call)
        for read in self.flow.reads.values():
            relations.named(read.table, relations.input(read))
        return FlowOutput(relations.stream(relations.statement(self.flow.sql)), full=True)

    def _relational(self, call: Call) -> FlowOutput:
        """Call a function of relations with its inputs, and with what else it names as a parameter."""
        flow, changes = self.flow, call.changes
        if flow.function is None:
            raise FlowError(f"{flow.id} has no function", "declare it with @flow")
        relations = self._relations(call)
        inputs = relations.inputs()
        affected = None
        extra: dict[str, Any] = {}
        if flow.refresh == "merge":
            key = flow.source_key
            if changes is None:
                text = f'SELECT DISTINCT "{key}" FROM driving'  # noqa: S608 - a declared column
                extra["affected"] = relations.sql(text, driving=inputs[flow.driving])
            else:
                affected = changes.affected or AffectedKeys(source_keys(flow, changes))
                extra["affected"] = relations.from_arrow(pa.table({key: affected.rows}))
            self._source_keys_in = relations.to_arrow(extra["affected"]).column(key).chunks
        asked = inspect.signature(flow.function).parameters
        if "versions" in asked:
            extra["versions"] = dict(call.versions)
        if "storage" in asked:
            extra["storage"] = dict(self._project.config.storage)
        answer = flow.function(**inputs, relations=relations, params=call.params, **extra)
        if not isinstance(answer, Relation):
            kind = type(answer).__name__
            raise FlowError(f"{flow.id} returned {kind}, not rows ({flow.place})", "return relations' rows")
        if flow.surplus == "drop":
            answer = self._of_affected(relations, answer, extra["affected"])
        return FlowOutput(relations.stream(answer), full=affected is None, affected=affected)

    def _of_affected(self, relations: EmbeddedRelations, rows: Relation, affected: Relation) -> Relation:
        """Return the rows whose origin is among the affected keys; of a rejected row it may be null."""
        types = {column.name: column.stored_type for column in self.flow.writes.columns}
        origin = to_duckdb(self.flow.source_key_sql, types)
        names = relations.to_arrow(relations.sql("SELECT * FROM made LIMIT 0", made=rows)).column_names
        kept = f"({origin}) IS NOT DISTINCT FROM _given"
        unknown = f" OR ({REJECT} IS NOT NULL AND ({origin}) IS NULL)" if REJECT in names else ""
        # By a name of its own: a column of this query comes before one of the rows.
        given = f"(SELECT {quote_name(self.flow.source_key)} AS _given FROM affected)"  # noqa: S608 - declared
        text = f"SELECT * FROM made WHERE EXISTS (SELECT 1 FROM {given} WHERE {kept}){unknown}"  # noqa: S608 - declared
        return relations.sql(text, made=rows, affected=affected)

    def _relations(self, call: Call) -> EmbeddedRelations:
        kind = ShuffledRelations if self._shuffled else EmbeddedRelations
        return kind(self._project, self.flow, call, self._database, self._folder)

    def _landing(self, call: Call) -> FlowOutput:
        """Call a function that makes its rows from external data."""
        rows = land(self.flow, call, lambda: self._current_rows(call.stored_version))
        self.read = rows.num_rows
        return FlowOutput(Stream(rows.schema, rows.combine_chunks().to_batches()), full=True)

    def _current_rows(self, version: int) -> pa.Table:
        """Return the written table's rows as they are."""
        table = self.flow.writes
        if version < 0:
            return pa.schema([pa.field(column.name, column.stored_type) for column in table.columns]).empty_table()
        source = scan(self._project.catalog.open(table.name, version), table.name)
        rows = source.to_table() if isinstance(source, ds.Dataset) else pa.table(source)
        return in_declared_types(rows, fixed_columns(table.schema), self.flow.id)

    def _counted(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.read += batch.num_rows
            if self._source_keys_in is not None:
                self._source_keys_in.append(batch.column(self.flow.source_key))
            yield batch
