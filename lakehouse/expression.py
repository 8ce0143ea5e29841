"""SQL expressions of declarations (``where=``, checks), looked at before a run: there Spark would say what is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Collection

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.sqlflow import what_is_wrong


def problem(sql: str, columns: Collection[str]) -> tuple[str, str] | None:
    """Return what is wrong with an expression in Spark's dialect, and a hint; None where nothing is.

    Args:
        sql: The expression.
        columns: Names that it may use, in any case.
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="spark")
    except SqlglotError as error:
        at, told = what_is_wrong(error, sql)
        return f"does not parse at {at}: {told}", "write one Spark SQL expression"
    if not isinstance(tree, exp.Condition):
        return "does not parse: it is no single expression", "write one Spark SQL expression"
    if tree.find(exp.Lambda, exp.Query):
        return None  # these have names of their own
    known = {name.lower() for name in columns}
    used = {column.parts[0].name for column in tree.find_all(exp.Column)}
    unknown = sorted(name for name in used if name.lower() not in known)
    if not unknown:
        return None
    near = difflib.get_close_matches(unknown[0], columns, n=2)
    told = f"did you mean {' or '.join(near)}?" if near else f"it may use {', '.join(sorted(columns))}"
    return f"names {unknown[0]!r}, which is no column there", told
