"""The guard of SQL statements: one at a time, and only such as read; what they name; and their errors in one line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

import duckdb
import pyarrow as pa

from lakehouse.declare.sql_flow import quiet_parser
from lakehouse.errors import MixlakeError, QueryError, lost_file, not_allowed

log = logging.getLogger("mixlake.query")

BUILT_IN = {"information_schema", "pg_catalog", "main", "temp", "system"}
_READ_ONLY = {"SELECT", "EXPLAIN", "MULTI"}
_SHOW = re.compile(r"^show\s+(all\s+)?tables[\s;]*$", re.IGNORECASE)
# What a comment may not begin in, and where one begins; the engine ends a comment of one line at either end of a line.
_QUOTED_OR_COMMENT = re.compile(
    r"""\be'(?:[^'\\]|\\.|'')*'|'[^']*'|"[^"]*"|\$(\w*)\$.*?\$\1\$|--[^\r\n]*|/\*""", re.IGNORECASE | re.DOTALL
)
_BLOCK = re.compile(r"/\*|\*/")


def is_show(sql: str) -> bool:
    """Whether a statement asks for the names of all tables."""
    return _SHOW.match(without_comments(sql)) is not None


def without_comments(sql: str) -> str:
    """Return a statement with a space for each comment, of either kind, and none around it."""
    kept = []
    at = 0
    while (found := _QUOTED_OR_COMMENT.search(sql, at)) is not None:
        end = found.end()
        if found[0] == "/*":  # these nest
            depth = 1
            while depth and (mark := _BLOCK.search(sql, end)) is not None:
                depth += 1 if mark[0] == "/*" else -1
                end = mark.end()
            end = len(sql) if depth else end
        is_comment = found[0] == "/*" or found[0].startswith("--")
        kept += [sql[at : found.start()], " " if is_comment else found[0]]
        at = end
    return "".join([*kept, sql[at:]]).strip()


def require_read_only(engine: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse what is not one statement that reads.

    Raises:
        QueryError: If it does not parse, is none or several, or would write or change a setting.
    """
    try:
        statements = engine.extract_statements(sql)
    except duckdb.Error as error:
        raise _syntax_error(error) from None
    if not statements:
        raise QueryError("there is no statement", "write a SELECT")
    kinds = [statement.type.name for statement in statements]
    if len(kinds) > 1:
        raise QueryError(f"there are {len(kinds)} statements", "ask one at a time")
    # PIVOT is one statement that DuckDB runs as several; it must not be a way around.
    if kinds[0] not in _READ_ONLY or (
        kinds[0] == "MULTI" and not re.match(r"(pivot|with|from|select)\b", without_comments(sql), re.IGNORECASE)
    ):
        raise QueryError(f"{kinds[0]} is not allowed: SQL only reads", "flows write tables; see mixlake run")


def table_names(sql: str) -> set[str] | None:
    """Return the tables and views that a statement names, None where it cannot be told."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    text = re.sub(r"^explain\s+(analyze\s+)?", "", without_comments(sql), flags=re.IGNORECASE)
    try:
        with quiet_parser():
            tree = sqlglot.parse_one(text, dialect="duckdb", error_level=sqlglot.ErrorLevel.RAISE)
    except (SqlglotError, RecursionError):
        return None
    if isinstance(tree, exp.Command) or tree is None:
        return None
    ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    found = set()
    for table in tree.find_all(exp.Table):
        if (table.catalog and table.catalog != "memory") or table.db.lower() in BUILT_IN - {"main"}:
            return None
        if table.db:
            found.add(f"{table.db}.{table.name}".lower())
        elif table.name and table.name not in ctes:
            found.add(table.name.lower())
    return found


def translate_fetch_errors(stream: pa.RecordBatchReader, sql: str) -> pa.RecordBatchReader:
    """Turn what goes wrong while rows are fetched into the same errors as what goes wrong before."""

    def batches() -> Iterable[pa.RecordBatch]:
        try:
            yield from stream
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise query_error(error, sql) from None

    return pa.RecordBatchReader.from_batches(stream.schema, batches())


def _syntax_error(error: BaseException) -> QueryError:
    text = str(error)
    place = re.search(r"LINE (\d+): (.*)\n( *)\^", text)
    if not place or place[2].startswith("..."):  # the engine shows part of a long line: no column to tell
        return QueryError(f"the SQL does not parse: {first_line(error)}", "correct it")
    column = len(place[3]) - len(f"LINE {place[1]}: ") + 1
    return QueryError(
        f"the SQL does not parse at line {place[1]}, column {column}: {first_line(error)}", "correct it there"
    )


def query_error(error: BaseException, sql: str) -> MixlakeError:
    """Return an engine's error as one line, with what it proposes."""
    text = str(error)
    near = re.search(r"(?:Candidate bindings|Did you mean|Candidate functions):? *(.*)", text)
    if "file system operations are disabled" in text or "disabled by configuration" in text:
        return QueryError("SQL reads the lake's tables only, no files", "mixlake tables lists them")
    if "lock" in text and "configuration" in text:
        return QueryError("SQL may not change settings", "ask a SELECT")
    if lost := re.search(r"registered as '__([\w.]+?)(?:@\d+)?' failed: .*?([^/'\"\s]+\.parquet)", text, re.DOTALL):
        if "Permission denied" in text:
            return not_allowed(lost[1], "read", lost[2])
        return lost_file(lost[1], lost[2])
    hint = near[0].strip() if near else "correct the SQL"
    log.debug("%s: %s", sql, text)
    return QueryError(first_line(error), hint.split("\n", 1)[0][:200])


def first_line(error: BaseException) -> str:
    """Return the first line of an engine's error without the name of its class."""
    first = str(error).strip().split("\n", 1)[0]
    return re.sub(r"^(Parser|Binder|Catalog|Conversion|Invalid Input|Permission) Error: ", "", first)[:300]


def literal(text: str) -> str:
    """Return a text as a literal of SQL."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def quote_name(name: str) -> str:
    """Return the name of a column as an identifier of SQL."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def quoted(name: str) -> str:
    """Return a table's name, layer.name or a name alone, as an identifier of SQL."""
    return ".".join(map(quote_name, name.split(".", 1)))
