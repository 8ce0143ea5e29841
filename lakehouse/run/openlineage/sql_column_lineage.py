"""Column lineage of SQL flows.

sqlglot's optimiser qualifies every column against the declared columns of the inputs and builds the scopes; from
there each written column is followed to stored columns, through WITHs, subqueries, set operations and table
functions. A column that leads to anything else, such as a PIVOT of values that the query does not list, a recursive
WITH or a name that no contract declares, is left out, with a warning.

`sqlglot.lineage` finds the same columns but not how they are used: its nodes carry a payload and its edges none, and
the branches of a set operation hang on the node above by their position alone, so that ``CASE WHEN u.x > 0 THEN u.id``
over a UNION does not say which branch column is the condition. It also follows UNION BY NAME by position, and
reports the right side of EXCEPT as a source.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.declare.sql_flow import declared_reads, parser_of, quiet_parser
from lakehouse.declare.sql_views import view_name, with_views
from lakehouse.engine.rules import given_columns
from lakehouse.run.openlineage import sql_scopes
from lakehouse.run.openlineage.column_lineage import Kind, Lineage, Source
from lakehouse.run.openlineage.sql_generators import spread
from lakehouse.run.openlineage.sql_pivots import pivoted_inputs
from lakehouse.run.openlineage.sql_sources import ColumnSources, UnknownSourceError
from lakehouse.run.openlineage.sql_uses import is_grouping, named_windows, uses

log = logging.getLogger("mixlake.openlineage")

_SHOWN = 60  # characters of a part of a query
_LISTED = 5


def of_sql(flow: Flow, tables: Mapping[str, Table]) -> Lineage:
    """Return the column lineage of a SQL flow; a warning says what of it cannot be known.

    Args:
        flow: The flow.
        tables: Contracts by name, its inputs among them.

    Raises:
        Exception: Of any kind, if sqlglot does not understand the statement.
    """
    with quiet_parser():
        query = _Query(flow, tables)
    lineage = Lineage(query.fields(), query.dataset())
    for cause, lacking in query.gaps.items():
        more = f" and {len(lacking) - _LISTED} more" if len(lacking) > _LISTED else ""
        shown = ", ".join(lacking[:_LISTED]) + more
        log.warning("%s: the column lineage of its event is left out for %s: %s", flow.id, shown, cause)
    return lineage


class _Query:
    """A SQL flow's query with every column qualified, as the engine runs it."""

    def __init__(self, flow: Flow, tables: Mapping[str, Table]) -> None:
        inputs = {view_name(read.table).lower(): tables[read.table] for read in flow.reads.values()}
        self.written = {c.name.lower(): c.name for c in given_columns(flow.writes)}
        self.sources = ColumnSources(inputs)
        self.gaps: dict[str, list[str]] = {}
        columns = self.sources.columns.items()
        schema: dict[str, object] = {view: dict.fromkeys(names, "unknown") for view, names in columns}
        dialect = parser_of(flow.dialect)
        text = with_views(flow.sql, flow.file, flow.dialect, declared_reads(flow.sql))
        tree = sqlglot.parse_one(text, dialect=dialect)
        spread(tree)
        # Aliases that other columns use are followed here: in their places, each use would double the query.
        given: Mapping[str, Any] = {"validate_qualify_columns": False, "identify": False, "expand_alias_refs": False}
        root = build_scope(qualify(tree, dialect=dialect, schema=schema, **given))
        if root is None:
            raise SqlglotError("the statement is not one query")
        self.root = root

    def fields(self) -> dict[str, tuple[Source, ...]]:
        """Return the sources of each written column."""
        fields = {}
        names = sql_scopes.names(self.root)
        for place, name in enumerate(names):
            if (column := self.written.get(name)) is None:
                continue
            if names.count(name) > 1:
                self._lack(column, "two columns of the query have the name")
            elif sources := self._known(column, self.sources.output, self.root, place):
                fields[column] = tuple(sorted(sources))
        if not sql_scopes.is_complete(self.root):
            for name, column in self.written.items():
                if name not in names:
                    self._lack(column, "the query does not name all of its columns")
        return fields

    def dataset(self) -> tuple[Source, ...]:
        """Return the sources that decide which rows there are."""
        sources: set[Source] = set()
        for scope in sql_scopes.read(self.root):
            for _, pivoted in pivoted_inputs(scope):
                if pivoted is not None and pivoted.is_unpivot:
                    continue
                sources |= _as("GROUP_BY", self._known("the groups of rows", self.sources.passing, pivoted, scope))
            for kind, part, inner in sql_scopes.row_parts_of(scope.expression):
                sources |= _as(kind, self._part(part, scope, inner=inner))
            for kind, found in self._compared(scope):
                sources |= _as(kind, found)
        return tuple(sorted(sources))

    def _compared(self, scope: Scope) -> Iterator[tuple[Kind, Iterable[Source]]]:
        """Yield the sources of columns that decide over rows without being named for it."""
        query = scope.expression
        if group := query.args.get("group"):
            for place in self._groups(group, scope):
                yield "GROUP_BY", self._known("a group", self.sources.output, scope, place)
        for kind, place in sql_scopes.numbered(query):
            yield kind, self._known(f"the place {place + 1}", self.sources.numbered, scope, place)
        if sql_scopes.sorts_by_all(query):
            yield "SORT", self._rows_of(scope)
        if isinstance(query, exp.Except | exp.Intersect):
            yield "FILTER", self._rows_of(scope)
        elif query.args.get("distinct") and not sql_scopes.distinct_on(query):
            yield "GROUP_BY", self._rows_of(scope)

    def _groups(self, group: exp.Expr, scope: Scope) -> Iterator[int]:
        """Yield the places of projections by which a query groups without naming a column."""
        query = scope.expression
        selects = query.selects if isinstance(query, exp.Select) else []
        if not group.args.get("all") or group.expressions:
            return
        for place, projection in enumerate(selects):
            grouping = is_grouping(projection)
            # One that uses the alias of an aggregate is one, too.
            for use in uses(projection, {}) if grouping else ():
                if isinstance(use.node, exp.Column) and not use.node.table:
                    at = sql_scopes.place_of(scope, use.node.name)
                    grouping = grouping and (None if at is None else is_grouping(selects[at]))
            if grouping:
                yield place
            elif grouping is None:
                self._lack("GROUP BY ALL", f"{projection.alias_or_name} may be an aggregate")

    def _rows_of(self, scope: Scope) -> set[Source]:
        """Return the known sources of all columns of a query that is compared as a whole."""
        if isinstance(scope.expression, exp.SetOperation):
            return {source for branch in scope.set_operation_scopes for source in self._rows_of(branch)}
        places = range(len(sql_scopes.names(scope)))
        return {s for place in places for s in self._known("a compared column", self.sources.output, scope, place)}

    def _part(self, part: exp.Expr, scope: Scope, *, inner: bool = True) -> set[Source]:
        """Return the known sources of a part of a query that decides its rows.

        Args:
            part: The part.
            scope: The query.
            inner: Whether the part sees the query's own columns by their aliases; a function in FROM does not.
        """
        subqueries = {id(one.expression): one for one in scope.subquery_scopes}
        sources: set[Source] = set()
        for node, _ in uses(part, named_windows(scope.expression)):
            what = f"a condition on {node.sql()[:_SHOWN]}"
            if (query := subqueries.get(id(node))) is not None:
                sources |= self._rows_of(query)
            elif isinstance(node, exp.Column):
                sources |= self._known(what, self.sources.column, node, scope, inner)
        return sources

    def _known(self, what: str, find: Callable[..., Iterable[Source]], *given: object) -> frozenset[Source]:
        try:
            return frozenset(find(*given))
        except UnknownSourceError as error:
            self._lack(what, str(error))
            return frozenset()

    def _lack(self, what: str, cause: str) -> None:
        lacking = self.gaps.setdefault(cause, [])
        if what not in lacking:
            lacking.append(what)


def _as(kind: Kind, sources: Iterable[Source]) -> set[Source]:
    return {replace(source, kind=kind) for source in sources}
