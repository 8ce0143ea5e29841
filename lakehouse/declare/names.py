"""Names of tables and columns: letters of any script.

A name begins with a letter and continues with letters, their marks, digits and ``_``. It is in Unicode's
composed form (NFC), so that one name is one sequence of bytes in files, folders and logs. No invisible characters, no
joiners: a name that can be read can be typed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_RULE = "use letters, digits and _, and begin with a letter"


def name_problem(name: object) -> str | None:
    """Return what to do about a name that is not allowed, None for one that is.

    Examples:
        >>> name_problem("größe") is None
        True
        >>> name_problem("2nd")
        'use letters, digits and _, and begin with a letter'
    """
    if not isinstance(name, str) or not name:
        return _RULE
    if not unicodedata.is_normalized("NFC", name):
        return f"write it in Unicode's composed form (NFC): {unicodedata.normalize('NFC', name)!r}"
    kinds = [unicodedata.category(letter) for letter in name]
    if kinds[0][0] != "L" or not all(_goes_on(letter, kind) for letter, kind in zip(name, kinds, strict=True)):
        return _RULE
    return None


def table_name_problem(name: object) -> str | None:
    """Return what to do about a table's name that is not allowed: ``layer.plural_noun`` without capital letters."""
    parts = name.split(".") if isinstance(name, str) else []
    if len(parts) != 2 or not isinstance(name, str):
        return "use layer.plural_noun in lower case"
    for part in parts:
        if (problem := name_problem(part)) is not None:
            return problem
    return None if name == name.lower() else "use layer.plural_noun in lower case"


def folded(name: str) -> str:
    """Return what names have in common that differ in case alone, as Spark and Delta compare them: letter by letter."""
    return "".join(_lower(_upper(letter)) for letter in name)


def _upper(letter: str) -> str:
    return letter.upper() if len(letter.upper()) == 1 else letter


def _lower(letter: str) -> str:
    return letter.lower() if len(letter.lower()) == 1 else letter


def quote_name(name: str) -> str:
    """Return a name as an identifier of standard SQL, as DuckDB reads it."""
    return '"' + name.replace('"', '""') + '"'


def name_list(names: Iterable[str]) -> str:
    """Return names as Delta's properties list columns: one that is not ASCII is quoted in backticks.

    Without them neither writer reads the list, and delta-rs then states values of all columns.
    """
    return ",".join(name if name.isascii() else f"`{name}`" for name in names)


def listed_names(text: str) -> list[str]:
    """Return the names of such a list."""
    return [name.strip().strip("`") for name in text.split(",") if name.strip()]


def without_marks(text: str) -> str:
    """Return a text without the marks of its letters, which a regular expression takes for no letters."""
    return "".join(letter for letter in text if unicodedata.category(letter)[0] != "M")


def _goes_on(letter: str, kind: str) -> bool:
    return letter == "_" or kind[0] in "LM" or kind == "Nd"
