"""Expressions of declarations (``where=``, checks, source keys) for engines that are not Spark.

They are written in Spark's dialect. Those made of parts that mean the same in DuckDB, for every value that the
contract's types hold, are given in DuckDB's text; all others are refused, so that no engine interprets one differently.

Where Spark fails for a value (a number that overflows, a place beyond the end of a list), the text fails, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.declare.names import quote_name
from lakehouse.errors import FlowError

type Types = Mapping[str, pa.DataType]

_COMPARISONS: Mapping[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
}
_ARITHMETIC: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_LOGIC: Mapping[type[exp.Expr], str] = {exp.And: "AND", exp.Or: "OR"}
# As an operand these need parentheses: Spark and sqlglot bind them differently.
_CONDITIONS = (*_COMPARISONS, *_LOGIC, exp.Not, exp.Is, exp.In, exp.Between)
_INTEGERS = {pa.int8(): "TINYINT", pa.int16(): "SMALLINT", pa.int32(): "INTEGER", pa.int64(): "BIGINT"}
_COMPARABLE = (pa.types.is_string, pa.types.is_binary, pa.types.is_boolean)
# The type, which no column has, of a number with a point and no exponent: a decimal of Spark's.
_POINT = pa.decimal256(38, 0)
_MOST_DIGITS = 30
# Spark looks longer lists up by hash, where -0.0 is not 0.0.
_MOST_FLOATS = 10


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
        # Spark has more escapes in texts than sqlglot, and replaces ${name} by a setting.
        _refuse("\\" in sql or "${" in sql, "a backslash or ${")
        return _Translation({name.lower(): (name, kind) for name, kind in types.items()}).value(tree).sql
    except SqlglotError as error:
        raise _not_portable(sql, "it does not parse") from error
    except _PartError as part:
        raise _not_portable(sql, f"of {part}") from None


class _PartError(Exception):
    """A part of an expression that is refused."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A part in DuckDB's dialect, in parentheses where it needs some, and its type in Spark."""

    sql: str
    type: pa.DataType


class _Translation:
    def __init__(self, columns: Mapping[str, tuple[str, pa.DataType]]) -> None:
        self._columns = columns
        self._of: Mapping[type[exp.Expr], Callable[..., _Value]] = {
            **dict.fromkeys(_COMPARISONS, self._comparison),
            **dict.fromkeys(_ARITHMETIC, self._arithmetic),
            **dict.fromkeys(_LOGIC, self._logic),
            exp.Anonymous: self._function,
            exp.Between: self._between,
            exp.Boolean: lambda node: _Value(str(bool(node.this)).upper(), pa.bool_()),
            exp.Bracket: self._element,
            exp.Coalesce: self._coalesce,
            exp.Column: self._column,
            exp.In: self._in,
            exp.Is: self._is,
            exp.Length: lambda node: self._length(node, bytes_of_text=False),
            exp.Literal: _literal,
            exp.Neg: self._negative,
            exp.Not: lambda node: _Value(f"(NOT {self._condition(node.this).sql})", pa.bool_()),
            exp.Null: lambda _: _Value("NULL", pa.null()),
            exp.Paren: lambda node: self.value(node.this),
        }

    def value(self, node: exp.Expr) -> _Value:
        """Translate a part."""
        if type(node) not in self._of:
            raise _PartError(type(node).__name__)
        return self._of[type(node)](node)

    def _operand(self, node: exp.Expr) -> _Value:
        _refuse(isinstance(node, _CONDITIONS), f"{node.sql(dialect='spark')!r} without parentheses")
        return self.value(node)

    def _condition(self, node: exp.Expr) -> _Value:
        found = self.value(node)
        _refuse(not (pa.types.is_boolean(found.type) or pa.types.is_null(found.type)), f"{found.type} as a condition")
        return found

    def _column(self, node: exp.Column) -> _Value:
        _refuse(len(node.parts) != 1 or node.name.lower() not in self._columns, f"{node.sql(dialect='spark')!r}")
        name, kind = self._columns[node.name.lower()]
        return _Value(quote_name(name), kind)

    def _logic(self, node: exp.Binary) -> _Value:
        left, right = self._condition(node.left), self._condition(node.right)
        return _Value(f"({left.sql} {_LOGIC[type(node)]} {right.sql})", pa.bool_())

    def _comparison(self, node: exp.Binary) -> _Value:
        return _compared(_COMPARISONS[type(node)], self._operand(node.left), self._operand(node.right))

    def _between(self, node: exp.Between) -> _Value:
        _refuse(bool(node.args.get("symmetric")), "BETWEEN SYMMETRIC")
        value, low, high = (self._operand(node.args[name]) for name in ("this", "low", "high"))
        return _Value(f"({_compared('>=', value, low).sql} AND {_compared('<=', value, high).sql})", pa.bool_())

    def _in(self, node: exp.In) -> _Value:
        _refuse(not node.expressions, "a query in IN")
        values = [self._operand(item) for item in (node.this, *node.expressions)]
        first, *rest = _alike(values)
        _refuse(pa.types.is_floating(first.type) and len(rest) > _MOST_FLOATS, "a long list of numbers in IN")
        return _Value(f"({first.sql} IN ({', '.join(item.sql for item in rest)}))", pa.bool_())

    def _is(self, node: exp.Is) -> _Value:
        if isinstance(node.expression, exp.Boolean):
            _refuse(not pa.types.is_boolean(self._operand(node.this).type), "IS TRUE of what is no condition")
        elif not isinstance(node.expression, exp.Null):
            raise _PartError(node.sql(dialect="spark"))
        return _Value(f"({self._operand(node.this).sql} IS {self.value(node.expression).sql})", pa.bool_())

    def _arithmetic(self, node: exp.Binary) -> _Value:
        left, right = values = self._operand(node.left), self._operand(node.right)
        kinds = {left.type, right.type}
        _refuse(pa.float32() in kinds, "arithmetic with float32")
        _refuse(not all(_is_number(kind) for kind in kinds), f"arithmetic with {' and '.join(sorted(map(str, kinds)))}")
        left, right = _alike(values)
        kind = pa.float64() if pa.types.is_floating(left.type) else _widest(kinds)
        return _Value(f"({left.sql} {_ARITHMETIC[type(node)]} {right.sql})", kind)

    def _negative(self, node: exp.Neg) -> _Value:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return _number(f"-{node.this.this}")
        value = self._operand(node.this)
        _refuse(not _is_number(value.type) or value.type == _POINT, f"the negative of {value.type}")
        return _Value(f"(-{value.sql})", value.type)

    def _coalesce(self, node: exp.Coalesce) -> _Value:
        values = [self._operand(item) for item in (node.this, *node.expressions)]
        kinds = {value.type for value in values if not pa.types.is_null(value.type)}
        if len(kinds) > 1 or _POINT in kinds:
            _refuse(pa.float32() in kinds, "coalesce of float32 and others")
            values = _alike(values)
            kinds = {_widest(kinds)} if kinds <= _INTEGERS.keys() else {pa.float64()}
        kind = kinds.pop() if kinds else pa.null()
        cast = _INTEGERS.get(kind)
        whole = f"COALESCE({', '.join(value.sql for value in values)})"
        return _Value(f"CAST({whole} AS {cast})" if cast else whole, kind)

    def _function(self, node: exp.Anonymous) -> _Value:
        name = node.name.lower()
        if name == "octet_length" and len(node.expressions) == 1:
            return self._length(node, bytes_of_text=True)
        if name == "get" and len(node.expressions) == 2:
            # It counts from 0, and gives null beyond the ends.
            values, place = self._list_and_place(*node.expressions)
            taken = f"CASE WHEN {place} >= 0 THEN list_extract({values.sql}, {place} + 1) END"
            return _Value(f"({taken})", values.type.value_type)
        raise _PartError(f"the function {node.name!r}")

    def _element(self, node: exp.Bracket) -> _Value:
        """Translate ``values[place]``, which counts from 0, and ``element_at``, which counts from 1 or backwards."""
        _refuse(len(node.expressions) != 1, "a slice")
        values, place = self._list_and_place(node.this, node.expressions[0])
        size = f"len({values.sql})"
        if node.args.get("offset"):
            wrong, at = f"{place} = 0 OR abs({place}) > {size}", place
        else:
            wrong, at = f"{place} < 0 OR {place} >= {size}", f"{place} + 1"
        message = "'a list has no element at a place that is asked for'"
        taken = f"CASE WHEN {wrong} THEN error({message}) ELSE list_extract({values.sql}, {at}) END"
        return _Value(f"({taken})", values.type.value_type)

    def _list_and_place(self, of: exp.Expr, at: exp.Expr) -> tuple[_Value, str]:
        values, place = self._operand(of), self._operand(at)
        _refuse(not pa.types.is_list(values.type), f"an element of {values.type}")
        _refuse(place.type not in _INTEGERS or place.type == pa.int64(), f"a place of type {place.type}")
        return values, f"CAST({place.sql} AS BIGINT)"

    def _length(self, node: exp.Length | exp.Anonymous, *, bytes_of_text: bool) -> _Value:
        value = self._operand(node.expressions[0] if isinstance(node, exp.Anonymous) else node.this)
        text = pa.types.is_string(value.type)
        _refuse(not (text or pa.types.is_binary(value.type)), f"the length of {value.type}")
        function = ("strlen" if bytes_of_text else "length") if text else "octet_length"
        return _Value(f"CAST({function}({value.sql}) AS INTEGER)", pa.int32())


def _compared(operator: str, left: _Value, right: _Value) -> _Value:
    left, right = _alike((left, right))
    return _Value(f"({left.sql} {operator} {right.sql})", pa.bool_())


def _alike(values: Sequence[_Value]) -> list[_Value]:
    """Return values that both engines compare alike: of one kind, and numbers as integers or as float64."""
    kinds = {value.type for value in values if not pa.types.is_null(value.type)}
    if kinds <= _INTEGERS.keys() or (len(kinds) == 1 and any(test(next(iter(kinds))) for test in _COMPARABLE)):
        return list(values)
    if all(_is_number(kind) for kind in kinds) and any(pa.types.is_floating(kind) for kind in kinds):
        return [
            value if pa.types.is_null(value.type) else _Value(f"CAST({value.sql} AS DOUBLE)", pa.float64())
            for value in values
        ]
    raise _PartError("a comparison of " + " and ".join(sorted("decimal" if k == _POINT else str(k) for k in kinds)))


def _widest(kinds: set[pa.DataType]) -> pa.DataType:
    return max(kinds, key=lambda kind: kind.bit_width)


def _is_number(kind: pa.DataType) -> bool:
    return kind in _INTEGERS or kind == _POINT or pa.types.is_float32(kind) or pa.types.is_float64(kind)


def _literal(node: exp.Literal) -> _Value:
    if node.is_string:
        return _Value("'" + node.this.replace("'", "''") + "'", pa.string())
    return _number(node.this)


def _number(text: str) -> _Value:
    if "e" in text.lower():
        return _Value(f"CAST('{text}' AS DOUBLE)", pa.float64())
    if "." in text:
        _refuse(len(text) > _MOST_DIGITS, f"the number {text}")
        return _Value(f"'{text}'", _POINT)
    kind = next((kind for kind in (pa.int32(), pa.int64()) if abs(int(text) * 2 + 1) < 2**kind.bit_width), None)
    if kind is None:
        raise _PartError(f"the number {text}")
    return _Value(f"CAST({text} AS {_INTEGERS[kind]})", kind)


def _refuse(condition: bool, part: str) -> None:
    if condition:
        raise _PartError(part)


def _not_portable(sql: str, why: str) -> NotPortableError:
    return NotPortableError(f"{sql!r} can be evaluated by Spark alone, because {why}", "run it with --engine spark")
