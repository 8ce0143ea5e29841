"""Column lineage of SQL flows.

sqlglot's optimiser qualifies every column against the declared columns of the inputs and builds the scopes; from
there each written column is followed to stored columns, through WITHs, subqueries, set operations and table
functions. A column that leads to anything else, such as a PIVOT, a recursive WITH or a name that no contract
declares, is left out.

`sqlglot.lineage` finds the same columns but not how they are used: its nodes carry a payload and its edges none, and
the branches of a set operation hang on the node above by their position alone, so that ``CASE WHEN u.x > 0 THEN u.id``
over a UNION does not say which branch column is the condition. It also follows UNION BY NAME by position, and
reports the right side of EXCEPT as a source.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.helper import ensure_list
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope, find_all_in_scope

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.declare.sql_flow import declared_reads, parser_of
from lakehouse.declare.sql_views import view_name, with_views
from lakehouse.run.openlineage.column_lineage import DIRECT, Kind, Lineage, Source

log = logging.getLogger("mixlake.openlineage")

_DIALECT = "spark"
# Of two direct steps one after the other, the one further right counts.
_ORDER: tuple[Kind, ...] = ("IDENTITY", "TRANSFORMATION", "AGGREGATION")
_CLAUSES: Mapping[str, Kind] = {
    "where": "FILTER",
    "having": "FILTER",
    "qualify": "FILTER",
    "group": "GROUP_BY",
    "order": "SORT",
    "sort": "SORT",
    "windows": "WINDOW",
    "laterals": "JOIN",
}
_PICKS = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)


class _UnknownError(Exception):
    """A column leads to something that no contract declares."""


def of_sql(flow: Flow, tables: Mapping[str, Table]) -> Lineage:
    """Return the column lineage of a SQL flow.

    Args:
        flow: The flow.
        tables: Contracts by name, its inputs among them.
    """
    try:
        query = _Query(flow, tables)
        return Lineage(query.fields(), query.dataset())
    except (SqlglotError, ValueError, KeyError, RecursionError) as error:
        log.debug("no column lineage of %s: %s", flow.id, error)
        return Lineage()


class _Query:
    """A SQL flow's query with every column qualified, as the engine runs it."""

    def __init__(self, flow: Flow, tables: Mapping[str, Table]) -> None:
        inputs = {view_name(read.table).lower(): tables[read.table] for read in flow.reads.values()}
        self.written = {c.name.lower(): c.name for c in flow.writes.columns if c.name != "run_id"}
        self.inputs = inputs
        self.columns = {view: {c.name.lower(): c.name for c in table.columns} for view, table in inputs.items()}
        schema: dict[str, object] = {view: dict.fromkeys(columns, "unknown") for view, columns in self.columns.items()}
        dialect = parser_of(flow.dialect)
        text = with_views(flow.sql, flow.file, flow.dialect, declared_reads(flow.sql))
        tree = sqlglot.parse_one(text, dialect=dialect)
        tree = qualify(tree, dialect=dialect, schema=schema, validate_qualify_columns=False, identify=False)
        root = build_scope(tree)
        if root is None:
            raise SqlglotError("no query")
        self.root = root
        self._done: dict[tuple[int, int], frozenset[Source] | None] = {}

    def fields(self) -> dict[str, tuple[Source, ...]]:
        """Return the sources of each written column."""
        fields = {}
        for place, name in enumerate(_names(self.root)):
            if (column := self.written.get(name.lower())) is None:
                continue
            try:
                sources = self._output(self.root, place)
            except _UnknownError as error:
                log.debug("no lineage of the column %s: %s", name, error)
                continue
            if sources:
                fields[column] = tuple(sorted(sources))
        return fields

    def dataset(self) -> tuple[Source, ...]:
        """Return the sources that decide which rows there are."""
        sources: set[Source] = set()
        for scope in _read_scopes(self.root):
            for kind, part in _row_clauses(scope):
                for column in find_all_in_scope(part, exp.Column):
                    sources |= _as(kind, self._known(self._column, column, scope))
                for query in _subqueries(part, scope):
                    sources |= self._rows_of(query, kind)
            if isinstance(scope.expression, exp.Except | exp.Intersect):
                sources |= self._rows_of(scope, "FILTER")
            elif scope.expression.args.get("distinct"):
                sources |= self._rows_of(scope, "GROUP_BY")
        return tuple(sorted(sources))

    def _rows_of(self, scope: Scope, kind: Kind) -> set[Source]:
        """Return the known sources of all columns of a query that is compared as a whole."""
        if isinstance(scope.expression, exp.SetOperation):
            return {source for branch in scope.set_operation_scopes for source in self._rows_of(branch, kind)}
        places = range(len(_names(scope)))
        return {source for place in places for source in _as(kind, self._known(self._output, scope, place))}

    def _known(self, find: Callable[..., frozenset[Source]], *what: object) -> frozenset[Source]:
        try:
            return find(*what)
        except _UnknownError:
            return frozenset()

    def _output(self, scope: Scope, place: int) -> frozenset[Source]:
        """Return the sources of a query's output column, computed once.

        Raises:
            _UnknownError: If one of them is not declared, or the query reads itself.
        """
        key = (id(scope), place)
        if key not in self._done:
            self._done[key] = None
            self._done[key] = frozenset(self._made(scope, place))
        if (sources := self._done[key]) is None:
            raise _UnknownError("a query that reads itself")
        return sources

    def _made(self, scope: Scope, place: int) -> Iterator[Source]:
        query = scope.expression
        if isinstance(query, exp.SetOperation) and not query.args.get("by_name"):
            # The values of EXCEPT are all the left side's.
            last = 1 if isinstance(query, exp.Except) else None
            for branch in scope.set_operation_scopes[:last]:
                yield from self._output(branch, place)
        elif isinstance(query, exp.Subquery):
            for inner in scope.subquery_scopes:
                yield from self._output(inner, place)
        elif isinstance(query, exp.Select) and not query.is_star:
            yield from self._projection(query.selects[place], scope)
        else:
            raise _UnknownError(query.sql(dialect=_DIALECT)[:80])

    def _projection(self, projection: exp.Expr, scope: Scope) -> Iterator[Source]:
        for column in find_all_in_scope(projection, exp.Column):
            kind = _kind(column, projection)
            for source in self._column(column, scope):
                yield replace(source, kind=_after(kind, source.kind))
        for query in _subqueries(projection, scope):
            kind = _kind(query.expression, projection)
            for place in range(len(_names(query))):
                for source in self._output(query, place):
                    yield replace(source, kind=_after(kind, source.kind))

    def _column(self, column: exp.Column, scope: Scope) -> frozenset[Source]:
        """Return the sources of a column in a query.

        Raises:
            _UnknownError: If it leads to something that is not declared.
        """
        at: Scope | None = scope
        while at is not None and column.table not in at.sources:
            at = at.parent  # a correlated subquery's outer table
        if at is None or at.pivots:
            raise _UnknownError(column.sql(dialect=_DIALECT))
        origin = at.sources[column.table]
        if isinstance(origin, exp.Table):
            return self._stored(origin, column, at)
        if isinstance(origin.expression, exp.UDTF):
            return self._generated(origin.expression, at)
        names = [name.lower() for name in _names(origin)]
        if column.name.lower() not in names:
            raise _UnknownError(column.sql(dialect=_DIALECT))
        return self._output(origin, names.index(column.name.lower()))

    def _stored(self, table: exp.Table, column: exp.Column, scope: Scope) -> frozenset[Source]:
        if not isinstance(table.this, exp.Identifier):
            return self._generated(table.this, scope)
        alias = table.args.get("alias")
        renamed = isinstance(alias, exp.TableAlias) and bool(alias.columns)
        stored = self.columns.get(table.name.lower(), {}).get(column.name.lower())
        if stored is None or renamed or table.args.get("pivots"):
            raise _UnknownError(column.sql(dialect=_DIALECT))
        return frozenset({Source(self.inputs[table.name.lower()].name, stored, "IDENTITY")})

    def _generated(self, function: exp.Expr, scope: Scope) -> frozenset[Source]:
        """Return the sources of the columns of a table function such as EXPLODE."""
        if function.find(*exp.UNWRAPPED_QUERIES):
            raise _UnknownError(function.sql(dialect=_DIALECT)[:80])
        columns = function.find_all(exp.Column)
        return frozenset(_as("TRANSFORMATION", (s for column in columns for s in self._column(column, scope))))


def _names(scope: Scope) -> list[str]:
    return list(getattr(scope.expression, "named_selects", ()))


def _read_scopes(root: Scope) -> Iterator[Scope]:
    """Yield the scopes that the query reads; a WITH that nothing reads is left out."""
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


def _row_clauses(scope: Scope) -> Iterator[tuple[Kind, exp.Expr]]:
    """Yield the clauses that decide which rows a query has."""
    query = scope.expression
    for name, kind in _CLAUSES.items():
        for part in ensure_list(query.args.get(name) or []):
            yield kind, part
    for join in query.args.get("joins") or []:
        if on := join.args.get("on"):
            yield "JOIN", on
    for _, origin in scope.selected_sources.values():
        if isinstance(origin, exp.Table) and not isinstance(origin.this, exp.Identifier):
            yield "JOIN", origin.this


def _subqueries(part: exp.Expr, scope: Scope) -> Iterator[Scope]:
    inner = {id(query.expression): query for query in scope.subquery_scopes}
    for query in find_all_in_scope(part, *exp.UNWRAPPED_QUERIES):
        if (subquery := inner.get(id(query))) is not None:
            yield subquery


def _as(kind: Kind, sources: Iterable[Source]) -> set[Source]:
    return {replace(source, kind=kind) for source in sources}


def _kind(part: exp.Expr, projection: exp.Expr) -> Kind:
    """Return how one part of a projection is used."""
    kind: Kind = "IDENTITY"
    below, at = part, part.parent
    while at is not None and below is not projection:
        if isinstance(at, exp.Window) and below is not at.this:
            return "WINDOW"
        if (isinstance(at, exp.If) and below is at.this) or (isinstance(at, exp.Case) and below is at.this):
            return "CONDITIONAL"
        if isinstance(at, exp.Filter) and below is not at.this:
            return "CONDITIONAL"
        if isinstance(at, exp.AggFunc) and not isinstance(at, _PICKS):
            kind = "AGGREGATION"
        elif not isinstance(at, exp.Alias | exp.Paren | exp.Subquery):
            kind = _after(kind, "TRANSFORMATION")
        below, at = at, at.parent
    return kind


def _after(outer: Kind, inner: Kind) -> Kind:
    """Return the kind of two steps: an indirect one stays indirect, else the greater change counts."""
    if outer not in DIRECT:
        return outer
    return inner if inner not in DIRECT else max(outer, inner, key=_ORDER.index)
