"""Guard SQL statements: one at a time, read-only; find the tables that they name; translate the engine's errors."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.declare.names import quote_name
from lakehouse.declare.sql_flow import quiet_parser
from lakehouse.errors import MixlakeError, QueryError, first_line

log = logging.getLogger("mixlake.query")

BUILT_IN = {"information_schema", "pg_catalog", "main", "temp", "system"}
EXPLAIN = "EXPLAIN "
_READ_ONLY = {"SELECT"}
# What precedes the statement that an EXPLAIN explains: its options stand in parentheses, and so may a query.
_EXPLAIN = re.compile(r"explain\b\s*(?:analy[sz]e\b\s*)?(\([^()]*\)\s*)?", re.IGNORECASE)
# The beginning of a statement that writes, as a part of one that reads: WITH x AS (INSERT INTO ... RETURNING ...).
_WRITES_WITHIN = re.compile(
    r"\b(?:insert\s+(?:or\s+\w+\s+)?|merge\s+)into\b|[()]\s*delete\s+from\b|[()]\s*update\s+[^()]*?\bset\b"
    r"|[()]\s*truncate\b\s+\w",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"""\be'(?:[^'\\]|\\.|'')*'|'[^']*'|"[^"]*"|\$(\w*)\$.*?\$\1\$""", re.IGNORECASE | re.DOTALL)
_SHOW = re.compile(r"^show\s+(all\s+)?tables[\s;]*$", re.IGNORECASE)
# What a comment may not begin in, and where one begins; the engine ends a comment of one line at either end of a line.
_QUOTED_OR_COMMENT = re.compile(
    r"""\be'(?:[^'\\]|\\.|'')*'|'[^']*'|"[^"]*"|\$(\w*)\$.*?\$\1\$|--[^\r\n]*|/\*""", re.IGNORECASE | re.DOTALL
)
_BLOCK = re.compile(r"/\*|\*/")


def is_show(sql: str) -> bool:
    """Whether a statement lists the names of all tables."""
    return _SHOW.match(without_comments(sql)) is not None


def without_comments(sql: str) -> str:
    """Return a statement with a space for each comment, of either kind, and none around it."""
    parts = []
    at = 0
    while (match := _QUOTED_OR_COMMENT.search(sql, at)) is not None:
        end = match.end()
        if match[0] == "/*":  # these nest
            depth = 1
            while depth and (mark := _BLOCK.search(sql, end)) is not None:
                depth += 1 if mark[0] == "/*" else -1
                end = mark.end()
            end = len(sql) if depth else end
        is_comment = match[0] == "/*" or match[0].startswith("--")
        parts += [sql[at : match.start()], " " if is_comment else match[0]]
        at = end
    return "".join([*parts, sql[at:]]).strip()


def require_read_only(engine: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse what is not one statement that only reads. EXPLAIN explains such a statement: with ANALYZE it runs it.

    Raises:
        QueryError: If it does not parse, is none or several, or would write or change a setting.
    """
    kind = _kind(engine, sql)
    if kind == "EXPLAIN":
        explained = [_kind_or_none(engine, text) for text in _explained(sql)]
        # At most one of its readings is a statement.
        kind = next((inner for inner in explained if inner is not None), kind)
    if kind not in _READ_ONLY:
        raise QueryError(f"{kind} is not allowed: SQL only reads", "flows write tables; see mixlake run")
    if (writes := _WRITES_WITHIN.search(_QUOTED.sub("''", without_comments(sql)))) is not None:
        word = writes[0].lstrip("()").split()[0].upper()
        raise QueryError(f"{word} is not allowed: SQL only reads", "flows write tables; see mixlake run")


def _kind(engine: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return the kind of the one statement of a text; a query that DuckDB runs as several, as PIVOT, is SELECT."""
    try:
        statements = engine.extract_statements(sql)
    except duckdb.Error as error:
        raise _syntax_error(error, sql) from None
    if not statements:
        raise QueryError("there is no statement", "write a SELECT")
    kinds = [str(statement.type.name) for statement in statements]
    if len(kinds) > 1:
        raise QueryError(f"there are {len(kinds)} statements", "send one at a time")
    text = without_comments(sql)
    # PIVOT must not be a way around.
    if kinds[0] == "MULTI" and re.match(r"(pivot|with|from|select)\b", text, re.IGNORECASE):
        return "SELECT"
    if kinds[0] == "MULTI" and _EXPLAIN.match(text):
        return "EXPLAIN"
    return kinds[0]


def _kind_or_none(engine: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    try:
        return _kind(engine, sql)
    except QueryError:
        return None


def _explained(sql: str) -> list[str]:
    """Return the statement that an EXPLAIN explains, in each way in which its text can be read; of others nothing."""
    text = without_comments(sql)
    found = _EXPLAIN.match(text)
    if found is None:
        return []
    return [text[found.end() :], *([text[found.start(1) :]] if found[1] else [])]


def table_names(sql: str) -> set[str] | None:
    """Return the tables and views that a statement names, None where they cannot be found."""
    text = next(iter(_explained(sql)), without_comments(sql))
    try:
        with quiet_parser():
            tree = sqlglot.parse_one(text, dialect="duckdb", error_level=sqlglot.ErrorLevel.RAISE)
    except (SqlglotError, RecursionError):
        return None
    if isinstance(tree, exp.Command) or tree is None:
        return None
    ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    names = set()
    for table in tree.find_all(exp.Table):
        if (table.catalog and table.catalog != "memory") or table.db.lower() in BUILT_IN - {"main"}:
            return None
        if table.db:
            names.add(f"{table.db}.{table.name}".lower())
        elif table.name and table.name not in ctes:
            names.add(table.name.lower())
    return names


def bind_error(
    engine: duckdb.DuckDBPyConnection, error: duckdb.Error, sql: str, parameters: list[object] | None
) -> duckdb.Error:
    """Return an error of binding with its fields, which DuckDB gives of statements that it executes only."""
    if isinstance(error, (duckdb.BinderException, duckdb.CatalogException)) and len(_fields(error)) <= 1:
        try:
            engine.execute(f"{EXPLAIN}{sql}", parameters)
        except duckdb.Error as again:
            return again
    return error


def _fields(error: BaseException) -> Mapping[str, Any]:
    """Return the fields of an error: the engine writes them as JSON behind the name of its class (`errors_as_json`)."""
    text = str(error).strip()
    try:
        fields: Mapping[str, Any] = json.loads(text[text.index("{") :])
    except ValueError:
        return {"exception_message": text.partition(" Error: ")[2] or text}
    return fields


def _place(fields: Mapping[str, Any], sql: str) -> tuple[str, str] | None:
    """Return the statement up to the place of an error, and the words at it; None where the engine names no place."""
    if "location" not in fields:
        return None
    begin, length = json.loads(fields["location"])
    data = sql.encode()
    return data[:begin].decode(errors="replace"), data[begin : begin + length].decode(errors="replace")


def _syntax_error(error: BaseException, sql: str) -> QueryError:
    place = _place(_fields(error), sql)
    if place is None:
        return QueryError(f"the SQL does not parse: {error_message(error)}", "correct it")
    line, column = place[0].count("\n") + 1, len(place[0].rpartition("\n")[2]) + 1
    return QueryError(f"the SQL does not parse at line {line}, column {column}: {error_message(error)}", "fix it there")


def missing_table(error: BaseException, sql: str) -> str | None:
    """Return the table or view that a statement names and that does not exist, None if the error is another."""
    fields = _fields(error)
    if not isinstance(error, duckdb.CatalogException) or fields.get("type", "Table") not in {"Table", "View"}:
        return None
    place = _place(fields, sql)
    name: str | None = fields.get("name") or (place[1].replace('"', "") if place else None)
    return name


def query_error(error: BaseException, sql: str) -> MixlakeError:
    """Return an engine's error as one line, with the names that it proposes."""
    if isinstance(error, duckdb.PermissionException):
        return QueryError("SQL cannot read files", "mixlake tables lists them")
    log.debug("%s: %s", sql, error)
    proposed = str(_fields(error).get("candidates", "")).replace(",", ", ")
    return QueryError(error_message(error), f"did you mean {proposed}?"[:200] if proposed else "correct the SQL")


def error_message(error: BaseException) -> str:
    """Return the first line of an engine's error without the name of its class."""
    return first_line(duckdb.Error(_fields(error)["exception_message"]))


def literal(text: str) -> str:
    """Return a text as a literal of SQL."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def quoted(name: str) -> str:
    """Return a table's name, layer.name or a name alone, as an identifier of SQL."""
    return ".".join(map(quote_name, name.split(".", 1)))
