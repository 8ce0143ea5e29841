"""The steps of a relational flow in this process: DuckDB runs its SQL, its functions are called on Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa

from lakehouse.declare.column_types import has_fixed_lists
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN, Flow
from lakehouse.declare.names import quote_name
from lakehouse.declare.portable_expression import to_duckdb
from lakehouse.declare.reads import Read
from lakehouse.declare.relations import BatchFunction, Dialect, GroupFunction
from lakehouse.delta import arrow_dataset as ds
from lakehouse.delta.data_files import live_files
from lakehouse.delta.scan import scan
from lakehouse.embedded import flow_inputs
from lakehouse.embedded.row_file import RowFile, Stream, write_rows
from lakehouse.engine import Call
from lakehouse.engine.batches import batch_call, rows_schema
from lakehouse.engine.groups import group_call, groups_of
from lakehouse.engine.input_types import column_types, input_schema
from lakehouse.engine.relation_checks import order_expressions, whole_input
from lakehouse.project import Project

# Functions that Spark has by another name.
_MACROS = ("sha2(text, bits) AS sha256(text)", "size(list) AS CAST(len(list) AS INTEGER)")


@dataclass(frozen=True)
class Relation:
    """Rows registered in a database under a name.

    Args:
        name: The name.
        file: The file that holds them, where a function made them.
    """

    name: str
    file: RowFile | None = None


class EmbeddedRelations:
    """See `lakehouse.declare.relations.Relations`.

    Args:
        project: The project.
        flow: The flow.
        call: The versions of its inputs.
        database: Runs the statements.
        folder: Where rows of functions are kept.
    """

    dialect: Dialect = "duckdb"

    def __init__(
        self, project: Project, flow: Flow, call: Call, database: duckdb.DuckDBPyConnection, folder: Path
    ) -> None:
        self._project = project
        self._flow = flow
        self._call = call
        self._database = database
        self._folder = folder
        self._numbers = count()
        for macro in _MACROS:
            database.execute(f"CREATE MACRO IF NOT EXISTS {macro}")

    def inputs(self) -> Mapping[str, Relation]:
        """Return the flow's inputs, by the names of its arguments."""
        return {name: self.input(item) for name, item in self._flow.reads.items()}

    def input(self, item: Read) -> Relation:
        """Return the rows and columns of an input that the flow reads; files are read as statements need them."""
        tables = [t for t in self._project.registry.sources(item) if self._call.versions[t.name] >= 0]
        parts = [self._table_rows(item, table) for table in tables]
        if not parts:
            return self.from_arrow(input_schema(self._project, item).empty_table())
        return self._view(" UNION ALL BY NAME ".join(parts))

    def sql(self, text: str, /, **inputs: Relation) -> Relation:
        """Return the rows of one SELECT, computed now."""
        for name, rows in inputs.items():
            self._database.execute(f"CREATE OR REPLACE TEMP VIEW {quote_name(name)} AS SELECT * FROM {rows.name}")  # noqa: S608
        answer = self.statement(text)
        for name in inputs:
            self._database.execute(f"DROP VIEW {quote_name(name)}")
        return answer

    def statement(self, text: str) -> Relation:
        """Return the rows of one SELECT over what the database has."""
        name = self._fresh()
        self._database.execute(f"CREATE TABLE {name} AS {text.rstrip().rstrip(';')}")
        # A sum of integers, which is of 64 bits in Spark; one that has more fails in both.
        wide = "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND data_type = 'HUGEINT'"
        for (column,) in self._database.execute(wide, [name]).fetchall():
            self._database.execute(f"ALTER TABLE {name} ALTER {quote_name(column)} TYPE BIGINT")
        return Relation(name)

    def named(self, name: str, rows: Relation) -> None:
        """Register rows as ``layer.table`` for statements."""
        layer, _, last = name.partition(".")
        self._database.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_name(layer)}")
        self._database.execute(f"CREATE VIEW {quote_name(layer)}.{quote_name(last)} AS SELECT * FROM {rows.name}")  # noqa: S608

    def from_arrow(self, table: pa.Table) -> Relation:
        """Return rows that this process holds."""
        name = self._fresh()
        self._database.register(name, table)
        return Relation(name)

    def to_arrow(self, rows: Relation) -> pa.Table:
        """Return rows to this process."""
        return self._database.sql(f"SELECT * FROM {rows.name}").to_arrow_table()  # noqa: S608 - a name of ours

    def map_batches(
        self,
        rows: Relation,
        function: BatchFunction,
        schema: pa.Schema,
        *,
        together: Sequence[str] = (),
        order_by: Sequence[str] = (),
        tasks: Literal["any", "one", "many"] = "any",  # noqa: ARG002 - all rows come in one stream here
    ) -> Relation:
        """Return what a function yields for one stream of all rows."""
        expressions = order_expressions(self._flow, [text for text in order_by if text not in together])
        order = [*(quote_name(name) for name in together), *(f"({text})" for text in expressions)]
        return self._from_function(batch_call(self._flow, function, schema)(self._batches(rows, order)), schema)

    def map_groups(self, rows: Relation, keys: Sequence[str], function: GroupFunction, schema: pa.Schema) -> Relation:
        """Return what a function makes of each group; rows are sorted by key, and spilled where they are many."""
        call = group_call(self._flow, tuple(keys), function, schema)
        groups = groups_of(self._batches(rows, [quote_name(key) for key in keys]), call)
        return self._from_function((batch for group in groups for batch in call(group).to_batches()), schema)

    def cached(self, rows: Relation) -> Relation:
        """Return the rows, which are computed already."""
        return rows

    def computed(self, rows: Relation) -> Relation:
        """Return the rows, which are computed already."""
        return rows

    def data_files(self, name: str) -> Relation:
        """Return the data files of an input, as the tables' logs name them."""
        parts = []
        for table in self._project.registry.sources(whole_input(self._flow, name)):
            version = self._call.versions[table.name]
            if version >= 0:
                files = live_files(self._project.catalog.open(table.name, version))
                parts.append(files.add_column(0, "table", pa.repeat(table.name, files.num_rows)))
        return self.from_arrow(pa.concat_tables(parts) if parts else _NO_FILES.empty_table())

    def stream(self, rows: Relation) -> Stream:
        """Return rows to be checked and committed; the database may be used meanwhile."""
        if rows.file is not None:
            return Stream(rows.file.schema, rows.file.batches())
        # A cursor sees tables alone.
        source = rows if self._is_table(rows) else self.statement(f"SELECT * FROM {rows.name}")  # noqa: S608
        reader = self._database.cursor().sql(f"SELECT * FROM {source.name}").to_arrow_reader(self._flow.batch_rows)  # noqa: S608
        return Stream(reader.schema, reader)

    def _is_table(self, rows: Relation) -> bool:
        found = self._database.execute("SELECT table_name FROM duckdb_tables() WHERE table_name = ?", [rows.name])
        return bool(found.fetchall())

    def _from_function(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Relation:
        file = write_rows(self._folder, Stream(rows_schema(schema), batches))
        name = self._fresh()
        self._database.register(name, ds.dataset(file.path, format="ipc"))
        return Relation(name, file)

    def _batches(self, rows: Relation, order: Sequence[str]) -> Iterator[pa.RecordBatch]:
        ordered = f" ORDER BY {', '.join(order)}" if order else ""
        answer = self._database.sql(f"SELECT * FROM {rows.name}{ordered}")  # noqa: S608 - names of ours
        yield from answer.to_arrow_reader(self._flow.batch_rows)

    def _table_rows(self, item: Read, table: Table) -> str:
        """Return the SELECT of what an input reads from one of its tables."""
        types = column_types(table)
        version = self._call.versions[table.name]
        names = list(item.names) or [column.name for column in table.columns]
        stored = list(dict.fromkeys([n for n in names if n != TABLE_PSEUDO_COLUMN] or [table.columns[0].name]))
        source = scan(self._project.catalog.open(table.name, version), table.name)
        name = self._fresh()
        if isinstance(source, ds.Dataset) and _is_as_declared(source, table):
            self._database.register(name, source)
        else:
            columns = [column.name for column in table.columns] if item.where else stored
            rows = flow_inputs.table_rows(self._project.catalog, table, version, columns, self._flow.batch_rows)
            schema = pa.schema([pa.field(column, types[column]) for column in columns])
            file = write_rows(self._folder, Stream(schema, rows))
            self._database.register(name, ds.dataset(file.path, format="ipc"))
        marked = f"(SELECT *, '{table.name}' AS {TABLE_PSEUDO_COLUMN} FROM {name})"  # noqa: S608 - declared names
        condition = f" WHERE {to_duckdb(item.where, types)}" if item.where else ""
        return f"SELECT {', '.join(map(quote_name, names))} FROM {marked}{condition}"  # noqa: S608 - declared names

    def _view(self, text: str) -> Relation:
        name = self._fresh()
        self._database.execute(f"CREATE TEMP VIEW {name} AS {text}")
        return Relation(name)

    def _fresh(self) -> str:
        return f"mixlake_rows_{next(self._numbers)}"


class ShuffledRelations(EmbeddedRelations):
    """Relations whose inputs come in the order of their rows' hashes, instead of their files'."""

    def input(self, item: Read) -> Relation:
        """Return the rows and columns of an input that the flow reads."""
        rows = super().input(item)
        return self.statement(f"SELECT * FROM {rows.name} ORDER BY hash({rows.name})")  # noqa: S608 - a name of ours


_NO_FILES = pa.schema([pa.field("table", pa.string()), pa.field("uri", pa.string()), pa.field("live", pa.int64())])


def _is_as_declared(source: ds.Dataset, table: Table) -> bool:
    """Whether files hold each column of a contract in a type that reads as its own."""
    stored = set(source.schema.names)
    return all(c.name in stored and not has_fixed_lists(c.type) for c in table.columns)
