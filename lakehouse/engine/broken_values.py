"""Which values of a quarantined row broke a check."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.declare.check import Check
from lakehouse.declare.contract import Table
from lakehouse.declare.sql_flow import quiet_parser
from lakehouse.engine.rules import JOINED_BY, rule_names

_LONGEST = 60


def broken_values(table: Table, reason: str, row: str | None) -> str:
    """Return the columns of the checks that a reason names, with their values in the row; empty where it names none.

    Args:
        table: The contract.
        reason: The reason of a quarantined row.
        row: The row as JSON.

    >>> from lakehouse.declare.column import Column
    >>> import pyarrow as pa
    >>> check = Check("text is not empty", "length(text) > 0")
    >>> table = Table("a.b", "", [Column("text", pa.string(), "")], checks=[check])
    >>> broken_values(table, "text is not empty", '{"text": ""}')
    "text ''"
    """
    values: dict[str, Any] = json.loads(row) if row else {}
    by_name = {name.lower(): value for name, value in values.items()}
    names = dict.fromkeys(name for check in _checks(table, reason) for name in check_columns(check.sql))
    return ", ".join(f"{name} {shown(by_name[name.lower()])}" for name in names if name.lower() in by_name)


def describe_check(table: Table, reason: str) -> str:
    """Return the conditions of the checks that a reason names; empty where it names none."""
    return " and ".join(check.sql for check in _checks(table, reason))


def shown(value: object) -> str:
    """Return a value in a few characters, as SQL writes it.

    >>> shown(None), shown(True), shown("a" * 100)[:3]
    ('null', 'true', "'aa")
    """
    text = f"'{value}'" if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST - 1]}… ({len(text)} characters)"


@functools.lru_cache(maxsize=1024)
def check_columns(sql: str) -> tuple[str, ...]:
    """Return the columns that a condition names, in their order; none where it does not parse."""
    try:
        with quiet_parser():
            tree = sqlglot.parse_one(sql, dialect="spark")
    except (SqlglotError, RecursionError):
        return ()
    return tuple(dict.fromkeys(column.parts[0].name for column in tree.find_all(exp.Column, bfs=False)))


def rules_of(reason: str, names: Iterable[str]) -> list[str]:
    """Return the rules whose names are joined in a reason; none for a function's own. A name may contain the joint."""
    rules, rest = [], f"{JOINED_BY}{reason}{JOINED_BY}"
    for name in sorted(names, key=len, reverse=True):  # the longer first, which shorter ones may be parts of
        part = f"{JOINED_BY}{name}{JOINED_BY}"
        if part in rest:
            rules.append(name)
            rest = rest.replace(part, JOINED_BY, 1)
    return rules if rest == JOINED_BY else []


def _checks(table: Table, reason: str) -> list[Check]:
    rules = set(rules_of(reason, rule_names(table)))
    return [check for check in table.checks if check.name in rules]
