"""What a policy found of a sample: for each rule that drops it the value that the rule judged, and what it allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from jobs.dialect import literal
from lakehouse.declare.relations import Dialect

FIELDS = ("rule", "column", "value", "text", "threshold")


def finding(rule: str, dialect: Dialect, column: str = "", value: str = "", threshold: str = "") -> str:
    """Return the SQL of one finding, a value of `schemas.samples.FINDING`.

    Args:
        rule: The rule.
        dialect: Dialect of the SQL.
        column: The column that it judges; empty where it judges none, as a rule about duplicates.
        value: SQL of the column as a number (`number`) or as a text (`text`), with its kind before it: ``value: ...``.
        threshold: What the rule allows, in words.
    """
    kind, _, sql = value.partition(": ")
    texts = {
        "rule": literal(rule, dialect),
        "column": literal(column, dialect) if column else "CAST(NULL AS STRING)",
        "value": sql if kind == "value" else "CAST(NULL AS DOUBLE)",
        "text": sql if kind == "text" else "CAST(NULL AS STRING)",
        "threshold": literal(threshold, dialect) if threshold else "CAST(NULL AS STRING)",
    }
    if dialect == "spark":
        return f"named_struct({', '.join(f"'{name}', {texts[name]}" for name in FIELDS)})"
    return f"{{{', '.join(f"'{name}': {texts[name]}" for name in FIELDS)}}}"


def judged_value(sql: str, kind: pa.DataType) -> str:
    """Return the SQL of a judged column for `finding`: numbers as float64, all else as text."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return f"value: CAST({sql} AS DOUBLE)"
    return f"text: CAST({sql} AS STRING)"


def threshold(body: Mapping[str, Any]) -> str:
    """Return what a rule allows, in words.

    >>> threshold({"min": 3, "max": 10}), threshold({"max": 0.5}), threshold({"not_in": ["NONE", ""]})
    ('3 to 10', 'at most 0.5', "none of NONE, ''")
    """
    words = []
    if "min" in body and "max" in body:
        words.append(f"{body['min']} to {body['max']}")
    elif "min" in body:
        words.append(f"at least {body['min']}")
    elif "max" in body:
        words.append(f"at most {body['max']}")
    if "is" in body:
        words.append("true" if body["is"] else "false")
    for key, before in (("in", "one of"), ("not_in", "none of")):
        if key in body:
            words.append(f"{before} {_listed(body[key])}")
    return " and ".join(words)


def _listed(value: object) -> str:
    items: Sequence[object] = value if isinstance(value, list) else [value]
    return ", ".join("''" if item == "" else str(item) for item in items)
