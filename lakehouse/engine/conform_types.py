"""Decide from types alone how a returned column becomes a contract's; both engines only carry it out.

The rule holds for columns and, at every depth, for fields of structs, elements of lists, keys and values of maps:

*Fields match by name.* Their order does not matter; one that is missing or too many is refused.

*What loses nothing is converted*: a null type to any; integers to wider ones; ``float32`` to ``float64``; integers and
decimals to decimals with as many digits on both sides of the point; integers and decimals of so few digits to floats
that each value has its own (a decimal becomes the nearest float); views, large and fixed-size variants of texts, bytes
and lists to the plain ones; dictionaries to their values; ``date32`` to midnight; a time without a zone to UTC, and of
another zone to the same moment in UTC.

*What may lose something is converted value by value*, and a value that would change is refused: integers to narrower
ones, to floats and to decimals; decimals to those of fewer digits, to integers and to floats; nanoseconds to
microseconds; lists to lists of a fixed size.

*All else is refused*, whatever the values: floats to integers, decimals or narrower floats; anything to booleans,
and booleans to anything; texts to anything, and anything to texts; times to dates; a time with a zone to one without.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from lakehouse.declare.column_types import nullable_inside, type_text

type Conversion = Literal["same", "cast", "fit", "struct", "list", "map"]

# Decimal digits that every value of so many keeps in a float, and whole numbers up to which it holds each.
FLOAT_DIGITS = {16: 3, 32: 6, 64: 15}
FLOAT_INTEGERS = {16: 1 << 11, 32: 1 << 24, 64: 1 << 53}
_UNKNOWN = re.compile(r"extension<arrow\.opaque\[storage_type=null, type_name=(.*?), vendor_name=\]>")


class MisfitError(Exception):
    """A column, a field or a value does not fit the contract; the message says which, and how."""


@dataclass(frozen=True)
class Step:
    """How a column, or a part of one, becomes what the contract wants.

    Args:
        path: The part, such as ``place.lat``, ``rows[].x``, ``tags{value}`` or ``tags{key}``.
        found: Its type as it is.
        wanted: Its type in the contract, all of whose nested fields may be null.
        how: "same"; "cast", which fits each value; "fit", which some values may not; or part by part.
        parts: Steps of a struct's fields in the contract's order, of a list's element, or of a map's key and value.
    """

    path: str
    found: pa.DataType
    wanted: pa.DataType
    how: Conversion
    parts: tuple[Step, ...] = ()

    @property
    def needs_length(self) -> bool:
        """Whether each list must have a fixed number of elements, which its type does not promise."""
        fixed = pa.types.is_fixed_size_list
        return fixed(self.wanted) and not (fixed(self.found) and self.found.list_size == self.wanted.list_size)

    @property
    def is_cast(self) -> bool:
        """Whether a cast that goes by place does the same: no field moves, and no value need be looked at."""
        if self.how == "struct" and [part.path for part in self.parts] != [
            field_path(self.path, field.name) for field in self.found
        ]:
            return False
        if self.how == "map" and pa.types.is_null(self.parts[0].found):
            return False  # no cast makes keys of nulls
        return self.how != "fit" and not self.needs_length and all(part.is_cast for part in self.parts)


def step_of(column: str, found: pa.DataType, declared: pa.DataType) -> Step:
    """Return how a column becomes what a contract declares.

    Args:
        column: The column's name.
        found: Its type as it was returned.
        declared: Its type in the contract.

    Raises:
        MisfitError: If it cannot.
    """
    wanted = nullable_inside(declared)
    try:
        return _step(column, found, wanted)
    except MisfitError as inner:
        whole = f"returned {column!r} as {written(found)}, not {written(wanted)}"
        both = pa.types.is_nested(wanted) and pa.types.is_nested(found)
        raise MisfitError(f"{whole}: {inner}" if both else whole) from None


def field_path(path: str, name: str) -> str:
    """Return the path of a struct's field."""
    return f"{path}.{name}"


def element_path(path: str) -> str:
    """Return the path of a list's elements."""
    return f"{path}[]"


def entry_path(path: str, part: Literal["key", "value"]) -> str:
    """Return the path of a map's keys or values."""
    return f"{path}{{{part}}}"


def repeated(names: Iterable[str]) -> str:
    """Return a name that is there twice, empty where none is."""
    counted = Counter(names)
    return next((name for name, count in counted.items() if count > 1), "")


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is a list of any form."""
    tests = (
        pa.types.is_list,
        pa.types.is_large_list,
        pa.types.is_fixed_size_list,
        pa.types.is_list_view,
        pa.types.is_large_list_view,
    )
    return any(test(kind) for test in tests)


def plain(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values that a dictionary, runs or an extension encode."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain(kind.value_type)
    if kind == NOTHING:
        return pa.null()
    if isinstance(kind, pa.BaseExtensionType) and not isinstance(kind, pa.OpaqueType):
        return plain(kind.storage_type)
    return kind


def unknown(name: str) -> pa.DataType:
    """Return a placeholder for an engine's type that Arrow lacks; it matches no other."""
    return pa.opaque(pa.null(), name, "")


# The type of the keys of maps that have none, which Arrow does not allow to be its null type.
NOTHING = unknown("void")


def written(kind: pa.DataType) -> str:
    """Return a type in full for an error."""
    return _UNKNOWN.sub(r"\1", type_text(nullable_inside(kind)))


def _step(path: str, given: pa.DataType, wanted: pa.DataType) -> Step:
    found = plain(given)
    if wanted in {given, found}:
        return Step(path, wanted, wanted, "same")
    if pa.types.is_null(found):
        return Step(path, found, wanted, "cast")
    if pa.types.is_struct(wanted) and pa.types.is_struct(found):
        return Step(path, found, wanted, "struct", tuple(_fields(path, found, wanted)))
    if pa.types.is_map(wanted) and pa.types.is_map(found):
        key = _step(entry_path(path, "key"), found.key_type, wanted.key_type)
        value = _step(entry_path(path, "value"), found.item_type, wanted.item_type)
        return Step(path, found, wanted, "map", (key, value))
    if is_list(wanted) and is_list(found):
        fixed = [kind.list_size for kind in (found, wanted) if pa.types.is_fixed_size_list(kind)]
        if len(set(fixed)) == 2:
            raise MisfitError(f"{path} has {fixed[0]} elements, not {fixed[1]}")
        return Step(path, found, wanted, "list", (_step(element_path(path), found.value_type, wanted.value_type),))
    how = None if pa.types.is_nested(wanted) or pa.types.is_nested(found) else _leaf(found, wanted)
    if how is None:
        raise MisfitError(f"{path} is {written(given)}, not {written(wanted)}")
    return Step(path, found, wanted, how)


def _fields(path: str, found: pa.DataType, wanted: pa.DataType) -> list[Step]:
    has, wants = [field.name for field in found], [field.name for field in wanted]
    for name in has:
        if name not in wants:
            raise MisfitError(f"{field_path(path, name)} is not in the contract")
    for name in wants:
        if name not in has:
            raise MisfitError(f"{field_path(path, name)} is missing")
    if twice := repeated(has):
        raise MisfitError(f"{field_path(path, twice)} is there twice")
    return [_step(field_path(path, field.name), found.field(field.name).type, field.type) for field in wanted]


def _leaf(found: pa.DataType, wanted: pa.DataType) -> Conversion | None:
    """Return how a value that is not nested is converted, None where it is not."""
    kinds = pa.types
    for family in (_TEXTS, _BYTES):
        if any(test(wanted) for test in family):
            return "cast" if any(test(found) for test in family) else None
    if kinds.is_floating(wanted) and kinds.is_floating(found):
        return "cast" if found.bit_width < wanted.bit_width else None
    if kinds.is_timestamp(wanted):
        return _moment(found, wanted)
    if kinds.is_date(wanted) and kinds.is_date(found):
        return "fit"
    return _exact(found, wanted)


_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def _moment(found: pa.DataType, wanted: pa.DataType) -> Conversion | None:
    if pa.types.is_date(found):
        return "fit"
    if not pa.types.is_timestamp(found) or (wanted.tz is None and found.tz is not None):
        return None
    return "cast" if found.unit == wanted.unit else "fit"


def _exact(found: pa.DataType, wanted: pa.DataType) -> Conversion | None:
    """Return how a number that is stored exactly becomes another, or the float nearest to it."""
    digits = _digits(found)
    if digits is None:
        return None
    if pa.types.is_floating(wanted):
        if pa.types.is_integer(found):
            most = max(-_least(found), _most(found))
            return "cast" if most <= FLOAT_INTEGERS[wanted.bit_width] else "fit"
        return "cast" if digits[0] + digits[1] <= FLOAT_DIGITS[wanted.bit_width] else "fit"
    if pa.types.is_integer(wanted):
        if pa.types.is_integer(found):
            fits = _least(wanted) <= _least(found) and _most(found) <= _most(wanted)
        else:
            fits = digits[1] == 0 and 10 ** digits[0] - 1 <= _most(wanted)
        return "cast" if fits else "fit"
    room = _digits(wanted)
    if room is None:
        return None
    return "cast" if digits[0] <= room[0] and digits[1] <= room[1] else "fit"


def _digits(kind: pa.DataType) -> tuple[int, int] | None:
    """Return the digits before and after the point of an integer or a decimal, None of anything else."""
    if pa.types.is_integer(kind):
        return len(str(_most(kind))), 0
    if pa.types.is_decimal(kind):
        return kind.precision - kind.scale, max(kind.scale, 0)
    return None


def _most(kind: pa.DataType) -> int:
    return int((1 << (kind.bit_width - (1 if pa.types.is_signed_integer(kind) else 0))) - 1)


def _least(kind: pa.DataType) -> int:
    return -(1 << (kind.bit_width - 1)) if pa.types.is_signed_integer(kind) else 0
