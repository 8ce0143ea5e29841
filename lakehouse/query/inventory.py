"""List the tables of a lake, their sizes and their commits, from Delta logs alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Any

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.data_files import totals
from lakehouse.delta.history import history, with_times
from lakehouse.delta.table_errors import corrupt_log
from lakehouse.errors import MixlakeError, first_line
from lakehouse.project import Project
from lakehouse.query.table_names import open_named


def tables(catalog: Catalog) -> list[dict[str, Any]]:
    """Return one dictionary per table: name, uri, version, rows, bytes, updated (ISO 8601, UTC), error.

    The error is a text, empty for a table that can be read. Of one that cannot, version, rows and bytes are None.
    """
    names = catalog.names()
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda name: _summary(catalog, name), names))


def _summary(catalog: Catalog, name: str) -> dict[str, Any]:
    summary: dict[str, Any] = {"name": name, "uri": catalog.table_uri(name)}
    try:
        table = catalog.open(name)
        rows, size = totals(table)
        updated = next((_text(made) for made, _ in with_times(history(table, 1))), "")
    except MixlakeError as error:
        return {**summary, "version": None, "rows": None, "bytes": None, "updated": "", "error": str(error)}
    except (ValueError, OSError) as error:
        problem = str(corrupt_log(name, first_line(error)))
        return {**summary, "version": None, "rows": None, "bytes": None, "updated": "", "error": problem}
    return {
        **summary,
        "version": int(table.version()),
        "rows": rows,
        "bytes": size,
        "updated": updated,
        "error": "",
    }


def commits(project: Project, name: str, limit: int | None = None) -> list[dict[str, Any]]:
    """Return one dictionary per commit, newest first.

    Its keys are version, time, operation, flow, run_id, mode, changed, counts, inputs, digest and
    seconds; those that come from the commit note are empty where the commit carries none.
    """
    entries = []
    for made, entry in islice(with_times(history(open_named(project, name))), limit):
        note = CommitNote.from_json(entry.get("userMetadata"))
        entries.append(
            {
                "version": entry["version"],
                "time": _text(made),
                "operation": str(entry.get("operation", "")),
                "flow": note.flow if note else "",
                "run_id": note.run_id if note else "",
                "mode": note.mode if note else "",
                "changed": note.changed if note else None,
                "counts": dict(note.counts) if note else {},
                "reasons": dict(note.reasons) if note else {},
                "inputs": dict(note.inputs) if note else {},
                "digest": note.digest if note else "",
                "seconds": note.seconds if note else None,
            }
        )
    return entries


def _text(made: datetime) -> str:
    return made.isoformat(timespec="milliseconds")
