"""What the lake holds: its tables, their sizes and their commits, read from Delta logs alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.errors import TableNotFoundError, UsageError
from lakehouse.history import commit_time, history
from lakehouse.note import Note

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakehouse.lake import Lake


def tables(lake: Lake) -> list[dict[str, Any]]:
    """Return one dictionary a table: name, uri, version, rows, bytes, updated (ISO 8601, UTC)."""
    names = lake.names()
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda name: _summary(lake, name), names))


def _summary(lake: Lake, name: str) -> dict[str, Any]:
    table = lake.open(name)
    rows, size = totals(table)
    updated = next((_time(commit) for commit in history(table, 1)), "")
    return {
        "name": name,
        "uri": lake.table_uri(name),
        "version": int(table.version()),
        "rows": rows,
        "bytes": size,
        "updated": updated,
    }


def files(table: DeltaTable) -> pa.Table:
    """Return the data files of a table at its version.

    Returns:
        One row a file, sorted by path: path string, size_bytes int64, num_records int64 (null where
        the writer left none).
    """
    actions = pa.table(table.get_add_actions(flatten=True))
    number = pa.nulls(actions.num_rows, pa.int64())
    records = actions.column("num_records") if "num_records" in actions.column_names else number
    found = pa.table(
        {
            "path": actions.column("path").cast(pa.string()),
            "size_bytes": actions.column("size_bytes").cast(pa.int64()),
            "num_records": records.cast(pa.int64()),
        }
    )
    return found.sort_by("path")


def totals(table: DeltaTable) -> tuple[int, int]:
    """Return the rows and the bytes of a table at its version.

    Rows come from the log where every file states them and none has deletions, else they are counted.
    """
    found = files(table)
    size = int(pc.sum(found.column("size_bytes")).as_py() or 0)
    features = table.protocol().reader_features or []
    if found.column("num_records").null_count or "deletionVectors" in features:
        return int(table.count()), size
    return int(pc.sum(found.column("num_records")).as_py() or 0), size


def commits(lake: Lake, name: str, limit: int | None = None) -> list[dict[str, Any]]:
    """Return one dictionary a commit, newest first.

    Its keys are version, time, operation, flow, run_id, mode, changed, counts, inputs, digest and
    seconds; those that come from the commit note are empty where the commit carries none.
    """
    found = []
    for entry in history(open_named(lake, name), limit):
        note = Note.from_json(entry.get("userMetadata"))
        found.append(
            {
                "version": entry["version"],
                "time": _time(entry),
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
    return found


def parse_table(text: str) -> tuple[str, int | None]:
    """Split ``TABLE@VERSION``.

    Raises:
        UsageError: If the version is no whole number.
    """
    name, at, version = text.partition("@")
    if not at:
        return name, None
    if not version.isdigit():
        raise UsageError(f"{version!r} is no version", f"write {name}@3")
    return name, int(version)


def unknown_table(name: str, known: Iterable[str], hint: str = "mixlake tables lists them") -> TableNotFoundError:
    """Return the error for a table that is neither there nor declared, naming the nearest ones."""
    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    last = name.rpartition(".")[2]
    near += [other for other in known if other.rpartition(".")[2] == last and other not in near]
    told = f"did you mean {', '.join(near[:3])}?" if near else hint
    return TableNotFoundError(f"there is no table or view {name}", told)


def refuse_view(lake: Lake, name: str, rows: int = 10) -> None:
    """Raise the error for a view where a table is meant.

    Raises:
        UsageError: If the name is a view's.
    """
    if any(path.stem == name for path in lake.registry.views):
        raise UsageError(f"{name} is a view", f'ask it by SQL: mixlake sql "FROM {name} LIMIT {rows}"')


def open_named(lake: Lake, name: str) -> DeltaTable:
    """Open a table that a person has named.

    Raises:
        TableNotFoundError: If it was never written; names like it are told where it is not declared either.
        UsageError: If it is a view.
        LakeError: If it cannot be read.
    """
    try:
        return lake.open(name)
    except TableNotFoundError:
        refuse_view(lake, name)
        known = {*lake.registry.tables, *lake.names()}
        if "." not in name or name in known:
            raise
        raise unknown_table(name, known) from None


def _time(commit: dict[str, Any]) -> str:
    return commit_time(commit).isoformat(timespec="milliseconds")
