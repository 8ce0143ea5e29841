"""Find the version at which a table's rows last changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.delta.commit import Commit, read_info
from lakehouse.delta.commit_note import CommitNote, NotedVersion
from lakehouse.delta.log import Log, log_of
from lakehouse.delta.store.table_folder import table_store

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Commits that move rows between files or change properties, and leave the rows as they were.
_MAINTENANCE = re.compile(r"^(OPTIMIZE|VACUUM.*|SET TBLPROPERTIES|UNSET TBLPROPERTIES|ADD FEATURE|UPGRADE PROTOCOL)$")


@dataclass(frozen=True, slots=True)
class DataVersion:
    """The newest note and the last change of rows among a table's commits.

    Args:
        note: The newest (version, note), None where no flow wrote the table.
        changed: Version of the last commit that changed rows, by a flow or by anything else.
        external_writes: Commits without a note that changed rows since the newest note, or since the version that its
            rows were compared with, newest first. The note does not cover their rows.
    """

    note: NotedVersion | None
    changed: int
    external_writes: tuple[Commit, ...] = ()


def read_data_version(log: Log) -> DataVersion:
    """Read a table's commits back to its newest note and its last change of rows.

    A commit with a note changed rows where the note says so. Another one did where it added or removed data files
    other than to move rows (compaction), so that maintenance by any tool is not a change.
    """
    note: NotedVersion | None = None
    changed: int | None = None
    external_writes: list[Commit] = []
    oldest = log.version
    for commit in log.commits():
        oldest = commit.version
        commit_note = CommitNote.from_json(commit.info.get("userMetadata"))
        if note is not None and changed is not None and oldest <= note.note.base_version:
            break
        if commit_note is None:
            if commit.changes and (note is None or 0 <= note.note.base_version < oldest):
                external_writes.append(commit)
        elif note is None:
            note = NotedVersion(oldest, commit_note)
        if changed is None and (commit.changes if commit_note is None else commit_note.changed):
            changed = oldest
        if note is not None and changed is not None and not 0 <= note.note.base_version < oldest - 1:
            break
    # Where the log does not reach back to the last change, that was before its oldest commit.
    return DataVersion(note, max(oldest - 1, 0) if changed is None else changed, tuple(external_writes))


def changed_version(table: DeltaTable) -> int:
    """Return the version of the last commit that changed rows; see `read_data_version`."""
    return read_data_version(log_of(table)).changed


def leaves_rows(commit: dict[str, Any]) -> bool:
    """Whether a commit changed no rows: maintenance, or a flow that found nothing to change."""
    note = CommitNote.from_json(commit.get("userMetadata"))
    return not note.changed if note is not None else bool(_MAINTENANCE.match(str(commit.get("operation", ""))))


def newest_with_same_rows(table: DeltaTable, version: int) -> int:
    """Return the newest version, up to the table's own, with the same rows as an older one."""
    store = table_store(table)
    for later in range(version + 1, int(table.version()) + 1):
        try:
            if not leaves_rows(read_info(store, later)):
                return later - 1
        except FileNotFoundError:
            return later - 1
    return int(table.version())
