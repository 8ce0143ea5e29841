"""The columns of a PIVOT and an UNPIVOT of a table or a subquery in FROM, and the parts that they come from.

sqlglot's optimiser names what a PIVOT with listed values gives: the values, each with each of the aggregates. The other
columns of its input, which neither an aggregate nor FOR uses, pass through, and their values make the groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import Scope


@dataclass(frozen=True, slots=True)
class PivotColumn:
    """Where a column of a PIVOT or an UNPIVOT comes from.

    Args:
        values: Parts of the query that give its values.
        conditions: Parts that decide which of those values count.
    """

    values: tuple[exp.Expr, ...] = ()
    conditions: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class PivotedInput:
    """An input of a query that is pivoted.

    Args:
        source: Name of the input before it is pivoted.
        pivot: What is done with it.
    """

    source: str
    pivot: exp.Pivot

    @property
    def is_unpivot(self) -> bool:
        """Whether columns become rows."""
        return bool(self.pivot.args.get("unpivot"))

    def made(self) -> dict[str, PivotColumn] | None:
        """Return the columns that it makes, by lower-case name; None where they are not known."""
        return self._unpivoted() if self.is_unpivot else self._pivoted()

    def used(self) -> set[str]:
        """Return the columns of the input that do not pass through, in lower case."""
        parts = [*self.pivot.fields, *(() if self.is_unpivot else self.pivot.expressions)]
        return {column.name.lower() for part in parts for column in part.find_all(exp.Column)}

    def _pivoted(self) -> dict[str, PivotColumn] | None:
        names = [name.name.lower() for name in self.pivot.args.get("columns") or ()]
        aggregates, fields = self.pivot.expressions, self.pivot.fields
        if not names or not aggregates or len(names) % len(aggregates) or len(set(names)) < len(names):
            return None
        conditions = tuple(field.this for field in fields)
        # The aggregates take turns within a value.
        return {
            name: PivotColumn((aggregates[place % len(aggregates)],), conditions) for place, name in enumerate(names)
        }

    def _unpivoted(self) -> dict[str, PivotColumn] | None:
        values, fields = self.pivot.expressions, self.pivot.fields
        if len(values) != 1 or len(fields) != 1 or not _is_name(values[0]) or not _is_name(fields[0].this):
            return None
        columns = tuple(item.this if isinstance(item, exp.PivotAlias) else item for item in fields[0].expressions)
        if not columns or not all(isinstance(column, exp.Column) for column in columns):
            return None
        # The other column holds the names of columns, which are in the query's text.
        return {values[0].name.lower(): PivotColumn(columns), fields[0].this.name.lower(): PivotColumn()}


def pivoted_inputs(scope: Scope) -> Iterator[tuple[str, PivotedInput | None]]:
    """Yield the pivoted inputs of a query by the names under which it reads them; None for one that is not followed."""
    for source, (node, _) in scope.selected_sources.items():
        pivots = node.args.get("pivots") or []
        if pivots:
            plain = len(pivots) == 1 and not pivots[0].args.get("group") and not _renames(pivots[0])
            yield pivots[-1].alias_or_name, PivotedInput(source, pivots[0]) if plain else None


def _renames(pivot: exp.Pivot) -> bool:
    alias = pivot.args.get("alias")
    return isinstance(alias, exp.TableAlias) and bool(alias.columns)


def _is_name(part: exp.Expr) -> bool:
    return isinstance(part, exp.Column | exp.Identifier)
