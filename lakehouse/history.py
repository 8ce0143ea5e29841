"""A table's commits, read from its log by version.

delta-rs' own ``history()`` lists the newest commits of the log and numbers them downwards from the version
at which the table was opened. At an older version, or where another writer commits meanwhile, its numbers
name the wrong commits. Here each commit is read from the log file of its version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.fs as pafs

from lakehouse.log import Commit, Log, table_folder
from lakehouse.note import Note

if TYPE_CHECKING:
    from deltalake import DeltaTable

_FIRST = 1 << 16
# Commits that move rows between files or change properties, and leave the rows as they were.
_MAINTENANCE = re.compile(r"^(OPTIMIZE|VACUUM.*|SET TBLPROPERTIES|UNSET TBLPROPERTIES|ADD FEATURE|UPGRADE PROTOCOL)$")


def table_store(table: DeltaTable) -> pafs.FileSystem:
    """Return the file system whose root is the table's folder."""
    return table_folder(table.table_uri, getattr(table, "_storage_options", None))


def commit_at(uri: str, version: int, storage_options: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the ``commitInfo`` of one version of a table, reading that commit alone.

    Raises:
        FileNotFoundError: If the log does not hold the version.
    """
    return _commit(table_folder(uri, storage_options), version)


def history(table: DeltaTable, limit: int | None = None, newest: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the ``commitInfo`` of each commit with its ``version``, newest first.

    Versions whose log files are gone (a vacuum) are left out.

    Args:
        table: The table.
        limit: Versions to look at; by default all.
        newest: Version to look back from; by default the one at which the table was opened.
    """
    store = table_store(table)
    newest = int(table.version()) if newest is None else newest
    oldest = 0 if limit is None else max(0, newest - limit + 1)
    wanted = iter(range(newest, oldest - 1, -1))
    for version in wanted:
        try:
            yield _commit(store, version)
        except FileNotFoundError:
            wanted = iter(sorted(_kept(store, oldest, version), reverse=True))
            break
    for version in wanted:
        yield _commit(store, version)


def noted(
    table: DeltaTable, limit: int | None = None, newest: int | None = None
) -> Iterator[tuple[int, datetime, Note]]:
    """Yield (version, time, note) of the commits that carry a note, newest first; see `history`."""
    for commit in history(table, limit, newest):
        note = Note.from_json(commit.get("userMetadata"))
        if note is not None:
            yield commit["version"], commit_time(commit), note


def newest_note(table: DeltaTable, version: int | None = None) -> tuple[int, Note] | None:
    """Return the newest (version, note) up to a version, by default the one at which the table was opened."""
    return next(((found, note) for found, _, note in noted(table, newest=version)), None)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a table's commits tell of its rows.

    Args:
        note: The newest (version, note), None where no flow wrote the table.
        changed: Version of the last commit that changed rows, by a flow or by anything else.
        foreign: Commits that changed rows since the newest note, or since the version that its rows were compared
            with, and carry no note, newest first: the note does not speak for their rows.
    """

    note: tuple[int, Note] | None
    changed: int
    foreign: tuple[Commit, ...] = ()


def standing(log: Log) -> Standing:
    """Look back through a table's commits, as far as needed.

    A commit with a note changed rows where the note says so. Another one did where it added or removed data files
    otherwise than by moving rows (compaction), so that maintenance changes nothing, whoever does it.
    """
    note: tuple[int, Note] | None = None
    changed: int | None = None
    foreign: list[Commit] = []
    oldest = log.version
    for commit in log.commits():
        oldest = commit.version
        found = Note.from_json(commit.info.get("userMetadata"))
        if note is not None and changed is not None and oldest <= note[1].onto:
            break
        if found is None:
            if commit.changes and (note is None or 0 <= note[1].onto < oldest):
                foreign.append(commit)
        elif note is None:
            note = oldest, found
        if changed is None and (commit.changes if found is None else found.changed):
            changed = oldest
        if note is not None and changed is not None and not 0 <= note[1].onto < oldest - 1:
            break
    # Where the log does not reach back to the last change, that was before its oldest commit.
    return Standing(note, max(oldest - 1, 0) if changed is None else changed, tuple(foreign))


def changed_version(table: DeltaTable) -> int:
    """Return the version of the last commit that changed rows; see `standing`."""
    return standing(log_of(table)).changed


def log_of(table: DeltaTable) -> Log:
    """Return the log of an opened table, up to its version."""
    metadata = table.metadata()
    columns = tuple(item.name for item in table.schema().fields)
    return Log(
        int(table.version()), str(metadata.id), dict(metadata.configuration), table_store(table), columns=columns
    )


def leaves_rows(commit: dict[str, Any]) -> bool:
    """Whether a commit left all rows as they were: maintenance, or a flow that found nothing to change."""
    note = Note.from_json(commit.get("userMetadata"))
    return not note.changed if note is not None else bool(_MAINTENANCE.match(str(commit.get("operation", ""))))


def settled_version(table: DeltaTable, version: int) -> int:
    """Return the newest version, up to the table's own, that holds the same rows as an older one."""
    store = table_store(table)
    for later in range(version + 1, int(table.version()) + 1):
        try:
            if not leaves_rows(_commit(store, later)):
                return later - 1
        except FileNotFoundError:
            return later - 1
    return int(table.version())


def commit_time(commit: dict[str, Any]) -> datetime:
    """Return when a commit was made."""
    stamp = commit.get("inCommitTimestamp") or commit.get("timestamp") or 0
    return datetime.fromtimestamp(stamp / 1000, tz=UTC)


def _kept(store: pafs.FileSystem, oldest: int, below: int) -> Iterator[int]:
    for info in store.get_file_info(pafs.FileSelector("_delta_log", allow_not_found=True)):
        name, _, kind = info.base_name.partition(".")
        if kind == "json" and name.isdigit() and oldest <= int(name) < below:
            yield int(name)


def _commit(store: pafs.FileSystem, version: int) -> dict[str, Any]:
    """Read one commit's ``commitInfo``: mostly the first line of a file that may name thousands of files."""
    with store.open_input_file(f"_delta_log/{version:020d}.json") as file:
        head = file.read(_FIRST)
        line = head.partition(b"\n")[0]
        if len(line) == len(head) or not line.startswith(b'{"commitInfo"'):
            head += file.read()
            lines = (text for text in head.split(b"\n") if text.startswith(b'{"commitInfo"'))
            line = next(lines, b"")
    body: dict[str, Any] = json.loads(line)["commitInfo"] if line else {}
    return {**body, "version": version}
