"""Expressions of declarations (``where=``, checks, source keys) for engines that are not Spark.

They are written in Spark's dialect. Those made of parts that mean the same in DuckDB, for every value that the
contract's types hold, are given in DuckDB's text; all others are refused, so that no engine reads one otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.errors import FlowError

type Types = Mapping[str, pa.DataType]

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul)
_CONDITIONS = (exp.Boolean, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between)
_KNOWN = (
    *_CONDITIONS,
    *_COMPARISONS,
    *_ARITHMETIC,
    exp.Paren,
    exp.Coalesce,
    exp.Null,
    exp.Neg,
    exp.Literal,
    exp.Identifier,
)


class NotPortableError(FlowError):
    """An expression that only Spark can evaluate."""


def to_duckdb(sql: str, types: Types) -> str:
    """Return an expression in DuckDB's dialect.

    Args:
        sql: One expression in Spark's dialect.
        types: Type of each column that it may use.

    Raises:
        NotPortableError: If a part of it is not known to mean the same in both.
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="spark")
    except SqlglotError as error:
        raise _refused(sql, "it does not parse") from error
    by_name = {name.lower(): (name, kind) for name, kind in types.items()}
    _require_known(tree, sql, by_name)
    return tree.transform(_functions(by_name)).transform(_names(by_name)).sql(dialect="duckdb")


def _require_known(tree: exp.Expr, sql: str, types: Mapping[str, tuple[str, pa.DataType]]) -> None:
    for node in tree.walk():
        for one, other in _compared(node, sql):
            _require_alike(one, other, sql, types)
        if not (isinstance(node, _KNOWN) or _is_known(node, types)):
            shown = node.sql(dialect="spark") if isinstance(node, exp.Column | exp.Func) else type(node).__name__
            raise _refused(sql, f"of {shown!r}")


def _compared(node: exp.Expr, sql: str) -> list[tuple[exp.Expr, exp.Expr]]:
    """Return the values that an operator compares, in pairs."""
    if isinstance(node, _COMPARISONS):
        return [(node.this, node.args["expression"])]
    if isinstance(node, exp.Between):
        return [(node.this, node.args["low"]), (node.this, node.args["high"])]
    if isinstance(node, exp.In):
        if node.args.get("query") or node.args.get("unnest"):
            raise _refused(sql, "of a query in IN")
        return [(node.this, item) for item in node.expressions]
    return []


def _is_known(node: exp.Expr, types: Mapping[str, tuple[str, pa.DataType]]) -> bool:
    """Whether a part whose meaning depends on what it is of means the same in both."""
    if isinstance(node, exp.Column):
        return len(node.parts) == 1 and node.name.lower() in types
    if isinstance(node, exp.Bracket):
        return _kind(node.this, types) == "list" and len(node.expressions) == 1
    if isinstance(node, exp.Length):
        return _kind(node.this, types) in {"text", "bytes"}
    return isinstance(node, exp.Anonymous) and node.name.lower() in {"get", "octet_length"}


def _require_alike(left: exp.Expr, right: exp.Expr, sql: str, types: Mapping[str, tuple[str, pa.DataType]]) -> None:
    """Refuse a comparison of two kinds of values, which engines convert in their own ways."""
    kinds = {_kind(left, types), _kind(right, types)} - {"null"}
    if len(kinds) > 1 or "unknown" in kinds:
        raise _refused(sql, f"of a comparison of {' and '.join(sorted(kinds))}")


def _kind(node: exp.Expr, types: Mapping[str, tuple[str, pa.DataType]]) -> str:  # noqa: PLR0911, C901 - a table
    """Return what kind of value an expression has."""
    if isinstance(node, exp.Paren | exp.Neg):
        return _kind(node.this, types)
    if isinstance(node, exp.Null):
        return "null"
    if isinstance(node, (*_CONDITIONS, *_COMPARISONS)):
        return "boolean"
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "number"
    if isinstance(node, (exp.Length, *_ARITHMETIC)):
        return "number"
    if isinstance(node, exp.Coalesce):
        kinds = {_kind(item, types) for item in (node.this, *node.expressions)} - {"null"}
        return kinds.pop() if len(kinds) == 1 else "unknown"
    if isinstance(node, exp.Column) and node.name.lower() in types:
        return _kind_of_type(types[node.name.lower()][1])
    if isinstance(node, exp.Anonymous) and node.name.lower() == "octet_length":
        return "number"
    if isinstance(node, exp.Anonymous | exp.Bracket):
        of = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
        if isinstance(of, exp.Column) and of.name.lower() in types:
            kind = types[of.name.lower()][1]
            return _kind_of_type(kind.value_type) if pa.types.is_list(kind) else "unknown"
    return "unknown"


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_string, "text"),
    (pa.types.is_binary, "bytes"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "number"),
    (pa.types.is_floating, "number"),
    (pa.types.is_list, "list"),
)


def _kind_of_type(kind: pa.DataType) -> str:
    return next((name for test, name in _KINDS if test(kind)), "unknown")


def _functions(types: Mapping[str, tuple[str, pa.DataType]]) -> Callable[[exp.Expr], exp.Expr]:
    """Return what puts DuckDB's functions in the place of Spark's."""

    def translate(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Length) and _kind(node.this, types) == "bytes":
            return exp.Anonymous(this="octet_length", expressions=[node.this])
        if isinstance(node, exp.Anonymous) and node.name.lower() == "get":
            # Spark's get counts from 0, and gives null beyond the ends.
            values, at = node.expressions
            begins = exp.GTE(this=at.copy(), expression=exp.Literal.number(0))
            place = exp.Add(this=at.copy(), expression=exp.Literal.number(1))
            taken = exp.Anonymous(this="list_extract", expressions=[values, place])
            return exp.Case(ifs=[exp.If(this=begins, true=taken)])
        return node

    return translate


def _names(types: Mapping[str, tuple[str, pa.DataType]]) -> Callable[[exp.Expr], exp.Expr]:
    """Return what writes columns as the contract does, quoted."""

    def translate(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            return exp.column(exp.to_identifier(types[node.name.lower()][0], quoted=True))
        return node

    return translate


def _refused(sql: str, why: str) -> NotPortableError:
    return NotPortableError(f"{sql!r} can be evaluated by Spark alone, because {why}", "run it with --engine spark")
