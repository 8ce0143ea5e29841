"""Read a small sample of what a commit added to a table, as readers would."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.delta import arrow_dataset as ds
from lakehouse.delta.file_actions import ADD, read_file_actions
from lakehouse.delta.scan import file_dataset
from lakehouse.delta.store.table_folder import table_store

if TYPE_CHECKING:
    from deltalake import DeltaTable

SAMPLE_BYTES = 1 << 20
# At most: each costs a footer and a few pages of each column, on any storage.
SAMPLE_FILES = 2
SAMPLE_ROWS = 1000
_PAGE_BYTES = 1 << 16


def sample(table: DeltaTable, columns: Sequence[str], seed: str) -> Iterator[pa.RecordBatch]:
    """Yield rows of some files that a table's newest commit added, about `SAMPLE_BYTES` of them.

    Which files, and which row group of each, is decided by a keyed hash: the same for a seed, and unpredictable for a
    flow. Of a row group the first rows are read, page by page.

    Args:
        table: The table at the commit.
        columns: The columns to read.
        seed: The key, such as the run.

    Yields:
        Batches of the stored columns, at most one a file; none where the table needs a reader feature.
    """
    actions = read_file_actions(table_store(table), [int(table.version())])
    added = actions.filter(pc.equal(actions["kind"], ADD))["path"].to_pylist()
    paths = sorted(added, key=lambda path: _rank(seed, path))[:SAMPLE_FILES]
    dataset = file_dataset(table, paths) if paths else None
    if dataset is None:
        return
    stored = [column for column in columns if column in dataset.schema.names]
    for fragment in dataset.get_fragments():
        groups = [group for group in fragment.row_groups if group.num_rows]
        if not groups:
            continue
        group = groups[_rank(seed, f"{fragment.path}#") % len(groups)]
        row_bytes = max(1, group.total_byte_size // group.num_rows)
        rows = max(1, min(SAMPLE_ROWS, SAMPLE_BYTES // SAMPLE_FILES // row_bytes))
        scanner = ds.Scanner.from_fragment(
            fragment.subset(row_group_ids=[group.id]),
            schema=dataset.schema,
            columns=stored,
            batch_size=rows,
            batch_readahead=0,
            fragment_readahead=0,
            use_threads=False,
            fragment_scan_options=ds.ParquetFragmentScanOptions(
                use_buffered_stream=True, buffer_size=_PAGE_BYTES, pre_buffer=False
            ),
        )
        yield next(iter(scanner.to_batches()))


def _rank(seed: str, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{text}".encode()).digest()[:8])


def rows_in_log(table: DeltaTable) -> int | None:
    """Return the rows of a table as its log states them, None where it does not."""
    if "deletionVectors" in (table.protocol().reader_features or []):
        return None
    actions = pa.table(table.get_add_actions(flatten=True))
    if not actions.num_rows:
        return 0
    if "num_records" not in actions.column_names or actions.column("num_records").null_count:
        return None
    return int(pc.sum(actions.column("num_records")).as_py())
