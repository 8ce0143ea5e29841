"""What each argument of a flow's declaration may be."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Literal, get_args

from lakehouse.declare.contract import Table
from lakehouse.declare.names import without_marks
from lakehouse.declare.reads import Read
from lakehouse.errors import FlowError

FunctionKind = Literal["operator", "group", "relational", "landing", "frame"]
Refresh = Literal["full", "merge"]
Rows = Literal["any", "one-to-one"]
Surplus = Literal["fail", "drop"]

_ID = re.compile(r"[\w./:<>-]*")


def require_values(name: str, values: Mapping[str, Any], at: str) -> None:
    """Refuse an argument of another form than it must have.

    Args:
        name: The flow.
        values: The arguments, by name.
        at: Where it is declared.

    Raises:
        FlowError: If one is wrong; it says what it must be.
    """
    for key, value in values.items():
        expected, is_valid = _VALUES[key]
        if not is_valid(value):
            raise FlowError(f"{name}: {key} is {value!r}, which must be {expected}", f"correct {key}=", at)


def _is_number(value: object, kind: type | UnionType = int) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(without_marks(value)))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_function(value: object) -> bool:
    return value is None or callable(value)


def _are_reads(value: object) -> bool:
    """Whether each input is a table and the name of an argument."""
    return value is None or (
        isinstance(value, Mapping)
        and all(isinstance(key, str) and key.isidentifier() for key in value)
        and all(isinstance(item, Table | Read | str) for item in value.values())
    )


def _are_texts(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_is_text, value))


def _are_settings(value: object) -> bool:
    return value is None or (isinstance(value, Mapping) and all(map(_is_text, (*value, *value.values()))))


# The values that a declaration may have, in words and as a test.
_VALUES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "writes": ("a Table", lambda value: isinstance(value, Table)),
    "reads": ("a mapping of argument names to tables", _are_reads),
    "kind": (
        "'operator', 'group', 'relational', 'landing' or 'frame'",
        lambda value: value in get_args(FunctionKind),
    ),
    "params": ("a dataclass", lambda value: isinstance(value, type) and dataclasses.is_dataclass(value)),
    "refresh": ("'full' or 'merge'", lambda value: value in get_args(Refresh)),
    "surplus": ("'fail' or 'drop'", lambda value: value in get_args(Surplus)),
    "driving": ("the name of an input", _is_text),
    "source_key": ("the name of a column", lambda value: _is_text(value) and value != ""),
    "source_key_sql": ("a Spark SQL expression", _is_text),
    "rows": ("'any' or 'one-to-one'", lambda value: value is None or value in get_args(Rows)),
    "group_by": ("a list of columns", _are_texts),
    "group_mb": ("a whole number from 1", lambda value: _is_number(value) and value >= 1),
    "external": ("a function", _is_function),
    "batch_rows": ("a whole number from 1", lambda value: _is_number(value) and value >= 1),
    "batch_seconds": ("a number from 0", lambda value: _is_number(value, int | float) and value >= 0),
    "reject_tolerance": ("a number from 0 to 1", lambda value: _is_number(value, int | float) and 0 <= value <= 1),
    "models": ("a function", _is_function),
    "tags": ("a list of texts", _are_texts),
    # Blanks, commas, signs and = have a meaning in selections and in --param.
    "id": ("letters, digits and . _ - / :", _is_id),
    "spark": ("a mapping of texts to texts", _are_settings),
}
