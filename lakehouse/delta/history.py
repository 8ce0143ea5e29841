"""A table's commits, read from its log by version.

delta-rs' own ``history()`` lists the newest commits of the log and numbers them downwards from the version
at which the table was opened. At an older version, or where another writer commits meanwhile, its numbers
are wrong. Here each commit is read from the log file of its version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakehouse.delta.commit import list_commits, read_info
from lakehouse.delta.commit_note import CommitNote, NotedVersion
from lakehouse.delta.store.table_folder import table_folder, table_store

if TYPE_CHECKING:
    from deltalake import DeltaTable

_TICK = timedelta(milliseconds=1)  # of a log's clock
_APART = 50 * _TICK  # commits further apart are not moved into each other


def commit_at(uri: str, version: int, storage_options: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the ``commitInfo`` of one version of a table, reading that commit alone.

    Raises:
        FileNotFoundError: If the version is not in the log.
    """
    return read_info(table_folder(uri, storage_options), version)


def history(table: DeltaTable, limit: int | None = None, newest: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield the ``commitInfo`` of each commit with its ``version``, newest first.

    Versions whose log files are gone (a vacuum) are left out.

    Args:
        table: The table.
        limit: How many versions to read; by default all.
        newest: Version from which to go back; by default the one at which the table was opened.
    """
    store = table_store(table)
    newest = int(table.version()) if newest is None else newest
    oldest = 0 if limit is None else max(0, newest - limit + 1)
    versions = iter(range(newest, oldest - 1, -1))
    for version in versions:
        try:
            yield read_info(store, version)
        except FileNotFoundError:
            versions = reversed([number for number in list_commits(store) if oldest <= number < version])
            break
    for version in versions:
        yield read_info(store, version)


def commits_with_notes(
    table: DeltaTable, limit: int | None = None, newest: int | None = None
) -> Iterator[tuple[int, datetime, CommitNote]]:
    """Yield (version, time, note) of the commits that carry a note, newest first; see `history`."""
    for commit in history(table, limit, newest):
        note = CommitNote.from_json(commit.get("userMetadata"))
        if note is not None:
            yield commit["version"], commit_time(commit), note


def newest_note(table: DeltaTable, version: int | None = None) -> NotedVersion | None:
    """Return the newest (version, note) up to a version, by default the one at which the table was opened."""
    return next((NotedVersion(found, note) for found, _, note in commits_with_notes(table, newest=version)), None)


def with_times(commits: Iterable[dict[str, Any]]) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield commits of a history, newest first, each with a time of its own.

    A commit whose clock is not ahead of the version before it counts as a millisecond later than that, as in Delta's
    own time travel, so that each version is found again by its time.
    """
    waiting: list[tuple[datetime, dict[str, Any]]] = []
    for commit in commits:
        made = commit_time(commit)
        if waiting and made + _APART < waiting[-1][0]:
            yield from _rising(waiting)
            waiting = []
        waiting.append((made, commit))
    yield from _rising(waiting)


def _rising(commits: list[tuple[datetime, dict[str, Any]]]) -> list[tuple[datetime, dict[str, Any]]]:
    """Return commits, newest first, with times of which each is later than that of the version before."""
    risen: list[tuple[datetime, dict[str, Any]]] = []
    for time, commit in reversed(commits):
        risen.append((max(time, risen[-1][0] + _TICK) if risen else time, commit))
    return risen[::-1]


def commit_time(commit: Mapping[str, Any]) -> datetime:
    """Return when a commit was made."""
    stamp = commit.get("inCommitTimestamp") or commit.get("timestamp") or 0
    return datetime.fromtimestamp(stamp / 1000, tz=UTC)


def input_versions(table: DeltaTable, version: int | None = None) -> Mapping[str, int]:
    """Return the version of each input that a table was made from, at a version of it."""
    noted = newest_note(table, version)
    return noted[1].inputs if noted else {}
