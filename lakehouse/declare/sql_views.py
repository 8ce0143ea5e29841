"""The text that a SQL flow runs: its own, with table names replaced by those of temporary views.

A parser that writes SQL again changes it: quotes in literals, date patterns, exact percentiles. So only names are
replaced, by their places in the text: of tables, of tables before columns, and an alias is put in where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import sqlglot
from sqlglot import Token, TokenType, exp

from lakehouse.declare.flow import SqlDialect
from lakehouse.declare.sql_flow import parse_select, parser_of
from lakehouse.errors import FlowError

_QUOTES: Mapping[SqlDialect, str] = {"spark": "`", "portable": "`", "duckdb": '"'}
_NAMES = {TokenType.VAR, TokenType.IDENTIFIER}
_LITERALS = {TokenType.STRING, TokenType.RAW_STRING}


class _Edit(NamedTuple):
    """Text from `start` to before `end` becomes `text`."""

    start: int
    end: int
    text: str


def with_views(text: str, place: str, dialect: SqlDialect = "spark", declared: Collection[str] = ()) -> str:
    """Return the query with each ``layer.table`` replaced by the temporary view of the same name.

    All else of the query stays as it is. A view is given the table's last name as its alias where it has none, so that
    columns may be written ``table.column``; columns written ``layer.table.column`` are given the alias.

    Args:
        text: The query.
        place: Its file, for errors.
        dialect: Its dialect.
        declared: The tables that it reads, where the file says so; then the query is not parsed.

    Raises:
        FlowError: If the query cannot be parsed, or a name of a table not be located in the text.
    """
    quote = _QUOTES[dialect]
    edits = _of_tokens(text, dialect, declared) if declared else _of_tree(text, parse_select(text, place, dialect))
    answer, end = [], len(text)
    for edit in sorted(set(edits), reverse=True):
        if edit.end > end or not edit.start <= edit.end:
            raise FlowError(f"{place}: the names of its tables cannot be located", "name its inputs beside: -- reads:")
        answer.append(edit.text.replace("`", quote) + text[edit.end : end])
        end = edit.start
    return text[:end] + "".join(reversed(answer))


def view_name(table: str) -> str:
    """Return the name of the temporary view of a table in a flow's session: no two tables share one."""
    if not table.isascii():
        return f"mixlake_u_{table.encode().hex()}"  # Spark takes no other letters in a view's name
    layer, _, name = table.partition(".")
    return f"mixlake_{len(layer)}_{layer}_{name}"


def normalised(text: str, dialect: SqlDialect = "spark") -> str:
    """Return the query's words without comments and layout, for fingerprints; hints count."""
    words: list[str] = []
    before = -1
    for token in _tokens(text, dialect):
        if token.start <= before:
            continue
        # Two literals side by side may be one.
        glued = token.start == before + 1 and token.token_type in _LITERALS
        words.append(("" if glued else " ") + text[token.start : token.end + 1])
        before = token.end
    return "".join(words).strip()


def _tokens(text: str, dialect: SqlDialect) -> list[Token]:
    return sqlglot.tokenize(text, dialect=parser_of(dialect))


def _of_tree(text: str, tree: exp.Query) -> Iterator[_Edit]:
    tables = [table for table in tree.find_all(exp.Table) if table.db and table.find_ancestor(exp.Hint) is None]
    scopes: dict[int, list[exp.Table]] = {}
    for table in tables:
        scopes.setdefault(id(table.find_ancestor(exp.Select)), []).append(table)
    aliases = {id(table): _alias(table, scope) for scope in scopes.values() for table in scope}
    for table in tables:
        start, end = _place(text, [table.args["db"], table.this])
        name = _quoted(view_name(f"{table.db}.{table.name}"))
        yield _Edit(start, end, name if table.alias else f"{name} AS {_quoted(aliases[id(table)])}")
    for column in tree.find_all(exp.Column):
        alias = _alias_of_column(column, scopes, aliases)
        if alias is not None:
            start, end = _place(text, column.parts[:2])
            yield _Edit(start, end, _quoted(alias))


def _place(text: str, parts: Sequence[exp.Expr]) -> tuple[int, int]:
    """Return the place of a name of two parts in the text; an empty place where it is not found."""
    spans = [(part.meta.get("start", -1), part.meta.get("end", -1) + 1) for part in parts]
    for part, (start, end) in zip(parts, spans, strict=True):
        if text[start:end].strip('`"').lower() != part.name.lower():
            return 1, 0
    return spans[0][0], spans[1][1]


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else "`" + name.replace("`", "``") + "`"


def _alias(table: exp.Table, scope: list[exp.Table]) -> str:
    """Return a table's alias; the layers distinguish two tables of one last name."""
    if table.alias:
        return str(table.alias)
    same = [other for other in scope if not other.alias and other.name.lower() == table.name.lower()]
    return table.name if len(same) == 1 else view_name(f"{table.db}.{table.name}")


def _alias_of_column(
    column: exp.Column, scopes: Mapping[int, list[exp.Table]], aliases: Mapping[int, str]
) -> str | None:
    """Return the replacement of ``layer.table`` before a column: its alias in the nearest SELECT that reads it."""
    parts = column.parts
    if len(parts) <= 2:  # column, or table.column
        return None
    full = (parts[0].name.lower(), parts[1].name.lower())
    select = column.find_ancestor(exp.Select)
    while select is not None:
        same = [table for table in scopes.get(id(select), ()) if (table.db.lower(), table.name.lower()) == full]
        same = [table for table in same if not table.alias] or same
        if len(same) == 1:
            return aliases[id(same[0])]
        select = select.find_ancestor(exp.Select)
    return None


def _of_tokens(text: str, dialect: SqlDialect, declared: Collection[str]) -> Iterator[_Edit]:
    """Find the declared tables by the words of the text alone.

    ``layer.table`` before a dot is a table before a column, and its alias is the table's last name.
    """
    tokens = _tokens(text, dialect)
    known = {name.lower(): name for name in declared}
    for at, token in enumerate(tokens[:-2]):
        after = [*(tokens[at + 3 : at + 5]), None, None]
        if tokens[at + 1].token_type != TokenType.DOT or (at and tokens[at - 1].token_type == TokenType.DOT):
            continue
        name = known.get(f"{token.text}.{tokens[at + 2].text}".lower())
        if name is None:
            continue
        last = _quoted(tokens[at + 2].text)
        start, end = token.start, tokens[at + 2].end + 1
        if after[0] is not None and after[0].token_type == TokenType.DOT:
            yield _Edit(start, end, last)
        elif after[0] is not None and after[0].token_type in {TokenType.ALIAS, *_NAMES}:
            yield _Edit(start, end, _quoted(view_name(name)))
        else:
            yield _Edit(start, end, f"{_quoted(view_name(name))} AS {last}")
