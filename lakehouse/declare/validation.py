"""Validate conditions, checks and source keys of declarations."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.declare.contract import Table
from lakehouse.declare.expression import find_expression_error
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN, Flow
from lakehouse.declare.reads import Read
from lakehouse.declare.sql_flow import line_of
from lakehouse.errors import ContractError, FlowError


def validate_condition(spec: Flow, item: Read, table: Table) -> None:
    """Refuse a ``where=`` that Spark could not apply to a table."""
    columns = [*(column.name for column in table.columns), *{TABLE_PSEUDO_COLUMN} & set(item.names)]
    # Spark also provides the name, size and time of a file that is read.
    if item.where != "" and (error := find_expression_error(item.where, columns, ["_metadata"])) is not None:
        problem, hint = error
        raise FlowError(f"{spec.id} reads {table.name} where {item.where!r}, which {problem}", hint, spec.place)


def validate_checks(table: Table) -> None:
    """Refuse a check that Spark could not apply to its table."""
    for check in table.checks:
        error = find_expression_error(check.sql, [column.name for column in table.columns])
        if error is not None:
            problem, hint = error
            place = _written_at(table, check.sql)
            raise ContractError(f"{table.name}: the check {check.sql!r} {problem}", hint, place)


def _written_at(table: Table, text: object) -> str:
    """Return the file and line of a text in the module that declares a table; else that of the table's name, or none.

    A module may be in a zip, where only its loader can read it.
    """
    fallback = ""
    for module in list(sys.modules.values()):
        path = str(getattr(module, "__file__", None) or "")
        if path.endswith(".py") and any(value is table for value in list(vars(module).values())):
            linecache.checkcache(path)
            lines = linecache.getlines(path, vars(module))
            named = _line_with(table.name, lines)
            # A short text occurs in other lines too: in quotes, or at least after the table's name.
            line = isinstance(text, str) and text and (_line_with(text, lines) or _line_with(text, lines, after=named))
            if line:
                return f"{path}:{line}"
            fallback = fallback or (f"{path}:{named}" if named else "")
    return fallback


def _line_with(text: str, lines: Sequence[str], after: int = 0) -> int:
    """Return the first line with a text in quotes, or the first from a line on with it; 0 where there is none."""
    if after:
        return next((number for number, line in enumerate(lines, 1) if number >= after and text in line), 0)
    return next((n for n, line in enumerate(lines, 1) if f'"{text}"' in line or f"'{text}'" in line), 0)


def validate_source_key(spec: Flow) -> None:
    """Refuse a flow whose source key is an expression over columns that its table does not have."""
    if not spec.incremental:
        return
    try:
        tree = sqlglot.parse_one(spec.source_key_sql, dialect="spark")
    except SqlglotError:
        raise FlowError(
            f"{spec.id}: source_key_sql {spec.source_key_sql!r} does not parse",
            "write one Spark SQL expression",
            spec.place,
        ) from None
    if tree.find(exp.Lambda):
        return
    names = {column.parts[0].name for column in tree.find_all(exp.Column)}
    unknown = sorted(names - {column.name for column in spec.writes.columns})
    if unknown:
        table = spec.writes.name
        raise FlowError(
            f"{spec.id}: source_key_sql {spec.source_key_sql!r} names {unknown[0]!r}, which {table} does not have",
            f"give by source_key_sql the column of {table} that holds the {spec.source_key!r} of the source row",
            spec.place,
        )


def reads_at(spec: Flow, item: Read) -> str:
    """Return the file and line in which a flow reads an input."""
    if spec.kind != "sql":
        return spec.place
    return f"{spec.file}:{line_of(spec.sql, item.table, spec.dialect)}"
