"""What a query's scopes, as sqlglot's optimiser builds them, have: names, columns, functions in FROM."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlglot import exp
from sqlglot.helper import ensure_list
from sqlglot.optimizer.scope import Scope, find_all_in_scope

from lakehouse.run.openlineage.column_lineage import Kind
from lakehouse.run.openlineage.sql_generators import is_generator, is_wide, places, row_parts, value_parts

_CLAUSES: Mapping[str, Kind] = {
    "where": "FILTER",
    "having": "FILTER",
    "qualify": "FILTER",
    "limit": "FILTER",
    "offset": "FILTER",
    "group": "GROUP_BY",
    "order": "SORT",
    "sort": "SORT",
    "cluster": "SORT",
}


def names(scope: Scope) -> list[str]:
    """Return the names of a query's columns in lower case, empty for one without a name."""
    query = scope.expression
    if isinstance(query, exp.UDTF) and (query.alias_column_names or not scope.subquery_scopes):
        return [name.lower() for name in query.alias_column_names]
    return [item.output_name.lower() for item in _left(query)]


def place_of(scope: Scope, name: str) -> int | None:
    """Return the place of a query's column, None if not exactly one has the name."""
    found = [place for place, one in enumerate(names(scope)) if one == name.lower()]
    return found[0] if len(found) == 1 else None


def sees_aliases_first(column: exp.Column, scope: Scope) -> bool:
    """Return whether a name without a table is rather an alias of the query than a column of its tables."""
    return isinstance(scope.expression, exp.SetOperation) or column.find_ancestor(exp.Order) is not None


def body(scope: Scope) -> Scope:
    """Return the query of a LATERAL subquery, else the scope itself."""
    lateral = isinstance(scope.expression, exp.UDTF) and scope.subquery_scopes
    return scope.subquery_scopes[-1] if lateral else scope


def is_complete(scope: Scope) -> bool:
    """Return whether the names of all of a query's columns are known."""
    return not any(is_wide(item) for item in _left(scope.expression))


def is_placed(scope: Scope, place: int) -> bool:
    """Return whether a query's column has the place that it has in the text: none before it may be several."""
    return not any(is_wide(item) for item in _left(scope.expression)[: place + 1])


def columns_of(origin: exp.Table | Scope | None, stored: Mapping[str, Collection[str]]) -> Collection[str] | None:
    """Return the columns of what a query reads, in lower case; None if they are not all known.

    Args:
        origin: A table or another query.
        stored: Columns of the inputs, by view.
    """
    if origin is None:
        return None
    if isinstance(origin, exp.Table):
        alias = origin.args.get("alias")
        renamed = [one.name.lower() for one in alias.columns] if isinstance(alias, exp.TableAlias) else []
        if origin.args.get("pivots"):
            return None
        return renamed or (stored.get(origin.name.lower()) if isinstance(origin.this, exp.Identifier) else None)
    found = names(origin)
    return found if found and is_complete(body(origin)) and all(found) else None


def read(root: Scope) -> Iterator[Scope]:
    """Yield the scopes that a query reads; a WITH that nothing reads is left out."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        scope = waiting.pop()
        if id(scope) in seen:
            continue
        seen.add(id(scope))
        yield scope
        waiting.extend(origin for _, origin in scope.selected_sources.values() if isinstance(origin, Scope))
        waiting.extend((*scope.subquery_scopes, *scope.set_operation_scopes, *scope.udtf_scopes))


def functions(query: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the table functions that a query reads in FROM, in joins and in LATERAL VIEWs."""
    start = query.args.get("from_")
    joined = [join.this for join in query.args.get("joins") or []]
    for item in [*([start.this] if start else []), *joined, *(query.args.get("laterals") or [])]:
        if isinstance(item, exp.Lateral) and not isinstance(item.this, exp.Subquery):
            yield item.this
        elif isinstance(item, exp.Unnest):
            yield item
        elif isinstance(item, exp.Table) and not isinstance(item.this, exp.Identifier):
            yield item.this


def function_parts(function: exp.Expr, place: int | None) -> Sequence[exp.Expr]:
    """Return the parts of a table function from which one of its columns comes; without a place, of any."""
    if isinstance(function, exp.Lateral):
        function = function.this
    if isinstance(function, exp.Unnest):
        return function.expressions
    return value_parts(function, place) if is_generator(function) else [function]


def row_parts_of(query: exp.Expr) -> Iterator[tuple[Kind, exp.Expr, bool]]:
    """Yield the parts of a query that decide which rows it has.

    Yields:
        How a part decides, the part, and whether it sees the query's own columns by their aliases.
    """
    for name, kind in _CLAUSES.items():
        for part in ensure_list(query.args.get(name) or []):
            yield kind, part, True
    for part in distinct_on(query):
        yield "GROUP_BY", part, True
    for join in query.args.get("joins") or []:
        if on := join.args.get("on"):
            yield "JOIN", on, True
    for function in functions(query):
        yield from (("JOIN", part, False) for part in row_parts(function))
    for projection in query.selects if isinstance(query, exp.Select) else ():
        for node in find_all_in_scope(projection, exp.Func):
            if is_generator(node):
                yield from (("JOIN", part, True) for part in row_parts(node))


def distinct_on(query: exp.Expr) -> list[exp.Expr]:
    """Return the expressions of DISTINCT ON."""
    distinct = query.args.get("distinct")
    on = distinct.args.get("on") if isinstance(distinct, exp.Expr) else None
    return [on] if isinstance(on, exp.Expr) else []


def numbered(query: exp.Expr) -> Iterator[tuple[Kind, int]]:
    """Yield the clauses that name a query's own columns by number, and the places of these, from 0."""
    for name in ("group", "order", "sort"):
        if clause := query.args.get(name):
            yield from ((_CLAUSES[name], place) for place in places(clause))


def sorts_by_all(query: exp.Expr) -> bool:
    """Return whether a query has ORDER BY ALL."""
    ordered = query.args.get("order")
    return any(
        isinstance(item.this, exp.Var) and item.name.upper() == "ALL"
        for item in (ordered.expressions if ordered else ())
    )


def _left(query: exp.Expr) -> list[exp.Expr]:
    """Return the projections that name a query's columns: of a set operation those of its left side."""
    while isinstance(query, exp.SetOperation | exp.Subquery | exp.Lateral):
        query = query.this
    return list(query.selects) if isinstance(query, exp.Select) else []
