"""Replace rows by key: rewrite the files that contain them, and commit new files, old files and change feed at once.

delta-rs has two calls for it. Its MERGE writes texts as Arrow's views, by which files cannot be filtered through Arrow
any more. Its overwrite under a condition takes the keys as text, 65 microseconds each, and from some 20,000 on
overflows its stack. So files are found and filtered here. Files are still written through delta-rs, as a table in a
folder of the flow's own: it provides names, statistics and partition values, which are used in the commit.
"""

from __future__ import annotations

import shutil
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import WriterProperties, write_deltalake

from lakehouse.declare.contract import STATISTICS_COLUMNS, Table
from lakehouse.delta.commit import find_actions, read_bytes
from lakehouse.delta.data_files import decoded
from lakehouse.delta.log_writer import Action
from lakehouse.delta.store.object_store import object_store
from lakehouse.delta.store.table_folder import commit_file, local_folder, storage_options, table_store
from lakehouse.delta.table_errors import lost_file
from lakehouse.embedded.flow_inputs import in_types
from lakehouse.embedded.row_file import CHUNK_BYTES, CHUNK_ROWS, RowFile, RowFileWriter, Stream, chunked, write_rows

if TYPE_CHECKING:
    import polars as pl
    from deltalake import DeltaTable

ACTION = "_action"
_CHANGE = "_change_type"
_FEED = "_change_data"
_ROWS = "rows"
_INSERT, _UPDATE, _DELETE = "I", "U", "D"
_CHANGE_OF_NEW = {_INSERT: "insert", _UPDATE: "update_postimage"}
_CHANGE_OF_OLD = {_UPDATE: "update_preimage", _DELETE: "delete"}


@dataclass(frozen=True)
class Replacement:
    """Files that take the place of others.

    Args:
        actions: What is committed of them.
        metrics: What was done, under the names of Delta's MERGE.
    """

    actions: tuple[Action, ...]
    metrics: Mapping[str, str]


class _File(NamedTuple):
    path: str
    name: str
    bytes: int
    partition: Mapping[str, pa.Scalar]
    lower: Any
    upper: Any


class ReplaceRows:
    """Builds a replacement of some rows of a table.

    Args:
        table: The contract.
        opened: The table as it is.
        actions: The key of each inserted, updated or deleted row, and ``_action``: I, U or D.
        properties: Settings of the files that are written.
        folder: Where files are kept until they are in the table's folder.
    """

    def __init__(
        self,
        table: Table,
        opened: DeltaTable,
        actions: pl.DataFrame,
        properties: WriterProperties,
        folder: Path,
    ) -> None:
        self._table = table
        self._opened = opened
        self._keys = list(table.key)
        self._actions = actions
        self._properties = properties
        self._folder = folder
        self._placed: list[Path] = []
        self._store = table_store(opened)
        self._partition_by = list(opened.metadata().partition_columns)
        self._schema = pa.schema(opened.schema().to_arrow())
        self._feed_schema = self._schema.append(pa.field(_CHANGE, pa.string()))
        self._has_feed = opened.metadata().configuration.get("delta.enableChangeDataFeed") == "true"

    def write(self, incoming: Iterable[pa.RecordBatch]) -> Replacement:
        """Write the new files into the table's folder, where nothing names them yet.

        Args:
            incoming: The inserted rows and the new values of updated ones, with the contract's columns.
        """
        affected = [file for file in self._candidates() if self._holds_some(file)]
        with RowFileWriter(self._folder, self._feed_schema) as changes:
            # delta-rs pulls rows from a thread in which it cannot read a store.
            stream = Stream(self._schema, chunked(self._rows(affected, incoming, changes)))
            rows = write_rows(self._folder, stream)
        added = self._written(_ROWS, rows, self._properties)
        rows.path.unlink()
        actions: list[Action] = [{"add": item} for item in self._moved(_ROWS, added)]
        if self._has_feed:
            written = self._written(_FEED, changes.file, WriterProperties())
            names = ("path", "partitionValues", "size")
            actions += [
                {"cdc": {**{name: item[name] for name in names}, "dataChange": False}}
                for item in self._moved(_FEED, written)
            ]
        now = int(time.time() * 1000)
        actions += [
            {"remove": {"path": file.path, "deletionTimestamp": now, "dataChange": True, "size": file.bytes}}
            for file in affected
        ]
        return Replacement(tuple(actions), self._metrics(added, affected))

    def _candidates(self) -> Iterator[_File]:
        """Yield the data files whose statistics do not exclude all keys."""
        listed = pa.table(self._opened.get_add_actions(flatten=True))
        gone = self._actions.filter(self._actions[ACTION] != _INSERT)
        values = gone[self._keys[0]].unique().sort().drop_nulls().to_list()
        with_null = bool(gone[self._keys[0]].null_count())
        kind = self._schema.field(self._keys[0]).type
        # For other types, bounds and values may not compare.
        columns = listed.column_names if pa.types.is_string(kind) or pa.types.is_integer(kind) else ()
        bounds = [f"{end}.{self._keys[0]}" for end in ("min", "max")]
        for row in range(listed.num_rows if gone.height else 0):
            path = listed["path"][row].as_py()
            (name,) = decoded(pa.chunked_array([[path]])).to_pylist()
            partition = {key: listed[f"partition.{key}"][row] for key in self._partition_by}
            lower, upper = (listed[bound][row].as_py() if bound in columns else None for bound in bounds)
            file = _File(path, name, listed["size_bytes"][row].as_py(), partition, lower, upper)
            if with_null or _may_hold(values, lower, upper):
                yield file

    def _holds_some(self, file: _File) -> bool:
        """Whether a file has a row to delete or update."""
        columns = [key for key in self._keys if key not in file.partition]
        return any(self._goes(batch).null_count < batch.num_rows for batch in self._stored(file, columns))

    def _rows(
        self, affected: Iterable[_File], incoming: Iterable[pa.RecordBatch], changes: RowFileWriter
    ) -> Iterator[pa.RecordBatch]:
        """Yield the unchanged rows of the affected files, then the new ones; record the changes in the feed."""
        for file in affected:
            for batch in self._stored(file, None):
                goes = self._goes(batch)
                self._note(changes, batch, goes)
                yield batch.filter(pc.is_null(goes))
        for batch in incoming:
            stored = in_types(batch, self._schema)
            self._note(changes, stored, self._mapped(stored, _CHANGE_OF_NEW))
            yield stored

    def _note(self, changes: RowFileWriter, batch: pa.RecordBatch, kinds: pa.Array) -> None:
        """Add the rows of which a kind of change is known to the change feed, where there is one."""
        if self._has_feed and kinds.null_count < len(kinds):
            named = pa.RecordBatch.from_arrays([*batch.columns, kinds], schema=self._feed_schema)
            changes.write(named.filter(pc.is_valid(kinds)))

    def _stored(self, file: _File, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        """Yield rows of a file with some columns, or all, and the values of its partition."""
        try:
            with self._store.open_input_file(file.name) as source:
                parquet = pq.ParquetFile(source)
                present = [name for name in columns or self._schema.names if name in parquet.schema_arrow.names]
                for batch in parquet.iter_batches(_batch_rows(parquet), columns=present):
                    named = batch
                    for key, value in file.partition.items():
                        named = named.append_column(key, pa.repeat(value, batch.num_rows))
                    wanted = [*(columns or ()), *file.partition] if columns is not None else self._schema.names
                    yield in_types(named, pa.schema([self._schema.field(name) for name in wanted]))
        except FileNotFoundError:
            raise lost_file(self._table.name, file.path) from None

    def _goes(self, batch: pa.RecordBatch) -> pa.Array:
        return self._mapped(batch, _CHANGE_OF_OLD)

    def _mapped(self, batch: pa.RecordBatch, names: Mapping[str, str]) -> pa.Array:
        """Return the change feed's type of change for the key of each row, null where it does not change."""
        import polars as pl

        keys = pl.DataFrame(pa.Table.from_batches([batch.select(self._keys)]))
        found = keys.join(self._actions, on=self._keys, how="left", nulls_equal=True, maintain_order="left")
        mapped = found[ACTION].replace_strict(names, default=None, return_dtype=pl.String)
        return mapped.to_arrow().cast(pa.string())

    def _written(self, name: str, rows: RowFile, properties: WriterProperties) -> list[dict[str, Any]]:
        """Write rows as a table of their own, and return the actions that add its files."""
        folder = self._folder / name
        write_deltalake(
            str(folder),
            pa.RecordBatchReader.from_batches(rows.schema, rows.batches()),
            partition_by=self._partition_by or None,
            configuration={STATISTICS_COLUMNS: self._opened.metadata().configuration.get(STATISTICS_COLUMNS, "")},
            writer_properties=properties,
        )
        added = find_actions(
            "add", read_bytes(pafs.SubTreeFileSystem(str(folder), pafs.LocalFileSystem()), commit_file(0))
        )
        return [{key: value for key, value in item.items() if value is not None} for item in added]

    def _moved(self, name: str, added: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Move written files into the table's folder; yield the actions as they are from there."""
        for item in added:
            (file,) = decoded(pa.chunked_array([[item["path"]]])).to_pylist()
            # delta-rs does not find change files in a folder whose name the log encodes.
            path = item["path"] if name == _ROWS else f"{_FEED}/{file.rpartition('/')[2]}"
            source = self._folder / name / file
            self._store_file(source, file if name == _ROWS else path)
            source.unlink()
            yield {**item, "path": path}

    def _store_file(self, source: Path, target: str) -> None:
        folder = local_folder(self._opened.table_uri)
        if folder is None:
            object_store(self._opened.table_uri, storage_options(self._opened)).put(target, source)
            return
        place = folder / target
        place.parent.mkdir(parents=True, exist_ok=True)
        self._placed.append(place)
        try:
            shutil.copyfile(source, place)
        except OSError:
            # The disk is full: uncommitted files need not wait for a vacuum.
            for file in self._placed:
                file.unlink(missing_ok=True)
            raise

    def _metrics(self, added: list[dict[str, Any]], removed: list[_File]) -> dict[str, str]:
        counts = {action: self._actions.filter(self._actions[ACTION] == action).height for action in "IUD"}
        return {
            "numTargetRowsInserted": str(counts[_INSERT]),
            "numTargetRowsUpdated": str(counts[_UPDATE]),
            "numTargetRowsDeleted": str(counts[_DELETE]),
            "numTargetFilesAdded": str(len(added)),
            "numTargetFilesRemoved": str(len(removed)),
            "numTargetBytesAdded": str(sum(item["size"] for item in added)),
        }


def _batch_rows(parquet: pq.ParquetFile) -> int:
    """Return how many rows of a file to read at once: few where rows are large."""
    groups = (parquet.metadata.row_group(number) for number in range(parquet.num_row_groups))
    size = sum(int(group.total_byte_size) for group in groups) // max(1, int(parquet.metadata.num_rows))
    return max(1, min(CHUNK_ROWS, CHUNK_BYTES // max(1, size)))


def _may_hold(values: list[Any], lower: Any, upper: Any) -> bool:
    """Whether one of some sorted values may be between bounds; unknown bounds exclude nothing."""
    if lower is None or upper is None:
        return True
    place = bisect_left(values, lower)
    return place < len(values) and bool(values[place] <= upper)
