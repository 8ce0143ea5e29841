"""SQL flows: a file ``layer.table.sql`` of one SELECT, which writes that table.

A line ``-- reads: layer.table, layer.other`` names the inputs of a query that is not to be parsed here.
A line ``-- dialect: portable`` says that Spark and DuckDB understand the statement, and give equal rows for it, so that
either engine runs it as it is written; ``duckdb`` that only the embedded engine does. Without it it is of Spark's.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast, get_args

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError, TokenError

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow, SqlDialect
from lakehouse.declare.reads import Read
from lakehouse.declare.user_files import read_text
from lakehouse.errors import FlowError

_DIALECT = re.compile(r"dialect:\s*(.*?)\s*")
_READS = re.compile(r"reads:\s*(.*?)\s*")


def sql_flow(path: Path, tables: Mapping[str, Table]) -> Flow:
    """Read a SQL flow; its inputs are the tables that the SELECT names.

    Raises:
        FlowError: If the file is not one SELECT, or no contract declares the table that it writes.
    """
    name = path.stem
    if name not in tables:
        raise FlowError(f"{path} writes {name}, which no contract declares", "declare the table, or rename the file")
    text = read_text(path)
    dialect = _dialect(text, str(path))
    declared = declared_reads(text)
    names = declared or table_names(parse_select(text, str(path), dialect))
    reads = {_argument(table): Read(table=table) for table in sorted(names)}
    if not reads:
        raise FlowError(f"{path} reads no table", "name its inputs as layer.table")
    comments = (line[2:].strip() for line in text.splitlines() if line.startswith("--"))
    doc = next((text for text in comments if not _DIALECT.fullmatch(text) and not _READS.fullmatch(text)), "")
    return Flow(
        id=f"sql.{name}",
        kind="sql",
        writes=tables[name],
        reads=reads,
        sql=text,
        dialect=dialect,
        file=str(path),
        doc=doc,
    )


def declared_reads(text: str) -> frozenset[str]:
    """Return the tables that a file says that its query reads; none where it leaves that to the parser."""
    stated = (_READS.fullmatch(line[2:].strip()) for line in text.splitlines() if line.startswith("--"))
    names = (name.strip() for found in stated if found is not None for name in found[1].split(","))
    return frozenset(name for name in names if name)


def _dialect(text: str, place: str) -> SqlDialect:
    """Return the dialect that a file states."""
    for number, line in enumerate(text.splitlines(), 1):
        stated = _DIALECT.fullmatch(line[2:].strip()) if line.startswith("--") else None
        if stated is not None:
            for dialect in get_args(SqlDialect):
                if stated[1] == dialect:
                    return cast("SqlDialect", dialect)
            known = ", ".join(get_args(SqlDialect))
            raise FlowError(f"{place}:{number}: the dialect is {stated[1]!r}", f"it may be {known}")
    return "spark"


def parse_select(text: str, place: str, dialect: SqlDialect = "spark") -> exp.Query:
    """Parse one SELECT.

    Args:
        text: The SELECT.
        place: Its file, for errors.
        dialect: Its dialect.

    Raises:
        FlowError: If the text does not parse (with the line and column), is another kind of statement, names a table
            in a form other than layer.table, or reads a sample or an older version of one.
    """
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect=parser_of(dialect)) if tree is not None]
    except SqlglotError as error:
        at, problem = locate_syntax_error(error, text)
        raise FlowError(f"{place}:{at}: the SQL does not parse: {problem}", "fix the SQL there") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise FlowError(f"{place} is not one SELECT", "write one query; the table that it writes is the file's name")
    _refuse(trees[0], place)
    return trees[0]


def table_names(tree: exp.Query) -> set[str]:
    """Return the ``layer.table`` names that a query reads."""
    return {f"{table.db}.{table.name}" for table in tables_of(tree) if table.db}


def tables_of(tree: exp.Expr) -> Iterator[exp.Table]:
    """Yield the tables of a query; what a hint names is none."""
    return (table for table in tree.find_all(exp.Table) if table.find_ancestor(exp.Hint) is None)


def parser_of(dialect: SqlDialect) -> str:
    """Return the dialect by which a query is parsed."""
    return "spark" if dialect == "portable" else dialect


def line_of(text: str, table: str, dialect: SqlDialect = "spark") -> int:
    """Return the line in which a query that parses first reads a table, from 1."""
    if declared_reads(text):
        lines = enumerate(text.lower().splitlines(), 1)
        found = [number for number, line in lines if table.lower() in line and not line.startswith("--")]
    else:
        trees = sqlglot.parse(text, dialect=parser_of(dialect))
        nodes = [node for tree in trees if tree is not None for node in tables_of(tree)]
        found = [_line(node) for node in nodes if f"{node.db}.{node.name}" == table]
    return min(found, default=1)


def _argument(table: str) -> str:
    return table.replace(".", "_")


def _refuse(tree: exp.Query, file: str) -> None:
    sample = tree.find(exp.TableSample)
    if sample is not None:
        table = sample.find_ancestor(exp.Table)
        place = f"{file}:{1 if table is None else _line(table)}"
        raise FlowError(f"{place} reads a sample of a table (TABLESAMPLE)", "choose rows by a hash of their key")
    for table in tables_of(tree):
        place = f"{file}:{_line(table)}"
        named = isinstance(table.this, exp.Identifier)
        alias = table.args.get("alias")
        # The parser takes Delta's table@v3 for a table with a parameter as its alias.
        if table.args.get("version") or (alias is not None and isinstance(alias.this, exp.Parameter)):
            raise FlowError(
                f"{place} reads {table.db}.{table.name} as of a version or time",
                "leave it out: a run fixes the versions that it reads",
            )
        if table.catalog or (named and not table.db and not _is_cte(table)) or (not named and _is_hidden(table)):
            bare = table.copy()
            for key in set(bare.args) - {"this", "db", "catalog"}:
                bare.set(key, None)
            raise FlowError(
                f"{place} reads {bare.sql(dialect='spark')}, which is not a table", "name tables as layer.table"
            )


def _is_hidden(table: exp.Table) -> bool:
    """Return whether a function in FROM is a table's name."""
    return bool(table.db) or table.this.name.upper() == "IDENTIFIER"


def _is_cte(table: exp.Table) -> bool:
    """Return whether a WITH that the table's place sees gives this name."""
    name = table.name.lower()
    node: exp.Expr = table
    while (parent := node.parent) is not None:
        seen: list[exp.Expr] = []
        if isinstance(parent, exp.With):
            # One query of a WITH sees those before it, and itself where the WITH is recursive.
            at = next(i for i, cte in enumerate(parent.expressions) if cte is node)
            seen = parent.expressions[: at + 1 if parent.recursive else at]
            parent = parent.parent or parent
        elif isinstance(parent, exp.Query):
            seen = list(parent.ctes)
        if any(cte.alias.lower() == name for cte in seen):
            return True
        node = parent
    return False


def _line(table: exp.Table) -> int:
    return int(next((part.meta["line"] for part in table.find_all(exp.Identifier) if "line" in part.meta), 1))


def locate_syntax_error(error: SqlglotError, text: str) -> tuple[str, str]:
    """Return the line, and where it is known the column, of a syntax error, and what is wrong there."""
    found = getattr(error, "errors", None)
    if found:
        first = found[0]
        # The parser counts to the end of the word at which it stopped.
        word = str(first.get("highlight") or "")
        problem = str(first.get("description"))
        problem = "an expression is missing" if "<class" in problem else problem
        column = max(int(first.get("col") or 1) - max(len(word), 1) + 1, 1)
        return f"{first.get('line') or 1}:{column}", problem + (f" at {word!r}" if word else "")
    if not isinstance(error, TokenError):
        return "1:1", "an expression is missing"
    # What the tokenizer could not end: it shows the text up to there.
    shown = re.search(r"Error tokenizing '(.*)'", str(error), re.DOTALL)
    end = text.find(shown[1]) + len(shown[1]) if shown and shown[1] in text else 0
    return str(text[:end].count("\n") + 1), "a quote or comment is not closed"


@contextmanager
def quiet_parser() -> Iterator[None]:
    """Keep sqlglot's warnings of what it cannot parse to itself: the caller says what follows from it."""
    logger = logging.getLogger("sqlglot")

    def nothing(_: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)
