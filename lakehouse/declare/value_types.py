"""Check values of users' YAML against declared Python types, and describe these types in plain words.

Checked are plain types: numbers, texts, ``bool``, ``None``, sequences and mappings, ``Literal``, and unions of these.
A value of any other type is not checked.
"""

from __future__ import annotations

import os
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Literal, Union

_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
_ONE = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "nothing"}
_MANY = {int: "whole numbers", float: "numbers", bool: "true or false", str: "texts"}
_SEQUENCES = {tuple, list, Sequence, Iterable}


def declared_types(params: type[Any]) -> Mapping[str, Any]:
    """Return the type of each field of a dataclass, none where one of them is a name that is not known when it runs."""
    try:
        return typing.get_type_hints(params)
    except (NameError, TypeError, AttributeError, SyntaxError):
        return {}


def matches_type(value: Any, expected: Any) -> bool:  # noqa: PLR0911 - one a kind of type
    """Whether a value is of a type; a whole number is a number, and ``True`` is not."""
    origin, inner = typing.get_origin(expected) or expected, typing.get_args(expected)
    if origin in {Union, types.UnionType}:
        return any(matches_type(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin in _SEQUENCES:
        if not isinstance(value, tuple | list):
            return False
        if origin is tuple and inner and inner[-1] is not Ellipsis:
            return len(value) == len(inner) and all(map(matches_type, value, inner))
        return not inner or all(matches_type(item, inner[0]) for item in value)
    if origin in {dict, Mapping}:
        return isinstance(value, Mapping)
    if origin in {int, float}:
        return isinstance(value, int if origin is int else int | float) and not isinstance(value, bool)
    if origin is str:
        return isinstance(value, str | os.PathLike)
    return isinstance(value, origin) if origin in {bool, type(None)} else True


def describe_type(expected: Any) -> str:
    """Return a type in plain words, such as "a list of texts"."""
    origin, inner = typing.get_origin(expected) or expected, typing.get_args(expected)
    if origin in {Union, types.UnionType}:
        return " or ".join(describe_type(one) for one in inner)
    if origin is Literal:
        return " or ".join(repr(one) for one in inner)
    if origin in _SEQUENCES:
        same = len({one for one in inner if one is not Ellipsis}) == 1
        return f"a list of {_MANY.get(inner[0], 'mappings')}" if same and inner[0] is not Any else "a list"
    if origin in {dict, Mapping}:
        return "a mapping"
    return _ONE.get(origin, str(expected))


def fix_of(value: Any) -> str:
    """Return how to write a value that YAML read as an unintended type, empty where that is not the reason."""
    if isinstance(value, date):
        return f"put it in quotes: '{value.isoformat()}'"
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return "YAML takes it for a text: write 1.0e-3 or 1.0e+6, with a point and a sign"
    return ""
