"""Where each medium's bytes are stored, so that a trainer reads one by a single seek.

The engine says which files hold a table at its pinned version and how many rows are live in each; a task walks
the pages of one file at a time (`lakehouse.delta.parquet_values`). Media bytes themselves are not moved.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from lakehouse.declare.flow import NoParams, flow
from lakehouse.declare.reads import tagged
from lakehouse.declare.relations import Relations, Rows
from lakehouse.delta.parquet_values import locate_values
from lakehouse.errors import FlowError
from schemas.images import IMAGE
from schemas.lineage import SAMPLE_ID
from schemas.mixture import media_addresses
from schemas.utterances import UTTERANCE

ADDRESSES = pa.schema(
    [
        ("media_id", pa.string()),
        ("table", pa.string()),
        ("version", pa.int64()),
        ("file", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)


@flow(
    id="jobs.pack.media_addresses.address_media",
    writes=media_addresses,
    reads={
        "utterances": tagged("utterances", columns=(SAMPLE_ID, UTTERANCE[-1], "_table")),
        "images": tagged("images", columns=(SAMPLE_ID, IMAGE[-1], "_table")),
    },
    kind="relational",
)
def address_media(
    utterances: Rows,  # noqa: ARG001 - its files are asked for
    images: Rows,  # noqa: ARG001 - its files are asked for
    relations: Relations,
    params: NoParams,  # noqa: ARG001 - a flow's shape
    versions: Mapping[str, int],
    storage: Mapping[str, str] | None = None,
) -> Rows:
    """Find the file, offset and length of each utterance's and each picture's bytes."""
    files = relations.sql(
        "SELECT *, 'audio' AS media FROM utterances UNION ALL SELECT *, 'image' AS media FROM images",
        utterances=relations.data_files("utterances"),
        images=relations.data_files("images"),
    )
    locate = functools.partial(locate_files, versions=dict(versions), storage=dict(storage or {}))
    return relations.map_batches(files, locate, ADDRESSES, together=("uri",), tasks="many")


def locate_files(
    batches: Iterable[pa.RecordBatch], versions: Mapping[str, int], storage: Mapping[str, str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the addresses of all media of the given files, one record batch per file.

    Args:
        batches: Rows of table, uri, live and media (the column that holds the bytes), one a file.
        versions: Version of each table.
        storage: Options of the object store.

    Raises:
        FlowError: If a file's values cannot be addressed, or rows of it are deleted.
    """
    for batch in batches:
        for row in batch.to_pylist():  # one row per file
            version = versions[row["table"]]
            yield locate_file(row["table"], row["uri"], row["live"], row["media"], version, storage)


def locate_file(
    table: str, uri: str, live: int, column: str, version: int, storage: Mapping[str, str] | None = None
) -> pa.RecordBatch:
    """Return the addresses of the media of one file."""
    layer, _, name = table.partition(".")
    _, marker, file = unquote(uri).rpartition(f"/{layer}/{name}/")
    if not marker:
        raise FlowError(
            f"{table} is read from {uri!r}, which is not one of its files", "read the table itself, not a cached copy"
        )
    with _open(uri, storage) as source:
        ids = pq.ParquetFile(source).read(columns=["sample_id"]).column("sample_id").combine_chunks()
        if len(ids) != live:
            hidden = len(ids) - live
            raise FlowError(
                f"{table}: {hidden} rows of {file} are deleted by a deletion vector",
                "set delta.enableDeletionVectors=false on the table and run REORG TABLE ... APPLY (PURGE)",
            )
        values = locate_values(source, column, f"{table}: {file}")
    rows = len(ids)
    addresses = pa.record_batch(
        {
            "media_id": ids.cast(pa.string()),
            "table": pa.repeat(table, rows),
            "version": pa.repeat(pa.scalar(version, pa.int64()), rows),
            "file": pa.repeat(file, rows),
            "offset": pa.array(values.offset),
            "length": pa.array(values.length),
        }
    )
    return addresses if values.offset.min(initial=0) >= 0 else addresses.filter(pa.array(values.offset >= 0))


def _open(uri: str, storage: Mapping[str, str] | None = None) -> pa.NativeFile:
    """Open a file that an engine named; a local one is mapped, so that only what is used is read."""
    place = urlsplit(uri)
    if place.scheme in {"", "file"}:
        return pa.memory_map(unquote(place.path), "r")
    bucket = f"{place.scheme}://{place.netloc}"
    store = fs.PyFileSystem(DeltaStorageHandler(bucket, dict(storage or {})))
    return store.open_input_file(unquote(place.path).lstrip("/"))
