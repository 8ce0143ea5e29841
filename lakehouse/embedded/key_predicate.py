"""Name rows of a table by their keys, in a condition that delta-rs evaluates and states in the table's log.

A log is read by more people than a table's rows, and outlives them: it states digests of the keys, never the keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

DIGITS = 40


def predicate_of_digests(keys: Sequence[str], digests: Iterable[str]) -> str:
    """Return the condition, in DataFusion's dialect, under which the digest of a row's key is among some.

    Args:
        keys: The key's columns, of texts.
        digests: The first `DIGITS` hex digits of the SHA-256 of each value, joined by colons; ``-`` for a null. From
            some 20,000 on delta-rs overflows its stack.
    """
    parts = [
        f"CASE WHEN \"{key}\" IS NULL THEN '-' ELSE "
        f"substr(encode(sha256(cast(\"{key}\" AS varchar)), 'hex'), 1, {DIGITS}) END"
        for key in keys
    ]
    listed = ", ".join(f"'{digest}'" for digest in sorted(set(digests)))
    return f"concat_ws(':', {', '.join(parts)}) IN ({listed})" if listed else "false"
