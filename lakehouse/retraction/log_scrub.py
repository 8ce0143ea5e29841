"""Remove the column statistics of deleted files from a table's log.

A commit states minima and maxima of each file that it adds, in which a text may begin; so do checkpoints, Spark's
checksum files of versions, and what a killed writer left beside the log. Of files that are gone only the number of
rows stays. Nothing else of the log changes, so that versions, notes and transactions are as before: statistics are
no part of what a version holds (Delta protocol, "Per-file Statistics").
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from lakehouse.delta.store.delete import delete_files
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import LakeError

if TYPE_CHECKING:
    from deltalake import DeltaTable

log = logging.getLogger("mixlake.forget")

_LOG = "_delta_log"
_HINT = f"{_LOG}/_last_checkpoint"
_VERSION = re.compile(r"^(\d{20})\.(?:(\d{20})\.)?(json|crc|compacted\.json|checkpoint\..*)$")
_TELLING = (b'{"add"', b'{"remove"')
# A commit is written under another name first, for a moment.
_LEFT_NS = 3600 * 10**9


def forget_statistics(table: DeltaTable, kept: Collection[str]) -> None:
    """Take the statistics of a table's deleted files out of its log. Doing it again changes nothing.

    Args:
        table: The table at a version; what was committed later is left alone.
        kept: The data files that stay, among them all of that version and of later ones.

    Raises:
        LakeError: If the store refused.
    """
    store = table_store(table)
    kept = frozenset(kept)
    found: dict[str, list[tuple[int, str]]] = {"json": [], "crc": [], "checkpoint": [], "compacted": []}
    for info in store.get_file_info(pafs.FileSelector(_LOG)):
        match = _VERSION.match(info.base_name)
        if match is not None and int(match[2] or match[1]) <= int(table.version()):
            found[match[3].partition(".")[0]].append((int(match[1]), f"{_LOG}/{info.base_name}"))
    try:
        _checkpoints(table, store, found["checkpoint"], kept)
        doomed = [path for _, path in found["compacted"]]
        doomed += [path for _, path in found["crc"] if _checksum_tells(store, path, kept)]
        delete_files(table, [*doomed, *_left_behind(store)])
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: _rewrite(store, item[1], kept), found["json"]))
    except (OSError, DeltaError, pa.ArrowException) as error:
        raise LakeError(f"the log in {table.table_uri} cannot be rewritten: {error}", "check the rights") from None


def _rewrite(store: pafs.FileSystem, path: str, kept: Collection[str]) -> None:
    """Write a commit anew, where it tells of rows of files that do not stay."""
    with store.open_input_file(path) as file:
        before: bytes = file.read()
    lines = [_without(line, kept) if line.startswith(_TELLING) else line for line in before.split(b"\n")]
    after = b"\n".join(lines)
    if after == before:
        return
    if not isinstance(store, pafs.SubTreeFileSystem):
        # An object is replaced as a whole. pyarrow's stream would hand on buffers that delta-rs' does not take.
        stream = store.handler._handler.open_output_stream(path, None)  # noqa: SLF001
        stream.write(after)
        stream.close()
        return
    target = Path(store.base_path, path)
    told = target.stat()
    # Else Spark would find that the file is not the one whose checksum it knows.
    target.with_name(f".{target.name}.crc").unlink(missing_ok=True)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    beside.write_bytes(after)
    # Delta takes a commit's time from its file.
    os.utime(beside, ns=(told.st_atime_ns, told.st_mtime_ns))
    beside.replace(target)


def _without(line: bytes, kept: Collection[str]) -> bytes:
    action = json.loads(line)
    body = next(iter(action.values()))
    if not body.get("stats") or unquote(body["path"]) in kept:
        return line
    try:
        rows = json.loads(body["stats"]).get("numRecords")
    except ValueError:  # cut off by its writer
        rows = None
    stats = "{}" if rows is None else json.dumps({"numRecords": rows}, separators=(",", ":"))
    if stats == body["stats"]:
        return line
    body["stats"] = stats
    return json.dumps(action, separators=(",", ":"), ensure_ascii=False).encode()


def _checkpoints(
    table: DeltaTable, store: pafs.FileSystem, found: Sequence[tuple[int, str]], kept: Collection[str]
) -> None:
    """Delete the checkpoints that tell of files that do not stay; one of the table's version takes their place.

    Older versions are read from the commits, which are all there.
    """
    telling = {version for version, path in found if _checkpoint_tells(store, path, kept)}
    if not telling:
        return
    doomed = [path for version, path in found if version in telling]
    try:
        with store.open_input_file(_HINT) as file:
            newest = int(json.loads(file.read())["version"])
    except (FileNotFoundError, ValueError, KeyError):
        newest = -1
    if newest <= int(table.version()):
        names = [f"{_LOG}/._last_checkpoint.crc", f"{_LOG}/.{int(table.version()):020d}.checkpoint.parquet.crc"]
        delete_files(table, names)
        table.create_checkpoint()
    own = f"{_LOG}/{int(table.version()):020d}.checkpoint.parquet"
    delete_files(table, [path for path in doomed if path != own])


def _checkpoint_tells(store: pafs.FileSystem, path: str, kept: Collection[str]) -> bool:
    if not path.endswith(".parquet"):
        return False
    with store.open_input_file(path) as file:
        read = pq.ParquetFile(file)
        names = {".".join(read.schema.column(i).path.split(".")[:2]) for i in range(len(read.schema))}
        wanted = [name for name in ("add.path", "remove.path", "remove.stats") if name in names]
        rows = read.read(columns=wanted)
    added = rows["add"].drop_null().to_pylist()
    removed = rows["remove"].drop_null().to_pylist() if "remove" in rows.column_names else []
    if any(item["path"] is not None and unquote(item["path"]) not in kept for item in added):
        return True
    return any(len(item.get("stats") or "") > len('{"numRecords":}') + 20 for item in removed)


def _checksum_tells(store: pafs.FileSystem, path: str, kept: Collection[str]) -> bool:
    with store.open_input_file(path) as file:
        data = file.read()
    try:
        held = json.loads(data).get("allFiles") or []
    except ValueError:
        return True
    return any(unquote(item["path"]) not in kept for item in held)


def _left_behind(store: pafs.FileSystem) -> Iterator[str]:
    """Yield what killed writers left beside the log."""
    for info in store.get_file_info(pafs.FileSelector(_LOG)):
        old = (info.mtime_ns or 0) < time.time_ns() - _LEFT_NS
        if old and info.base_name.startswith(".") and info.base_name.endswith(".tmp"):
            yield info.path.lstrip("/")
