"""How the parts of a SQL query use columns: as values, conditions, windows, groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlglot import exp

from lakehouse.run.openlineage.column_lineage import DIRECT, Kind
from lakehouse.run.openlineage.sql_generators import is_generator, value_parts

# Of two direct steps one after the other, the one further right counts.
_ORDER: tuple[Kind, ...] = ("IDENTITY", "TRANSFORMATION", "AGGREGATION")
_PICKS = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
_ENDS = (exp.Column, exp.Star, exp.TableColumn, exp.PositionalColumn, *exp.UNWRAPPED_QUERIES)
_NEUTRAL = (exp.Alias, exp.Paren, exp.Subquery)


class Use(NamedTuple):
    """A column, a star or a subquery in an expression, and how the expression uses it."""

    node: exp.Expr
    kind: Kind


def uses(part: exp.Expr, windows: Mapping[str, exp.Expr]) -> Iterator[Use]:
    """Yield the columns, stars and subqueries of an expression; what a subquery holds is its own.

    Args:
        part: The expression.
        windows: Named windows of its query, by lower-case name.
    """
    waiting: list[tuple[exp.Expr, Kind, Kind | None]] = [(part, "IDENTITY", None)]
    while waiting:
        node, direct, indirect = waiting.pop()
        if isinstance(node, _ENDS):
            yield Use(node, indirect or direct)
            continue
        if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
            continue  # rows, of no column
        if isinstance(node, exp.AggFunc | exp.WithinGroup) and not isinstance(node, _PICKS):
            direct = "AGGREGATION"
        elif not isinstance(node, _NEUTRAL):
            direct = after(direct, "TRANSFORMATION")
        parts = value_parts(node) if is_generator(node) else (node,)
        if not any(part is node for part in parts):
            waiting.extend((part, direct, indirect) for part in parts)
            continue
        waiting.extend((child, direct, _indirect(node, child) or indirect) for child in node.iter_expressions())
        for window in _named(node, windows):
            waiting.extend((child, direct, "WINDOW") for child in window.iter_expressions() if child is not window.this)


def named_windows(query: exp.Expr) -> dict[str, exp.Expr]:
    """Return the windows of a query's WINDOW clause, by lower-case name."""
    return {window.name.lower(): window for window in query.args.get("windows") or []}


def after(outer: Kind, inner: Kind) -> Kind:
    """Return the kind of two steps: an indirect one stays indirect, else the greater change counts."""
    if outer not in DIRECT:
        return outer
    return inner if inner not in DIRECT else max(outer, inner, key=_ORDER.index)


def is_grouping(projection: exp.Expr) -> bool | None:
    """Return whether GROUP BY ALL groups by a projection: one without aggregates; None if a function may be one."""
    unknown = False
    waiting = [projection]
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.AggFunc | exp.Window):
            return False
        unknown = unknown or isinstance(node, exp.Anonymous)
        if not isinstance(node, exp.UNWRAPPED_QUERIES):
            waiting.extend(node.iter_expressions())
    return None if unknown else True


def _indirect(node: exp.Expr, child: exp.Expr) -> Kind | None:
    if isinstance(node, exp.Window):
        return None if child is node.this else "WINDOW"
    if isinstance(node, exp.If | exp.Case):
        return "CONDITIONAL" if child is node.this else None
    if isinstance(node, exp.Filter):
        return None if child is node.this else "CONDITIONAL"
    return None


def _named(node: exp.Expr, windows: Mapping[str, exp.Expr]) -> Iterator[exp.Expr]:
    """Yield the named window that a window is, and those on which that one is built."""
    seen: set[str] = set()
    while isinstance(node, exp.Window) and isinstance(base := node.args.get("alias"), exp.Expr):
        name = base.name.lower()
        if name in seen or name not in windows:
            return
        seen.add(name)
        node = windows[name]
        yield node
