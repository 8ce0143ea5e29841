"""Make, continue and finish an export in a folder.

What is written first lies in a hidden work folder; when all shards are finished they are moved into place, and the
manifest last. A stop at any point leaves the folder as it was or, once the shards move, whole shards without a
manifest. The same request then goes on from the last finished shard, on the same snapshot.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakehouse.errors import ExportError, UsageError, unknown_table
from lakehouse.export import publish
from lakehouse.export.format import Dataset, Encoder, ExportedDataset, ExportFormat, Shard
from lakehouse.export.formats import load_format, resolve_options
from lakehouse.export.manifest import DatasetEntry, Manifest, read_manifest
from lakehouse.export.request import QUERY, Request
from lakehouse.export.rows import Rows, StoredRows, TableRows, is_stored, store_rows, table_rows
from lakehouse.export.shards import write_shards
from lakehouse.export.snapshot import Snapshot, require_snapshot, require_views, take_snapshot
from lakehouse.export.work_folder import Unfinished, WorkFolder
from lakehouse.ledger.releases import load_release
from lakehouse.project import Project
from lakehouse.query.connection import Connection, connect
from lakehouse.query.sql_guard import quoted

# Rows of a query that are in memory at a time, about: they may hold media.
_QUERY_ROWS = 2048

type _Source = TableRows | StoredRows | pa.RecordBatchReader


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export.

    Args:
        manifest: What it holds.
        unchanged: Whether it was there already, from the same request and snapshot.
        continued: Whether it went on from what an earlier attempt had written, on that attempt's snapshot.
    """

    manifest: Manifest
    unchanged: bool = False
    continued: bool = False


def export(project: Project, request: Request, folder: Path, *, force: bool = False) -> Exported:
    """Export rows into a folder, or continue an export that was stopped.

    Args:
        project: The project.
        request: What is exported; its lake and options are filled in from the project and the format.
        folder: Where to; it is made. Hidden files in it do not matter.
        force: Whether an earlier export, and files of the same names, are replaced: when all shards are finished.

    Raises:
        UsageError: If the request is contradictory.
        ExportError: If the folder is occupied, an unfinished export cannot go on, or the format cannot hold a column.
        TableNotFoundError: If a table is not there.
        QueryError: If the statement cannot be answered.
    """
    found = load_format(request.format)
    request = dataclasses.replace(
        request,
        lake=project.catalog.uri,
        options=resolve_options(found, request.options),
        tables=_tables(project, request),
    )
    if folder.exists() and not folder.is_dir():
        raise ExportError(f"{folder} is not a folder", "an export is a folder of files: choose another name")
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    work = WorkFolder(folder)
    try:
        return _Export(project, request, found, folder, work, force=force).run()
    except BaseException:
        if not work.has_progress():
            work.clear()
        raise
    finally:
        if not work.begun():
            work.remove()
            if made and not any(folder.iterdir()):
                folder.rmdir()
        work.release()


def _tables(project: Project, request: Request) -> tuple[str, ...]:
    if request.sql is not None:
        if request.tables:
            raise UsageError("both tables and a statement are given", "export one or the other")
        return ()
    if len(set(request.tables)) < len(request.tables):
        raise UsageError("a table is given twice", "name each once")
    if request.tables:
        return request.tables
    if request.at is None:
        raise UsageError("nothing is given to export", "name tables, --sql, or a release with --at")
    return tuple(sorted(load_release(project.catalog, request.at).tables))


class _Export:
    """One export: its parts share these values."""

    def __init__(
        self, project: Project, request: Request, found: ExportFormat, folder: Path, work: WorkFolder, *, force: bool
    ) -> None:
        self.project = project
        self.request = request
        self.format = found
        self.folder = folder
        self.work = work
        self.force = force
        self.names = (QUERY,) if request.sql is not None else request.tables

    def run(self) -> Exported:
        begun = self.work.read()
        if begun is not None and begun.request != self.request.as_dict():
            if not self.force:
                raise ExportError(
                    f"{self.folder} has an unfinished export of something else",
                    f"give that command again to finish it, delete {self.work.path}, or replace it with --force",
                )
            begun = None
        state = self.work.publishing()
        if begun is not None and state is not None:
            return Exported(publish.finish(self.work, self.folder, state), continued=True)
        continued = begun is not None
        if begun is not None:
            require_snapshot(self.project, begun.snapshot, str(self.work.path))
        with connect(self.project, self.request.at, begun.snapshot.tables if begun else None) as connection:
            bound = self._bind(connection, stored=begun is not None)
            statements = [self._statement(name) for name in self.names]
            if begun is not None:
                require_views(connection, statements, begun.snapshot, str(self.work.path))
            else:
                snapshot = take_snapshot(self.project, connection, statements)
                if (there := self._there(snapshot)) is not None:
                    return Exported(there, unchanged=True)
            sources = [self._source(name, source, begun.snapshot if begun else snapshot) for name, source in bound]
            datasets = [self._dataset(name, source.schema) for name, source in zip(self.names, sources, strict=True)]
            encoders = [self.format.encoder(dataset, self.request.options) for dataset in datasets]
            if begun is None:
                begun = self.work.begin(self.request, snapshot, self._replaced(state))
            limits = self.request.shard_bytes, self.request.shard_rows
            try:
                shards = [
                    write_shards(self._rows(connection, index, source), encoder, self.work, index, limits)
                    for index, (source, encoder) in enumerate(zip(sources, encoders, strict=True))
                ]
                manifest, moves = self._manifest(begun, datasets, encoders, shards)
            except ExportError:
                # The rows do not suit the request: only another request can be finished.
                self.work.clear()
                raise
        others = sorted(set(publish.occupied(self.folder, list(moves))) - set(begun.replaced))
        if others and not self.force:
            raise ExportError(f"{self.folder / others[0]} exists", "move it away, or replace it with --force")
        state = publish.begin(self.work, manifest, moves, begun.replaced)
        return Exported(publish.finish(self.work, self.folder, state), continued=continued)

    def _statement(self, name: str) -> str:
        return self.request.sql if self.request.sql is not None else f"SELECT * FROM {quoted(name)}"  # noqa: S608 - quoted

    def _bind(self, connection: Connection, *, stored: bool) -> list[tuple[str, _Source]]:
        """Open all tables that are read; `stored` tells that the rows of a query may be on disk already."""
        bound: list[tuple[str, _Source]] = []
        for index, name in enumerate(self.names):
            if stored and is_stored(folder := self.work.rows_folder(index)):
                bound.append((name, StoredRows(folder)))
            elif self.request.sql is not None:
                bound.append((name, connection.reader(self.request.sql, batch_rows=_QUERY_ROWS)))
            else:
                known = {*self.project.catalog.names(), *self.project.registry.tables, *connection.views()}
                if name not in known:
                    raise unknown_table(name, known)
                if name not in connection.views():
                    self.project.catalog.open(name)  # SQL takes what was never written for an empty table
                bound.append((name, connection.reader(f"{self._statement(name)} LIMIT 0")))
        return bound

    def _source(self, name: str, source: _Source, snapshot: Snapshot) -> _Source:
        """Return a table's rows where they can be read from its files, else what `_bind` found."""
        if self.request.sql is None and name in snapshot.tables and not isinstance(source, StoredRows):
            return table_rows(self.project.catalog.open(name, snapshot.tables[name]), name) or source
        return source

    def _dataset(self, name: str, schema: pa.Schema) -> Dataset:
        twice = next((column for column in schema.names if schema.names.count(column) > 1), None)
        if twice is not None:
            raise ExportError(f"two columns are called {twice!r}", "rename one with AS")
        contract = None if self.request.sql is not None else self.project.registry.tables.get(name)
        return Dataset(name, schema, contract, alone=len(self.names) == 1)

    def _rows(self, connection: Connection, index: int, source: _Source) -> Rows:
        if not isinstance(source, pa.RecordBatchReader):
            return source
        if self.request.sql is None:
            source = connection.reader(self._statement(self.names[index]), batch_rows=_QUERY_ROWS)
        folder = self.work.rows_folder(index)
        store_rows(source, folder)
        return StoredRows(folder)

    def _there(self, snapshot: Snapshot) -> Manifest | None:
        """Return the manifest of the same export of the same snapshot, if the folder has it; refuse another one.

        Raises:
            ExportError: If the folder has another export or other files, and `force` is not set.
        """
        if self.force:
            read_manifest(self.folder)  # refuses what is no manifest
            return None
        manifest = read_manifest(self.folder)
        if manifest is not None:
            if manifest.request == self.request.as_dict() and manifest.snapshot == snapshot.as_dict():
                return manifest
            raise ExportError(
                f"{self.folder} has another export, of {manifest.created_at}",
                "replace it with --force, or take another folder",
            )
        if any(not entry.name.startswith(".") for entry in self.folder.iterdir()):
            raise ExportError(
                f"{self.folder} is not empty",
                "take another folder, or give --force: files of the same names are replaced, others stay",
            )
        return None

    def _replaced(self, state: Mapping[str, Any] | None) -> list[str]:
        """Return the files of the export that is replaced, and of one whose files were being moved into place."""
        manifest = read_manifest(self.folder)
        old = {file.path for file in manifest.files} if manifest else set()
        return sorted(old.union(state["moves"], state["replaced"]) if state else old)

    def _manifest(
        self,
        begun: Unfinished,
        datasets: Sequence[Dataset],
        encoders: Sequence[Encoder],
        shards: Sequence[Sequence[Shard]],
    ) -> tuple[Manifest, dict[str, str]]:
        """Return the manifest, and names in the work folder by final names; the format's further files are written."""
        moves: dict[str, str] = {}
        named: list[ExportedDataset] = []
        for dataset, encoder, found in zip(datasets, encoders, shards, strict=True):
            prefix = "" if dataset.alone else f"{dataset.name}/"
            final: list[Shard] = []
            for index, shard in enumerate(found):
                stem = prefix + encoder.stem(index, len(found))
                paths = [stem + suffix for suffix in encoder.suffixes]
                moves |= {path: file.path for path, file in zip(paths, shard.files, strict=True)}
                files = tuple(
                    dataclasses.replace(file, path=path) for path, file in zip(paths, shard.files, strict=True)
                )
                final.append(dataclasses.replace(shard, files=files))
            named.append(ExportedDataset(dataset, tuple(final)))
        origin = {"request": self.request.as_dict(), "snapshot": begun.snapshot.as_dict()}
        extra = self.format.extra_files(named, self.request.options, origin)
        extra_files, extra_moves = publish.prepare(self.work, extra)
        entries = [
            DatasetEntry(
                one.dataset.name,
                one.rows,
                {field.name: str(field.type) for field in one.dataset.schema},
                encoder.rules,
                one.shards,
            )
            for one, encoder in zip(named, encoders, strict=True)
        ]
        manifest = Manifest(
            self.request.as_dict(),
            begun.snapshot.as_dict(),
            tuple(entries),
            tuple(extra_files),
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        moves |= extra_moves
        return manifest, moves
