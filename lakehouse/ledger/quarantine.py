"""The attempts whose quarantined rows count.

A row counts once a commit note names its attempt. It is quarantined until the flow's next full run, or until the row
that it came from is processed again: an incremental run adds a mark (a row of ``ledger.quarantine`` whose ``row`` is
null) for each such origin, under its own attempt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.delta.history import commits_with_notes

if TYPE_CHECKING:
    from deltalake import DeltaTable

MARK = "processed again"


def attempts(table: DeltaTable) -> list[str]:
    """Return the attempts that count for a table, oldest first: those since its last full commit."""
    found = []
    for _, _, note in commits_with_notes(table):
        if note.quarantine:
            found.append(note.quarantine)
        if note.mode == "full" or not note.has_quarantined:
            break
    return found[::-1]
