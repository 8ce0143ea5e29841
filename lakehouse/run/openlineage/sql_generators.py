"""Functions of SQL that make rows or several columns: which of their arguments a column comes from.

``posexplode(a) AS (p, e)`` is one projection with two names. `spread` gives each name a projection of its own before
columns are qualified, so that a query has as many projections as columns. Where the number of columns is not written
down, as in ``inline(a)``, the projection is *wide*: columns after it are known by their names and not by their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

_SCRIPT = "mixlake_script"
# Those that the parser has no class for.
_ANONYMOUS = {
    "json_tuple", "inline_outer", "variant_explode", "variant_explode_outer", "generate_subscripts", _SCRIPT
}  # fmt: skip
# What may contain a number in GROUP BY or ORDER BY.
_AROUND = (exp.Ordered, exp.GroupingSets, exp.Cube, exp.Rollup, exp.Tuple, exp.Paren)
_NUMBER = "mixlake_place_"
_PLACE = "place"
_WIDE = "wide"
_RENAMED = "renamed"


def is_generator(node: exp.Expr) -> bool:
    """Return whether a function makes rows, or several columns, of one row."""
    if isinstance(node, exp.Anonymous):
        return str(node.name).lower() in _ANONYMOUS
    return isinstance(node, exp.Explode | exp.Inline | exp.Stack | exp.Unnest)


def spread(tree: exp.Expr) -> None:
    """Give each column that a projection of several names makes a projection of its own, in place."""
    for select in list(tree.find_all(exp.Select)):
        select.set("expressions", [one for item in select.expressions for one in _spread(item)])
    for query in tree.find_all(exp.Query):
        # The optimiser stumbles over a number where a star is not spread.
        for clause in ("order", "sort", "group"):
            _mark_places(query.args.get(clause))
    for node in tree.find_all(exp.CTE, exp.Subquery):
        if node.alias_column_names:
            # Names are given by places, which a wide projection shifts.
            for select in node.this.find_all(exp.Select):
                select.meta[_RENAMED] = True


def places(clause: exp.Expr) -> Iterator[int]:
    """Yield the places of projections, from 0, that GROUP BY or ORDER BY names by number."""
    for word in clause.find_all(exp.Var):
        number = word.name.removeprefix(_NUMBER)
        if number != word.name:
            yield int(number) - 1


def is_wide(projection: exp.Expr) -> bool:
    """Return whether a projection makes columns of which neither number nor names are known."""
    inner = projection.unalias()
    if inner.is_star or inner.meta.get(_WIDE):
        return True
    return inner.find(exp.Columns, exp.PositionalColumn) is not None


def is_renamed(select: exp.Expr) -> bool:
    """Return whether the columns of a query are given other names by their places: ``(SELECT ..) AS t(a, b)``."""
    return bool(select.meta.get(_RENAMED))


def value_parts(function: exp.Expr, place: int | None = None) -> Sequence[exp.Expr]:
    """Return the parts of a generator from which one of its columns comes.

    Args:
        function: The generator.
        place: Which of its columns, from 0; None for the one that `spread` replaced by the function.
    """
    if place is None:
        place = function.meta.get(_PLACE)
    if place is None:
        return [function]
    values = function.expressions
    if isinstance(function, exp.Stack) and (width := _stack_width(function)) is not None:
        return values[place::width] if place < width else [function]
    if _name(function) == "json_tuple":
        return [values[0], *values[place + 1 : place + 2]] if values else []
    structs = function.this.expressions if isinstance(function, exp.Inline) and _is_array(function.this) else ()
    if structs and all(isinstance(one, exp.Struct) and place < len(one.expressions) for one in structs):
        fields = [one.expressions[place] for one in structs]
        return [one.expression if isinstance(one, exp.PropertyEQ) else one for one in fields]
    return [function]


def row_parts(function: exp.Expr) -> Sequence[exp.Expr]:
    """Return the parts of a generator that decide how many rows it makes of one."""
    if _name(function) == "json_tuple":
        return []
    if isinstance(function, exp.Stack):
        return [function.this]
    if isinstance(function, exp.Explode | exp.Inline) and _is_array(function.this):
        return []  # an array that is written down element by element
    return [function]


def _mark_places(clause: exp.Expr | None) -> None:
    for literal in list(clause.find_all(exp.Literal)) if clause is not None else ():
        above = literal.parent
        while isinstance(above, _AROUND):
            above = above.parent
        if above is clause and not literal.is_string and literal.name.isdigit():
            literal.replace(exp.Var(this=f"{_NUMBER}{literal.name}"))


def _spread(projection: exp.Expr) -> Iterator[exp.Expr]:
    names: Sequence[exp.Identifier] | None = None
    function = projection.unalias()
    if isinstance(projection, exp.QueryTransform):
        schema = projection.args.get("schema")
        names = [exp.to_identifier(item.name) for item in schema.expressions] if schema else _plain("key", "value")
        function = exp.Anonymous(this=_SCRIPT, expressions=projection.expressions)
    elif isinstance(projection, exp.Aliases):
        names, function = projection.expressions, projection.this
    elif is_generator(function):
        if projection is function:
            names = _own_names(function)
        if names is None and (projection is function or function.expressions):
            function.meta[_WIDE] = True
    if names is None:
        yield projection
        return
    for place, name in enumerate(names):
        part = function.copy()
        part.meta[_PLACE] = place
        yield exp.alias_(part, name.copy())


def _own_names(function: exp.Expr) -> Sequence[exp.Identifier] | None:
    """Return the names that Spark gives a generator's columns where the query gives none; None if they depend."""
    if isinstance(function, exp.Stack) and (width := _stack_width(function)) is not None:
        return _plain(*(f"col{at}" for at in range(width)))
    if _name(function) == "json_tuple":
        return _plain(*(f"c{at}" for at in range(len(function.expressions) - 1)))
    return None


def _stack_width(function: exp.Expr) -> int | None:
    rows = function.this
    count = int(rows.name) if isinstance(rows, exp.Literal) and rows.name.isdigit() else 0
    return -(-len(function.expressions) // count) if count else None


def _is_array(node: object) -> bool:
    return isinstance(node, exp.Array) and not any(one.find(exp.Query) for one in node.expressions)


def _name(function: exp.Expr) -> str:
    return str(function.name).lower() if isinstance(function, exp.Anonymous) else ""


def _plain(*names: str) -> list[exp.Identifier]:
    return [exp.to_identifier(name) for name in names]
