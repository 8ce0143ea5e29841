"""Fill ``ledger.runs`` from the commit notes, for SQL to read.

The notes are the record: an entry that a killed run left out is added by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pyarrow as pa

from lakehouse.declare.contract import is_ledger
from lakehouse.delta.append import append_rows
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.history import commit_time
from lakehouse.delta.retry import retry
from lakehouse.delta.scan import scan
from lakehouse.errors import CollisionError, LakeError, first_line
from lakehouse.ledger import tables

log = logging.getLogger("mixlake.lineage")

_RUNS_APP = "mixlake.runs"


def sync_runs(catalog: Catalog) -> int:
    """Append the commit notes that ``ledger.runs`` lacks; doing it twice adds nothing.

    Returns:
        How many entries were added.
    """

    def append() -> int | None:
        seen, done = _recorded(catalog)
        rows = pa.Table.from_pylist(_missing_runs(catalog, seen), schema=tables.runs.schema)
        if not rows.num_rows:
            return 0
        # Not appended where another process used the number meanwhile.
        append_rows(catalog, tables.runs, rows, app_id=_RUNS_APP, version=done + 1)
        return None if _missing_runs(catalog, _recorded(catalog)[0]) else rows.num_rows

    try:
        return retry(append, CollisionError("ledger.runs is incomplete: other writers committed first each time"))
    except CollisionError as error:
        log.warning("%s", error)
        return 0


def _recorded(catalog: Catalog) -> tuple[dict[str, int], int]:
    """Return the newest recorded version of each table, and the number of the last transaction."""
    if not catalog.has(tables.runs.name):
        return {}, 0
    opened = catalog.open(tables.runs.name)
    rows = pa.table(scan(opened, tables.runs.name).to_table(columns=["table", "version"]))
    newest = rows.group_by("table").aggregate([("version", "max")])
    versions = dict(zip(newest["table"].to_pylist(), newest["version_max"].to_pylist(), strict=True))
    return versions, int(opened.transaction_version(_RUNS_APP) or 0)


def _missing_runs(catalog: Catalog, seen: Mapping[str, int]) -> list[dict[str, Any]]:
    # Entries are added for all tables up to their latest version at once, so that none is missing below
    # the newest recorded one.
    def of(name: str) -> list[dict[str, Any]]:
        rows = []
        try:
            for commit in catalog.log(name).commits():
                if commit.version <= seen.get(name, -1):
                    break
                if note := CommitNote.from_json(commit.info.get("userMetadata")):
                    rows.append(_run_row(name, commit.version, commit_time(commit.info), note))
        except (LakeError, ValueError) as error:
            log.warning("ledger.runs lacks the commits of %s: %s", name, first_line(error))
            return []
        return rows

    with ThreadPoolExecutor(8) as pool:
        found = pool.map(of, [name for name in catalog.names() if not is_ledger(name)])
        return sorted((row for rows in found for row in rows), key=lambda row: (row["committed_at"], row["table"]))


def _run_row(name: str, version: int, at: datetime, note: CommitNote) -> dict[str, Any]:
    row: dict[str, Any] = {"table": name, "version": version, "committed_at": at}
    for column in tables.runs.columns:
        if column.name not in row:
            value = getattr(note, column.name)
            row[column.name] = list(value.items()) if isinstance(value, Mapping) else value
    return row
