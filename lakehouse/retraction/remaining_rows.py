"""Find the tables and releases whose files still have rows of a retraction. No JVM.

Versions and notes say what should be so; whether a file may stay is decided by its rows. The lineage columns of each
file are read, whatever version names it, of change files as of data files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit import list_commits
from lakehouse.delta.data_files import decoded, files
from lakehouse.delta.file_actions import ADD, CHANGE, read_file_actions, types_in_log
from lakehouse.delta.store.listing import listing
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import TableNotFoundError
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import Kind, Retraction
from lakehouse.project import Project
from lakehouse.query.answer_format import answer
from lakehouse.query.connection import Connection, Source, connect
from lakehouse.retraction.closure import Closure
from lakehouse.retraction.lineage_of_files import Types, lineage_of_files
from lakehouse.retraction.own_match import by_license, by_source, by_uri, uri_expression
from lakehouse.retraction.quarantined_columns import (
    TABLES,
    own_column,
    own_list,
    own_origin,
    own_text,
    quarantined_columns,
)

if TYPE_CHECKING:
    from deltalake import DeltaTable


Paths = Mapping[str, list[str]]
OlderTypes = Mapping[str, Sequence[Types]]


def stored_files(catalog: Catalog, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the data and change files in tables' folders that a logged commit, or the latest version, names."""
    return {name: _named_files(catalog.open(name)) for name in names}


def files_at(catalog: Catalog, versions: Mapping[str, int], stored: Paths) -> dict[str, list[str]]:
    """Return the data files of tables at some versions, of those that exist.

    Args:
        catalog: The lake's catalog.
        versions: Version of each table.
        stored: The files that exist.

    Raises:
        LakeError: If a version cannot be opened.
    """
    return {
        name: sorted(set(stored.get(name, ())) & set(decoded(files(catalog.open(name, version))["path"]).to_pylist()))
        for name, version in versions.items()
    }


def older_types(catalog: Catalog, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the columns that tables had at their versions."""
    return {name: types_in_log(catalog.open(name)) for name in names}


def tables_with_rows(project: Project, order: Retraction, paths: Paths, older: OlderTypes | None = None) -> set[str]:
    """Return the tables some of whose files have rows that an order takes out, or that were made from such.

    Args:
        project: The project.
        order: The order.
        paths: The files of each table to read.
        older: See `older_types`; by default found out.
    """
    older = older_types(project.catalog, paths) if older is None else older
    with Connection(project, source=_file_source(project, paths, older)) as connection:
        closure = Closure(connection, paths)
        if order.kind != "id":  # ids are recorded
            closure.matches(cast("Kind", order.kind), [order.value])
        closure.add_known(_recorded_ids(project, order), derived=True)
        closure.descendants()
        return closure.tables_with_rows()


def is_quarantined(project: Project, order: Retraction) -> bool:
    """Whether a row that an order takes out is quarantined; see `lakehouse.retraction.quarantine_cleanup`."""
    if not project.catalog.has(tables.quarantine.name):
        return False
    value = uri_expression([order.value]) if order.kind == "uri" else order.value
    with connect(project) as connection:
        connection.register_rows("__known", _recorded_ids(project, order))
        names = [row["table"] for row in connection.rows(TABLES.format(quarantine=tables.quarantine.name))]
        connection.register_rows("__columns", quarantined_columns(project, names))
        return bool(connection.rows(_QUARANTINED, [order.kind, value]))


_QUARANTINED = f"""
WITH quarantined AS (FROM ledger.quarantine JOIN __columns USING ("table") WHERE "row" IS NOT NULL), ids AS (
    SELECT unnest([sample_id, {own_origin()}, {own_text("sample_id")}, {own_text("content_id")}]) AS id FROM quarantined
    UNION ALL
    SELECT unnest({own_list("parent_ids")}) FROM quarantined
)
SELECT 1 AS one FROM ids WHERE id IN (SELECT id FROM __known)
UNION ALL
SELECT 1 FROM quarantined WHERE CASE $1
    WHEN 'source' THEN {by_source("[$2]", own_column)}
    WHEN 'license' THEN {by_license("[$2]", own_column)}
    WHEN 'uri' THEN {by_uri("$2", own_column)}
    ELSE false END
LIMIT 1
"""  # noqa: S608 - fixed texts


def may_contain_rows(catalog: Catalog, name: str, paths: Iterable[str]) -> bool:
    """Whether one of a table's files has any row, or cannot be read; a commit that adds nothing leaves empty files."""
    store = table_store(catalog.open(name))
    for path in paths:
        try:
            with store.open_input_file(path) as file:
                if pq.ParquetFile(file).metadata.num_rows:
                    return True
        except FileNotFoundError:
            continue
        except (OSError, pa.ArrowException):
            return True
    return False


def _file_source(project: Project, paths: Paths, older: OlderTypes) -> Source:
    """Return a source of rows that reads the lineage columns of chosen files."""

    def rows(name: str) -> object:
        if name not in paths:
            raise TableNotFoundError(f"{name} is not searched")
        table = project.catalog.open(name)
        return lineage_of_files(table, paths[name], older[name], lambda types: project.lineage_columns(name, types))

    return rows


def _recorded_ids(project: Project, order: Retraction) -> pa.RecordBatchReader:
    """Return (kind, id) of an order in ``ledger.retracted``, as a stream."""
    text = "SELECT kind, id FROM ledger.retracted WHERE retraction_id = $1"
    return answer(connect(project), text, "reader", [order.retraction_id])


def _named_files(table: DeltaTable) -> list[str]:
    store = table_store(table)
    stored = listing(store)["path"]
    actions = read_file_actions(store, list_commits(store))
    added = actions["path"].filter(pc.is_in(actions["kind"], pa.array([ADD, CHANGE])))
    named = pa.chunked_array([*added.chunks, *decoded(files(table)["path"]).chunks], pa.string())
    return stored.filter(pc.is_in(stored, named)).to_pylist()  # type: ignore[no-any-return]
