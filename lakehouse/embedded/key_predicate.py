"""Name rows of a table by their keys, in a condition that delta-rs evaluates and states in the table's log.

A log is read by more people than a table's rows, and outlives them: it states digests of the keys, never the keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

_DIGITS = 40


def predicate_of(keys: Sequence[str], rows: Iterable[tuple[object, ...]]) -> str:
    """Return the condition, in DataFusion's dialect, under which a row's key is among some.

    Args:
        keys: The key's columns: texts or integers.
        rows: The keys; a null equals a null.
    """
    parts = [
        f"CASE WHEN \"{key}\" IS NULL THEN '-' ELSE "
        f"substr(encode(sha256(cast(\"{key}\" AS varchar)), 'hex'), 1, {_DIGITS}) END"
        for key in keys
    ]
    digests = ", ".join(f"'{digest}'" for digest in sorted({_digest(row) for row in rows}))
    return f"concat_ws(':', {', '.join(parts)}) IN ({digests})"


def _digest(row: tuple[object, ...]) -> str:
    return ":".join(
        "-" if value is None else hashlib.sha256(str(value).encode()).hexdigest()[:_DIGITS] for value in row
    )
