"""SQL flows: a file ``layer.table.sql`` of one SELECT in Spark's dialect, which writes that table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.contract import Table
from lakehouse.errors import FlowError
from lakehouse.flow import Flow, Read


def sql_flow(path: Path, tables: Mapping[str, Table]) -> Flow:
    """Read a SQL flow; its inputs are the tables that the SELECT names.

    Raises:
        FlowError: If the file is not one SELECT, or no contract declares the table that it writes.
    """
    name = path.stem
    if name not in tables:
        raise FlowError(f"{path} writes {name}, which no contract declares", "declare the table, or rename the file")
    text = path.read_text(encoding="utf-8")
    tree = parse_select(text, str(path))
    reads = {_argument(table): Read(table=table) for table in sorted(table_names(tree))}
    if not reads:
        raise FlowError(f"{path} reads no table", "name its inputs as layer.table")
    comment = next((line[2:].strip() for line in text.splitlines() if line.startswith("--")), "")
    return Flow(id=f"sql.{name}", kind="sql", writes=tables[name], reads=reads, sql=text, file=str(path), doc=comment)


def parse_select(text: str, place: str) -> exp.Query:
    """Parse one SELECT.

    Raises:
        FlowError: If the text does not parse or is another kind of statement, with the line and column.
    """
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect="spark") if tree is not None]
    except SqlglotError as error:
        raise FlowError(f"{place}: {_place(error)}", "mend the SQL there") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise FlowError(f"{place} is not one SELECT", "write one query; the table that it writes is the file's name")
    return trees[0]


def table_names(tree: exp.Query) -> set[str]:
    """Return the ``layer.table`` names that a query reads."""
    return {f"{table.db}.{table.name}" for table in tree.find_all(exp.Table) if table.db}


def normalised(text: str, place: str) -> str:
    """Return the query without comments and layout, for fingerprints."""
    return parse_select(text, place).sql(dialect="spark", comments=False)


def with_views(text: str, place: str) -> str:
    """Return the query with each ``layer.table`` replaced by the temporary view of the same name."""
    tree = parse_select(text, place)
    for table in list(tree.find_all(exp.Table)):
        if table.db:
            alias = table.alias or table.name
            view = exp.to_table(view_name(f"{table.db}.{table.name}"))
            view.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
            table.replace(view)
    return tree.sql(dialect="spark", comments=False)


def view_name(table: str) -> str:
    """Return the name of the temporary view that stands for a table in a flow's session."""
    return table.replace(".", "__")


def _argument(table: str) -> str:
    return table.replace(".", "_")


def _place(error: SqlglotError) -> str:
    found = getattr(error, "errors", None)
    if found:
        first = found[0]
        return f"line {first.get('line')}, column {first.get('col')}: {first.get('description')}"
    return str(error).split("\n", 1)[0]
