"""Read the end of a table's log without listing its data files.

A plan needs a table's version, identity and newest notes. Opening a table through delta-rs also lists its data files,
which takes seconds where there are a million. Here the commits since the last checkpoint are read, and the one row of
the checkpoint with the identity; earlier commits are read one by one on demand (Delta protocol, "Table Redirection and
Log Files": ``_last_checkpoint`` names the newest checkpoint).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from lakehouse.delta.commit import Commit, find_actions, parse_commit, read_bytes, read_commit
from lakehouse.delta.store.table_folder import LOG, commit_file, table_store

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Reader features that delta-rs' query engine applies; any other may change what the bytes mean.
APPLIED = {"columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}
_READER = 3


@dataclass(frozen=True, slots=True)
class Log:
    """The end of a table's log.

    Args:
        version: The newest version.
        identity: Delta's identity of the table.
        properties: Its properties.
        store: The file system whose root is the table's folder.
        tail: The newest commits, oldest first.
        fields: Its columns, as Delta's schema has them: name, type, nullable, metadata.
        protocol: What it requires of readers and writers, under Delta's names.
    """

    version: int
    identity: str
    properties: Mapping[str, str]
    store: pafs.FileSystem = field(compare=False)
    tail: tuple[Commit, ...] = field(compare=False, default=())
    fields: tuple[Mapping[str, Any], ...] = field(compare=False, default=())
    protocol: Mapping[str, Any] = field(compare=False, default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(str(column["name"]) for column in self.fields)

    @property
    def types(self) -> dict[str, Any]:
        """Type of each of its columns, as the schema writes it."""
        return {str(column["name"]): column["type"] for column in self.fields}

    def commits(self) -> Iterator[Commit]:
        """Yield the commits, newest first, as far back as their files are there."""
        yield from reversed(self.tail)
        for version in range(self.version - len(self.tail), -1, -1):
            try:
                yield read_commit(self.store, version)
            except FileNotFoundError:
                return


def read_log(store: pafs.FileSystem) -> Log | None:
    """Read the end of a table's log.

    Args:
        store: The file system whose root is the table's folder.

    Returns:
        None where there is no log, or it is of a kind that is left to delta-rs (a checkpoint in several parts or of
        version 2, a log whose older part is gone, a protocol with unknown reader features).

    Raises:
        ValueError: If a commit is damaged or missing.
    """
    try:
        checkpoint = _checkpoint(store)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    metadata: dict[str, Any] | None = None
    protocol: dict[str, Any] | None = None
    tail: list[Commit] = []
    for version, data in _after(store, checkpoint):
        tail.append(parse_commit(version, data))
        metadata = next(reversed(find_actions("metaData", data)), metadata)
        protocol = next(reversed(find_actions("protocol", data)), protocol)
    if checkpoint >= 0 and not tail and not _is_file(store, commit_file(checkpoint)):
        return None
    try:
        if metadata is None or protocol is None:
            actions = _checkpointed(store, checkpoint)
            metadata, protocol = metadata or actions.get("metaData"), protocol or actions.get("protocol")
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None
    if metadata is None or not _is_known(protocol or {}):
        return None
    properties = {str(key): str(value) for key, value in dict(metadata.get("configuration") or {}).items()}
    fields = tuple(json.loads(metadata["schemaString"])["fields"])
    return Log(checkpoint + len(tail), str(metadata["id"]), properties, store, tuple(tail), fields, protocol or {})


def _checkpoint(store: pafs.FileSystem) -> int:
    """Return the version of the last checkpoint, -1 where there is none.

    Raises:
        ValueError: If it is of a kind that is not read here.
    """
    try:
        hint = json.loads(read_bytes(store, f"{LOG}/_last_checkpoint"))
    except FileNotFoundError:
        return -1
    if hint.get("parts") or hint.get("v2Checkpoint"):
        raise ValueError(hint)
    return int(hint["version"])


def _after(store: pafs.FileSystem, checkpoint: int) -> Iterator[tuple[int, bytes]]:
    version = checkpoint
    while True:
        version += 1
        try:
            yield version, read_bytes(store, commit_file(version))
        except FileNotFoundError:
            if version == 0 or not _is_file(store, commit_file(version + 1)):
                return
            # Two commits may have been made since; else a log with a gap would pass for one that ends before it.
            if not _is_file(store, commit_file(version)):
                raise ValueError(f"{commit_file(version)} is missing") from None
            version -= 1


def _checkpointed(store: pafs.FileSystem, version: int) -> dict[str, dict[str, Any]]:
    if version < 0:
        return {}

    parts = {
        "metaData": ("id", "configuration", "schemaString"),
        "protocol": ("minReaderVersion", "minWriterVersion", "readerFeatures", "writerFeatures"),
    }
    with store.open_input_file(f"{LOG}/{version:020d}.checkpoint.parquet") as file:
        rows = pq.ParquetFile(file).read(columns=[f"{action}.{name}" for action in parts for name in parts[action]])
    found = {}
    for action, (first, *_) in parts.items():
        values = rows.column(action).drop_null().to_pylist(maps_as_pydicts="strict")
        if filled := [row for row in values if row[first]]:
            found[action] = filled[-1]
    return found


def _is_known(protocol: Mapping[str, Any]) -> bool:
    """Whether all reader features of a table are known."""
    features = set(protocol.get("readerFeatures") or ())
    return features <= APPLIED and int(protocol.get("minReaderVersion") or 1) <= _READER


def _is_file(store: pafs.FileSystem, path: str) -> bool:
    return bool(store.get_file_info(path).type == pafs.FileType.File)


def log_of(table: DeltaTable) -> Log:
    """Return the log of an opened table, up to its version."""
    metadata, protocol = table.metadata(), table.protocol()
    return Log(
        int(table.version()),
        str(metadata.id),
        dict(metadata.configuration),
        table_store(table),
        fields=tuple(json.loads(table.schema().to_json())["fields"]),
        protocol={
            "minReaderVersion": protocol.min_reader_version,
            "minWriterVersion": protocol.min_writer_version,
            "readerFeatures": protocol.reader_features,
            "writerFeatures": protocol.writer_features,
        },
    )


def types_of(schema: str) -> dict[str, Any]:
    """Return the type of each column, from a schema in JSON as logs write it."""
    return {str(column["name"]): column["type"] for column in json.loads(schema)["fields"]}
