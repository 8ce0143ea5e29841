"""Compare two releases: rows by table, and the project's measures.

Rows of data files that both versions of a table hold are equal, so that only the other files are read.

A measure is a view of the layer ``measures`` (``sql/views/measures.NAME.sql``): its last column is a number, the
columns before it say what is measured. Each is evaluated at both releases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from lakehouse.declare.lineage_columns import RUN_ID
from lakehouse.delta import arrow_dataset as pads
from lakehouse.delta.damaged_file import damaged_file, unreadable_file
from lakehouse.delta.data_files import decoded, files, totals
from lakehouse.delta.history import newest_note
from lakehouse.delta.log import types_of
from lakehouse.delta.scan import scan
from lakehouse.errors import LakeError, QueryError, ReleaseError, TableNotFoundError, first_line
from lakehouse.ledger.releases import Release, load_release
from lakehouse.project import Project
from lakehouse.query.connection import connect
from lakehouse.query.row_diff import RowCounts, count_differences
from lakehouse.query.sql_guard import literal, quoted
from lakehouse.scratch_folder import scratch_folder

if TYPE_CHECKING:
    from deltalake import DeltaTable


LAYER = "measures."


@dataclass(frozen=True, slots=True)
class TableDiff:
    """How a table differs between two releases.

    Args:
        table: The table.
        status: same, changed, added or removed.
        versions: Its version before and after, None where a release lacks it.
        rows: Its rows before and after, None where a release lacks it.
        added: Rows that are only in the later one.
        removed: Rows that are only in the earlier one.
        changed: Rows of one key that differ; 0 where the table has no key.
    """

    table: str
    status: str
    versions: tuple[int | None, int | None]
    rows: tuple[int | None, int | None]
    added: int = 0
    removed: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class MeasureDiff:
    """How a measure differs between two releases.

    Args:
        measure: Name of the view, without its layer.
        columns: Names of the columns that say what is measured.
        value: Name of the number.
        rows: One entry of a group: its columns, before and after, the latter None where a release lacks it.
        missing: Why it could not be measured at one of the releases, empty where it could.
    """

    measure: str
    columns: tuple[str, ...]
    value: str
    rows: tuple[tuple[tuple[Any, ...], Any, Any], ...]
    missing: str = ""

    @property
    def changed_groups(self) -> tuple[tuple[tuple[Any, ...], Any, Any], ...]:
        """The groups that differ, the largest difference first."""
        changed = [row for row in self.rows if row[1] != row[2]]
        return tuple(sorted(changed, key=lambda row: -abs((row[2] or 0) - (row[1] or 0))))

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake release diff --json`` prints of it."""
        rows = [
            {**dict(zip(self.columns, group, strict=True)), "before": before, "after": after}
            for group, before, after in self.rows
        ]
        return {
            "measure": self.measure,
            "columns": list(self.columns),
            "value": self.value,
            "rows": rows,
            "missing": self.missing,
        }


@dataclass(frozen=True, slots=True)
class ReleaseDiff:
    """How two releases differ.

    Args:
        before: Name of the earlier release.
        after: Name of the later release.
        tables: One entry per table of either.
        measures: One entry per measure.
    """

    before: str
    after: str
    tables: tuple[TableDiff, ...]
    measures: tuple[MeasureDiff, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake release diff --json`` prints."""
        return {
            "before": self.before,
            "after": self.after,
            "tables": [asdict(table) for table in self.tables],
            "measures": [measure.as_dict() for measure in self.measures],
        }


def diff_releases(project: Project, before: str, after: str) -> ReleaseDiff:
    """Compare two releases.

    Raises:
        ReleaseError: If one of them does not exist, or was dropped.
        LakeError: If a table of them cannot be read.
    """
    old, new = (load_release(project.catalog, name) for name in (before, after))
    tables = tuple(_table(project, name, old, new) for name in sorted({*old.tables, *new.tables}))
    return ReleaseDiff(before, after, tables, tuple(diff_measures(project, before, after)))


def _table(project: Project, name: str, old: Release, new: Release) -> TableDiff:
    versions = old.tables.get(name), new.tables.get(name)
    sides = [None if version is None else project.catalog.open(name, version) for version in versions]
    rows = tuple(None if side is None else totals(side)[0] for side in sides)
    first, second = sides
    if first is None or second is None:
        status = "added" if first is None else "removed"
        return TableDiff(name, status, versions, (rows[0], rows[1]), added=rows[1] or 0, removed=rows[0] or 0)
    if old.digests.get(name) == new.digests.get(name):
        return TableDiff(name, "same", versions, (rows[0], rows[1]))
    counts = _row_counts(project, name, first, second)
    return TableDiff(name, "changed", versions, (rows[0], rows[1]), counts.added, counts.removed, counts.changed)


def _row_counts(project: Project, name: str, old: DeltaTable, new: DeltaTable) -> RowCounts:
    """Count the rows by which two versions of a table differ."""
    contract = project.registry.tables.get(name)
    types = [types_of(table.schema().to_json()) for table in (old, new)]
    fields = [set(of) for of in types]
    volatile = {column.name for column in contract.columns if column.volatile} if contract else set()
    if any(RUN_ID in project.lineage_columns(name, of) for of in types):
        volatile.add(RUN_ID)
    key = _key(project, name, old, new)
    with scratch_folder("diff") as spill, duckdb.connect(":memory:") as engine:
        engine.execute(f"SET temp_directory = {literal(str(spill))}")
        try:
            return count_differences(
                engine,
                _only(old, new, name),
                _only(new, old, name),
                (fields[0] | fields[1]) - volatile,
                key if set(key) <= fields[0] & fields[1] else (),
            )
        except duckdb.Error as error:
            for find in (unreadable_file, damaged_file):
                for table in (old, new):
                    if (unreadable := find(table, name)) is not None:
                        raise unreadable from None
            why = f"its versions {old.version()} and {new.version()} cannot be compared: {first_line(error)}"
            raise LakeError(f"{name}: {why}", "mixlake release verify NAME --deep reads a release whole") from None


def _only(table: DeltaTable, other: DeltaTable, name: str) -> Any:
    """Return what reads the rows of those data files of a table that another version lacks, None where none is."""
    mine, theirs = (set(decoded(files(side)["path"]).to_pylist()) for side in (table, other))
    left = mine - theirs
    rows = scan(table, name)
    if not left or not isinstance(rows, pads.FileSystemDataset):
        return rows if left else None
    # Other kinds of rows are of tables whose log has more about a file than its name.
    fragments = [fragment for fragment in rows.get_fragments() if fragment.path in left]
    return pads.FileSystemDataset(fragments, rows.schema, rows.format, rows.filesystem)


def _key(project: Project, name: str, old: DeltaTable, new: DeltaTable) -> tuple[str, ...]:
    """Return the columns that name a row in both versions, none where they differ."""
    contract = project.registry.tables.get(name)
    keys = []
    for table in (old, new):
        newest = newest_note(table)
        recorded = tuple(newest.note.key) if newest else ()
        keys.append(recorded or (tuple(contract.key) if contract else ()))
    return keys[0] if keys[0] == keys[1] else ()


def diff_measures(project: Project, before: str, after: str) -> Iterable[MeasureDiff]:
    """Compare the measures of two releases; no row of other tables is read.

    Raises:
        ReleaseError: If one of them does not exist, or was dropped.
    """
    with connect(project, before) as old, connect(project, after) as new:
        for view in sorted(name for name in new.views() if name.startswith(LAYER)):
            sides: list[Mapping[tuple[Any, ...], Any]] = []
            columns: tuple[str, ...] = ()
            missing = []
            for release, connection in ((before, old), (after, new)):
                try:
                    found = connection.table(f"SELECT * FROM {quoted(view)}")  # noqa: S608 - quoted
                except (ReleaseError, TableNotFoundError, QueryError) as error:
                    missing.append(f"{release}: {error.message}")
                    sides.append({})
                    continue
                columns = tuple(found.column_names)
                if problem := _no_measure(found.schema):
                    missing.append(f"{release}: {problem}")
                sides.append({} if problem else _groups(found))
            if columns:
                groups = sorted({*sides[0], *sides[1]}, key=str)
                rows = tuple((group, sides[0].get(group), sides[1].get(group)) for group in groups)
                yield MeasureDiff(view.removeprefix(LAYER), columns[:-1], columns[-1], rows, "; ".join(missing))


def _no_measure(schema: pa.Schema) -> str:
    """Return why a view with these columns measures nothing, empty where it does."""
    *groups, value = schema
    kinds = pa.types
    if not (kinds.is_integer(value.type) or kinds.is_floating(value.type) or kinds.is_decimal(value.type)):
        return f"its last column, {value.name}, is not a number"
    nested = next((column.name for column in groups if kinds.is_nested(column.type)), None)
    return "" if nested is None else f"its column {nested} is nested"


def _groups(found: Any) -> dict[tuple[Any, ...], Any]:
    """Return the number of each group."""
    columns = [column.to_pylist() for column in found.columns]
    return {row[:-1]: row[-1] for row in zip(*columns, strict=True)}
