"""The stored columns to which a column of a SQL query leads, through WITHs, subqueries and table functions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from lakehouse.declare.contract import Table
from lakehouse.run.openlineage import sql_scopes
from lakehouse.run.openlineage.column_lineage import Source
from lakehouse.run.openlineage.sql_generators import is_renamed, is_wide
from lakehouse.run.openlineage.sql_pivots import PivotedInput, pivoted_inputs
from lakehouse.run.openlineage.sql_uses import after, named_windows, uses

_SHOWN = 60  # characters of a part of a query
_UNFOLLOWED_PIVOT = "a PIVOT whose columns are not all listed, or several of one table, are not followed"


class UnknownSourceError(Exception):
    """A column leads to something that no contract declares, or that is not followed."""


class ColumnSources:
    """Follows columns of a query to the columns of its inputs.

    Args:
        inputs: Contracts by the view that replaces the table in the query, in lower case.
    """

    def __init__(self, inputs: Mapping[str, Table]) -> None:
        self.inputs = inputs
        self.columns = {view: {c.name.lower(): c.name for c in table.columns} for view, table in inputs.items()}
        self._done: dict[tuple[int, int], frozenset[Source] | None] = {}

    def output(self, scope: Scope, place: int) -> frozenset[Source]:
        """Return the sources of a query's output column, computed once.

        Raises:
            UnknownSourceError: If one of them is not declared, or the query reads itself.
        """
        key = (id(scope), place)
        if key not in self._done:
            self._done[key] = None
            self._done[key] = frozenset(self._made(scope, place))
        if (sources := self._done[key]) is None:
            raise UnknownSourceError("a query that reads itself")
        return sources

    def numbered(self, scope: Scope, place: int) -> frozenset[Source]:
        """Return the sources of a query's output column that a clause names by its number.

        Raises:
            UnknownSourceError: If the column is not known.
        """
        if not 0 <= place < len(sql_scopes.names(scope)) or not sql_scopes.is_placed(scope, place):
            raise UnknownSourceError("a column whose place is not known")
        return self.output(scope, place)

    def _made(self, scope: Scope, place: int) -> Iterator[Source]:
        query = scope.expression
        if isinstance(query, exp.SetOperation) and not query.args.get("by_name"):
            # The values of EXCEPT are all the left side's.
            last = 1 if isinstance(query, exp.Except) else None
            for branch in scope.set_operation_scopes[:last]:
                if not sql_scopes.is_placed(branch, place):
                    raise UnknownSourceError("a column whose place is not known")
                yield from self.output(branch, place)
        elif isinstance(query, exp.Subquery) and scope.subquery_scopes:
            for inner in scope.subquery_scopes:
                yield from self.output(inner, place)
        elif isinstance(query, exp.Select) and place < len(query.selects) and not is_wide(query.selects[place]):
            if is_renamed(query) and not sql_scopes.is_placed(scope, place):
                raise UnknownSourceError("a column whose place is not known")
            yield from self._projection(query.selects[place], scope)
        else:
            raise UnknownSourceError(_unfollowed(query))

    def _projection(self, projection: exp.Expr, scope: Scope) -> Iterator[Source]:
        subqueries = {id(one.expression): one for one in scope.subquery_scopes}
        for node, kind in uses(projection, named_windows(scope.expression)):
            if isinstance(node, exp.UNWRAPPED_QUERIES):
                if (query := subqueries.get(id(node))) is None:
                    raise UnknownSourceError(_unfollowed(node))
                found = {s for place in range(len(sql_scopes.names(query))) for s in self.output(query, place)}
            elif isinstance(node, exp.Column) and not node.is_star:
                found = {*self.column(node, scope)}
            else:
                found = {*self._star(node, scope)}
            for source in found:
                yield replace(source, kind=after(kind, source.kind))

    def _star(self, star: exp.Expr, scope: Scope) -> Iterator[Source]:
        """Yield the sources of all columns of a query's tables, as in ``struct(*)``, or of one table."""
        table = star.args.get("table")
        plain = star.this if isinstance(star, exp.Column) else star
        if not isinstance(plain, exp.Star) or any(plain.args.values()):
            raise UnknownSourceError(_unfollowed(star))
        for name in [table.name] if table else scope.selected_sources:
            columns = sql_scopes.columns_of(scope.sources.get(name), self.columns)
            if columns is None:
                raise UnknownSourceError(_unfollowed(star))
            for column in columns:
                yield from self.column(exp.column(column, name), scope)

    def column(self, column: exp.Column, scope: Scope, inner: bool = True) -> frozenset[Source]:
        """Return the sources of a column in a query.

        Args:
            column: The column, with the name or alias of its table if it has one.
            scope: The query.
            inner: Whether the column may be an alias of the query itself; in FROM it may not.

        Raises:
            UnknownSourceError: If it leads to something that is not declared.
        """
        if column.is_star:
            return frozenset(self._star(column, scope))
        if not column.table:
            return self._bare(column, scope, inner=inner)
        at: Scope | None = scope
        while at is not None and column.table not in {*at.sources, *dict(pivoted_inputs(at))}:
            at = at.parent  # a correlated subquery's outer table
        if at is None:
            raise UnknownSourceError(_unfound(column))
        pivoted = dict(pivoted_inputs(at))
        if column.table in pivoted:
            return self._pivoted(column, pivoted[column.table], at)
        return self._read(column, at)

    def passing(self, pivoted: PivotedInput | None, scope: Scope) -> frozenset[Source]:
        """Return the sources of the columns that a PIVOT lets through, whose values make its groups.

        Raises:
            UnknownSourceError: If they are not all known.
        """
        columns = None if pivoted is None else self._columns_before(pivoted, scope)
        if pivoted is None or columns is None:
            raise UnknownSourceError(_UNFOLLOWED_PIVOT)
        names = [name for name in columns if name not in pivoted.used()]
        return frozenset(s for name in names for s in self._read(exp.column(name, pivoted.source), scope))

    def _columns_before(self, pivoted: PivotedInput, scope: Scope) -> Collection[str] | None:
        origin = scope.sources[pivoted.source]
        if isinstance(origin, exp.Table):
            origin = origin.copy()
            origin.set("pivots", None)
        return sql_scopes.columns_of(origin, self.columns)

    def _pivoted(self, column: exp.Column, pivoted: PivotedInput | None, scope: Scope) -> frozenset[Source]:
        made = None if pivoted is None else pivoted.made()
        if pivoted is None or made is None:
            raise UnknownSourceError(_UNFOLLOWED_PIVOT)
        name = column.name.lower()
        if name not in made:
            if name in pivoted.used():
                raise UnknownSourceError(_unfound(column))
            return self._read(exp.column(column.name, pivoted.source), scope)
        if name in (self._columns_before(pivoted, scope) or ()) and name not in pivoted.used():
            raise UnknownSourceError(_unfound(column))  # two columns have the name
        found: set[Source] = set()
        for part in made[name].values:
            for node, kind in uses(part, {}):
                found |= {replace(s, kind=after(kind, s.kind)) for s in self._input_of(node, scope)}
        for part in made[name].conditions:
            for node, _ in uses(part, {}):
                found |= {replace(s, kind="CONDITIONAL") for s in self._input_of(node, scope)}
        return frozenset(found)

    def _input_of(self, node: exp.Expr, scope: Scope) -> frozenset[Source]:
        """Return the sources of a column that a PIVOT uses."""
        if not isinstance(node, exp.Column) or node.is_star or node.table not in scope.sources:
            raise UnknownSourceError(_unfollowed(node))
        return self._read(node, scope)

    def _read(self, column: exp.Column, at: Scope) -> frozenset[Source]:
        """Return the sources of a column of one of a query's inputs, as it is before a PIVOT."""
        origin = at.sources[column.table]
        name = column.name.lower()
        if isinstance(origin, exp.Table):
            return self._stored(origin, name, at)
        made = sql_scopes.names(origin)
        if isinstance(origin.expression, exp.UDTF) and not origin.subquery_scopes:
            return self._generated(origin.expression, at, made.index(name) if name in made else None)
        origin = sql_scopes.body(origin)
        if made.count(name) != 1:
            raise UnknownSourceError(_unfound(column))
        return self.output(origin, made.index(name))

    def _bare(self, column: exp.Column, scope: Scope, *, inner: bool) -> frozenset[Source]:
        """Return the sources of a column that is named without a table: an alias of the query, or of one of its tables.

        Where there are tables whose columns are not known, it may be one of theirs.
        """
        known = {name: sql_scopes.columns_of(scope.sources.get(name), self.columns) for name in scope.selected_sources}
        owners = [name for name, columns in known.items() if columns and column.name.lower() in columns]
        place = sql_scopes.place_of(scope, column.name) if inner else None
        if place is None and len(owners) == 1:
            return self.column(exp.column(column.name, owners[0]), scope)
        own = not owners and None not in known.values()
        if place is not None and (own or sql_scopes.sees_aliases_first(column, scope)):
            return self.output(scope, place)
        raise UnknownSourceError(_unfound(column))

    def _stored(self, table: exp.Table, name: str, scope: Scope) -> frozenset[Source]:
        alias = table.args.get("alias")
        renamed = [one.name.lower() for one in alias.columns] if isinstance(alias, exp.TableAlias) else []
        if not isinstance(table.this, exp.Identifier):
            return self._generated(table.this, scope, renamed.index(name) if name in renamed else None)
        view = table.name.lower()
        stored = self.columns.get(view, {}).get(name)
        if stored is None or renamed:
            raise UnknownSourceError(f"no contract declares {table.alias_or_name}.{name}")
        return frozenset({Source(self.inputs[view].name, stored, "IDENTITY")})

    def _generated(self, function: exp.Expr, scope: Scope, place: int | None) -> frozenset[Source]:
        """Return the sources of a column of a table function such as EXPLODE."""
        found: set[Source] = set()
        for part in sql_scopes.function_parts(function, place):
            for node, kind in uses(part, {}):
                if not isinstance(node, exp.Column) or node.is_star:
                    raise UnknownSourceError(_unfollowed(function))
                direct = after("TRANSFORMATION", kind)
                found |= {replace(s, kind=after(direct, s.kind)) for s in self.column(node, scope, False)}
        return frozenset(found)


def _unfound(column: exp.Column) -> str:
    return f"the table of {column.sql()} is not known"


def _unfollowed(part: exp.Expr) -> str:
    return f"{part.sql()[:_SHOWN]} is not followed"
