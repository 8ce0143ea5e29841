"""From commit notes to ``ledger.runs``, for SQL to read.

The notes are the record; the table is filled from them, so that an entry which a kill left out is added
the next time.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lakehouse import ledger
from lakehouse.history import noted
from lakehouse.note import Note
from lakehouse.query import connect

if TYPE_CHECKING:
    from lakehouse.lake import Lake

log = logging.getLogger("mixlake.lineage")

_RUNS_APP = "mixlake.runs"
_ATTEMPTS = 20
_LEDGER = {table.name for table in ledger.TABLES}


def sync_runs(lake: Lake) -> int:
    """Append to ``ledger.runs`` what the commit notes tell and it lacks; doing it twice adds nothing.

    Returns:
        How many entries were added.
    """
    from lakehouse.commit import append_rows

    for _ in range(_ATTEMPTS):
        seen, done = _recorded(lake)
        rows = _missing_runs(lake, seen)
        if not rows:
            return 0
        # A number that another process used meanwhile is skipped; then look again at what is missing.
        append_rows(
            lake.uri,
            ledger.runs,
            pa.Table.from_pylist(rows, schema=ledger.runs.schema),
            app_id=_RUNS_APP,
            version=done + 1,
            storage_options=lake.storage_options,
        )
        if not _missing_runs(lake, _recorded(lake)[0]):
            return len(rows)
    log.warning("ledger.runs is still incomplete, other writers kept winning")
    return 0


def _recorded(lake: Lake) -> tuple[dict[str, int], int]:
    """Return the newest recorded version of each table, and the number of the last transaction."""
    if not lake.has(ledger.runs.name):
        return {}, 0
    opened = lake.open(ledger.runs.name)
    with connect(lake, tables={ledger.runs.name: int(opened.version())}, threads=1) as connection:
        found = connection.rows('SELECT "table" AS name, max(version) AS version FROM ledger.runs GROUP BY ALL')
    return {row["name"]: row["version"] for row in found}, int(opened.transaction_version(_RUNS_APP) or 0)


def _missing_runs(lake: Lake, seen: Mapping[str, int]) -> list[dict[str, Any]]:
    # Entries are added for all tables up to their latest version at once, so that none is missing below
    # the newest recorded one.
    def of(name: str) -> list[dict[str, Any]]:
        opened = lake.open(name)
        new = int(opened.version()) - seen.get(name, -1)
        if new <= 0:
            return []
        return [
            _run_row(name, version, at, note)
            for version, at, note in noted(opened, new)
            if version > seen.get(name, -1)
        ]

    with ThreadPoolExecutor(8) as pool:
        found = pool.map(of, [name for name in lake.names() if name not in _LEDGER])
        return sorted((row for rows in found for row in rows), key=lambda row: (row["committed_at"], row["table"]))


def _run_row(name: str, version: int, at: datetime, note: Note) -> dict[str, Any]:
    return {
        "run_id": note.run_id,
        "flow": note.flow,
        "table": name,
        "version": version,
        "committed_at": at,
        "mode": note.mode,
        "changed": note.changed,
        "code": note.code,
        "params": note.params,
        "contract": note.contract,
        "inputs": list(note.inputs.items()),
        "counts": list(note.counts.items()),
        "quarantine": note.quarantine,
        "digest": note.digest,
        "seconds": float(note.seconds),
        "phases": list(note.phases.items()),
    }
