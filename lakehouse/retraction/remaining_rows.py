"""Which tables and releases hold rows of a retraction still, told by the files that lie there. No JVM.

Versions and notes say what should be so; whether a file may stay is told by its rows. Of each file the columns that
tell of lineage are read, whatever version names it, and change files like data files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import decoded, files
from lakehouse.delta.file_actions import ADD, CHANGE, commit_actions
from lakehouse.delta.store.listing import listing
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import TableNotFoundError
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import Kind, Retraction, pattern
from lakehouse.project import Project
from lakehouse.query.connection import Connection, answer, connect
from lakehouse.retraction.closure import WANTED, Closure

if TYPE_CHECKING:
    from deltalake import DeltaTable


Paths = Mapping[str, list[str]]

_QUARANTINE = ("origin", "row")


class _Files(Connection):
    """DuckDB over chosen files of the lake's tables: what of their columns tells of lineage.

    Args:
        lake: The lake.
        paths: The files of each table; other tables are not there.
    """

    def __init__(self, project: Project, paths: Paths) -> None:
        super().__init__(project)
        self._paths = paths

    def _register_table(self, name: str) -> None:
        if name not in self._paths:
            raise TableNotFoundError(f"{name} is not looked at")
        table = self.project.catalog.open(name)
        held = pa.schema(table.schema().to_arrow())
        told = pa.schema([held.field(c) for c in (*WANTED, *_QUARANTINE) if c in held.names])
        if not told.names:
            raise TableNotFoundError(f"{name} names no row")
        parts = pa.schema([told.field(c) for c in table.metadata().partition_columns if c in told.names])
        if not self._paths[name]:
            self._bind(name, told.empty_table())
            return
        found = pads.dataset(
            self._paths[name],
            schema=told,
            filesystem=table_store(table),
            format="parquet",
            partitioning=pads.partitioning(parts, flavor="hive") if len(parts) else None,
        )
        self._bind(name, found)


def stored_files(catalog: Catalog, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the data and change files that lie in tables' folders and that a commit names."""
    return {name: _named(catalog.open(name), listing(catalog.open(name))["path"]) for name in names}


def files_at(catalog: Catalog, versions: Mapping[str, int], stored: Paths) -> dict[str, list[str]]:
    """Return the data files of tables at some versions, of those that are there.

    Args:
        catalog: The lake's catalog.
        versions: Version of each table.
        stored: The files that are there.

    Raises:
        LakeError: If a version cannot be opened.
    """
    found = {}
    for name, version in versions.items():
        named = decoded(files(catalog.open(name, version))["path"]).to_pylist()
        found[name] = sorted(set(stored.get(name, ())) & set(named))
    return found


def holders(project: Project, order: Retraction, paths: Paths) -> set[str]:
    """Return the tables some of whose files hold rows that an order takes out, or that were made from such.

    Args:
        project: The project.
        order: The order.
        paths: The files of each table that are looked at.
    """
    with _Files(project, paths) as connection:
        closure = Closure(project, connection)
        if order.kind != "id":  # ids are given
            closure.match(cast("Kind", order.kind), [order.value])
        closure.take(_ids(project, order), derived=True)
        closure.close()
        return closure.holders()


def is_aside(project: Project, order: Retraction) -> bool:
    """Whether a row that an order takes out is quarantined; see `lakehouse.retraction.quarantine_cleanup`."""
    if not project.catalog.has(tables.quarantine.name):
        return False
    name = tables.quarantine.name
    told = {
        "source": "\"row\" ->> '$.source' = $1",
        "license": "list_contains(string_split(\"row\" ->> '$.license', ' AND '), $1)",
        "uri": "regexp_full_match(\"row\" ->> '$.uri', $1)",
    }
    value = pattern(order.value) if order.kind == "uri" else order.value
    table = project.catalog.open(name)
    with _Files(project, {name: decoded(files(table)["path"]).to_pylist()}) as connection:
        connection.lend("__taken", _ids(project, order))
        found = connection.rows(
            f'WITH aside AS (FROM ledger.quarantine WHERE "row" IS NOT NULL), marks AS ('  # noqa: S608 - fixed texts
            "SELECT unnest([sample_id, origin, \"row\" ->> '$.sample_id', \"row\" ->> '$.content_id']) AS id "
            "FROM aside "
            "UNION ALL SELECT unnest(from_json(\"row\" -> '$.parent_ids', '[\"VARCHAR\"]')) FROM aside "
            "WHERE json_type(\"row\" -> '$.parent_ids') = 'ARRAY') "
            "SELECT 1 AS one FROM marks WHERE id IN (SELECT id FROM __taken) "
            f"UNION ALL SELECT 1 FROM aside WHERE {told.get(order.kind, '$1 IS NULL')} LIMIT 1",
            [value],
        )
    return bool(found)


def may_hold(catalog: Catalog, name: str, paths: Iterable[str]) -> bool:
    """Whether one of a table's files holds any row, or cannot be read; a commit that adds nothing leaves empty ones."""
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


def _ids(project: Project, order: Retraction) -> pa.RecordBatchReader:
    """Return (kind, id) of what an order names in ``ledger.retracted``, as a stream."""
    if not project.catalog.has(tables.retracted.name):
        return pa.schema([("kind", pa.string()), ("id", pa.string())]).empty_table().to_reader()
    text = "SELECT kind, id FROM ledger.retracted WHERE retraction_id = $1"
    return answer(connect(project), text, "reader", [order.retraction_id])


def _named(table: DeltaTable, stored: pa.ChunkedArray) -> list[str]:
    """Return those of some files that a commit names whose log is there, or that the latest version does."""
    logs = table_store(table).get_file_info(pafs.FileSelector("_delta_log"))
    names = [info.base_name.removesuffix(".json") for info in logs if info.base_name.endswith(".json")]
    actions = commit_actions(table, sorted(int(name) for name in names if name.isdigit()))
    added = actions["path"].filter(pc.is_in(actions["kind"], pa.array([ADD, CHANGE])))
    known = pa.chunked_array([*added.chunks, *decoded(files(table)["path"]).chunks], pa.string())
    found: list[str] = stored.filter(pc.is_in(stored, known)).to_pylist()
    return found
