"""Find errors in the SQL expressions of declarations (``where=``, checks) before a run, without Spark."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from lakehouse.declare.sql_flow import locate_syntax_error, quiet_parser
from lakehouse.errors import did_you_mean

_HINT = "write one Spark SQL expression"
_NOT_ONE = "does not parse: it is not a single expression"
# Words that begin statements. Spark also takes them for names of columns, which sqlglot does not always.
_STATEMENT_WORD = re.compile(
    "alter|analyze|begin|cache|call|comment|commit|copy|create|delete|desc|describe|drop|end|execute|explain|from|if"
    "|insert|load|merge|refresh|replace|rollback|set|show|truncate|uncache|update|use|values",
    re.IGNORECASE,
)
_AFTER_A_COLUMN = re.compile(r"[^\w\s('\"`]+|is|in|i?like|rlike|regexp|between|not|and|or|div", re.IGNORECASE)
# What Spark takes for a function where no column is called so.
_BARE_FUNCTION = re.compile(
    "current_(catalog|database|date|schema|time|timestamp|user)|localtimestamp|session_user|user", re.IGNORECASE
)


def find_expression_error(
    sql: object, columns: Collection[str], hidden: Collection[str] = ()
) -> tuple[str, str] | None:
    """Return what is wrong with an expression in Spark's dialect, and a hint; None where nothing is.

    Args:
        sql: The expression.
        columns: Names that it may use, in any case.
        hidden: Names that it may use, too, and that are not proposed.
    """
    if not isinstance(sql, str):
        return "is not a text", _HINT
    try:
        tree = _parsed(sql)
    except SqlglotError as error:
        at, problem = locate_syntax_error(error, f"(\n{sql}")
        line, colon, column = at.partition(":")
        return f"does not parse at {int(line) - 1}{colon}{column}: {problem}", _HINT
    except _NoExpressionError as error:
        return str(error), _HINT
    if tree is None or tree.find(exp.Lambda, exp.Query):
        return None  # these have names of their own
    known = {name.lower() for name in (*columns, *hidden)}
    used = {column.parts[0].name for column in tree.find_all(exp.Column) if not _is_function(column)}
    unknown = sorted(name for name in used if name.lower() not in known)
    if not unknown:
        return None
    hint = did_you_mean(unknown[0], columns) or f"it may use {', '.join(sorted(columns))}"
    return f"names {unknown[0]!r}, which is not a column there", hint


class _NoExpressionError(Exception):
    """A text parses, and is not one expression."""


def _parsed(sql: str) -> exp.Expr | None:
    """Return an expression's tree; None where only Spark can resolve a word."""
    dialect = Dialect.get_or_raise("spark")
    # After a bracket, which the parser is not given, no word begins a statement.
    tokens = dialect.tokenize(f"(\n{sql}")[1:]
    if not tokens:
        raise _NoExpressionError("is empty")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise _NoExpressionError(_NOT_ONE)
    try:
        with quiet_parser():
            tree = next(iter(dialect.parser().parse_into(exp.Condition, tokens, f"(\n{sql}")), None)
    except SqlglotError:
        if _may_be_columns(tokens):
            return None
        raise
    if tree is None:
        first = tokens[0]
        place = f"{first.line - 1}:{first.col - len(first.text) + 1}"
        raise _NoExpressionError(f"does not parse at {place}: an expression is missing at {first.text!r}")
    if not isinstance(tree, exp.Command):
        return tree
    if _may_be_columns(tokens):
        return None
    raise _NoExpressionError(_NOT_ONE)


def _may_be_columns(tokens: Sequence[Token]) -> bool:
    """Whether a word that begins statements is where a column may be: before an operator, or last."""
    return any(
        _STATEMENT_WORD.fullmatch(token.text) is not None
        and token.token_type not in {TokenType.STRING, TokenType.IDENTIFIER}
        and (at == 0 or token.text.lower() not in {"from", "end"})
        and (at + 1 == len(tokens) or _AFTER_A_COLUMN.fullmatch(tokens[at + 1].text) is not None)
        for at, token in enumerate(tokens)
    )


def _is_function(column: exp.Column) -> bool:
    name = column.this
    return len(column.parts) == 1 and not name.args.get("quoted") and bool(_BARE_FUNCTION.fullmatch(name.name))
