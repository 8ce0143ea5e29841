"""Compare ``ledger.edges`` with the tables, by the ends of their logs alone."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from lakehouse.declare.contract import is_ledger
from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.data_files import files
from lakehouse.delta.data_version import read_data_version
from lakehouse.delta.file_actions import read_file_actions
from lakehouse.delta.history import newest_note
from lakehouse.delta.log import Log
from lakehouse.delta.schema_drift import fits
from lakehouse.delta.table_errors import corrupt_log
from lakehouse.ledger import tables as ledger
from lakehouse.project import Project

if TYPE_CHECKING:
    from deltalake import DeltaTable


FLOW = "mixlake.edges"
# Format of entries and levels. The index is rebuilt where this, or the contract's columns, changes.
FORMAT = "1"


@dataclass(frozen=True)
class IndexState:
    """The lineage tables as they are now, and what ``ledger.edges`` has of them.

    Args:
        tables: The tables with mixlake's ``sample_id``, each with the end of its log.
        columns: Names of mixlake's columns in each of them.
        edges: ``ledger.edges``, None where it was never written or has another contract.
        note: The note of its last commit.
        changed: Tables whose rows changed since, from the version in `note` on.
        unknown: Tables of which it has nothing, or rows of another table in the same place.
        gone: Tables of which it has rows and that no longer exist, or that were replaced by another.
    """

    tables: Mapping[str, Log]
    columns: Mapping[str, frozenset[str]]
    edges: DeltaTable | None
    note: CommitNote | None
    changed: frozenset[str]
    unknown: frozenset[str]
    gone: frozenset[str]

    @property
    def current(self) -> bool:
        """Whether the index has all rows of the latest versions."""
        return self.edges is not None and not (self.changed or self.unknown or self.gone)

    @property
    def versions(self) -> dict[str, int]:
        """Version of each lineage table."""
        return {name: log.version for name, log in self.tables.items()}

    @property
    def ids(self) -> dict[str, str]:
        """Delta's identity of each lineage table."""
        return {name: log.identity for name, log in self.tables.items()}


def index_state(project: Project) -> IndexState:
    """Compare ``ledger.edges`` with the tables."""
    catalog = project.catalog
    with ThreadPoolExecutor(8) as pool:
        names = [name for name in catalog.names() if not is_ledger(name)]
        logs = dict(zip(names, pool.map(catalog.log, names), strict=True))
        columns = {name: project.lineage_columns(name, log.types) for name, log in logs.items()}
        columns = {name: own for name, own in columns.items() if SAMPLE_ID in own}
        tables = {name: logs[name] for name in columns}
        edges, note = _index(catalog)
        if note is None:
            return IndexState(tables, columns, None, None, frozenset(), frozenset(tables), frozenset())
        same = [name for name, log in tables.items() if _same(log, note.ids.get(name), note.inputs.get(name))]
        moved = pool.map(lambda name: _changed(name, tables[name], note.inputs[name]), same)
        changed = frozenset(name for name, has in zip(same, moved, strict=True) if has)
    unknown = frozenset(tables) - frozenset(same)
    return IndexState(tables, columns, edges, note, changed, unknown, frozenset(note.inputs) - frozenset(same))


def bytes_behind(catalog: Catalog, state: IndexState) -> int:
    """Return the bytes of the files that a sync reads: of changed tables those of the commits since, else all."""
    sizes = [files(catalog.open(name)).column("size_bytes") for name in state.unknown]
    for name in state.changed:
        log, since = state.tables[name], state.note.inputs[name] + 1 if state.note else 0
        try:
            sizes.append(read_file_actions(log.store, range(since, log.version + 1)).column("size"))
        except FileNotFoundError:
            sizes.append(files(catalog.open(name)).column("size_bytes"))
    return sum(int(pc.sum(size).as_py() or 0) for size in sizes)


def _index(catalog: Catalog) -> tuple[DeltaTable | None, CommitNote | None]:
    """Return ``ledger.edges`` with the note of its last commit, where it can be used."""
    if not catalog.has(ledger.edges.name):
        return None, None
    opened = catalog.open(ledger.edges.name)
    newest = newest_note(opened)
    if newest is None or newest.note.code != FORMAT or not fits(opened, ledger.edges):
        return None, None
    return opened, newest.note


def _same(log: Log, identity: str | None, version: int | None) -> bool:
    """Whether a table is the one that was read, and not older (restored from elsewhere) than it was then."""
    return identity == log.identity and version is not None and log.version >= version


def _changed(name: str, log: Log, since: int) -> bool:
    """Whether a commit after a version changed rows."""
    try:
        return log.version > since and read_data_version(log).changed > since
    except ValueError as error:
        raise corrupt_log(name, error) from None
