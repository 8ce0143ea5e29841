"""Find the file that makes a table unreadable."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from lakehouse.delta.commit import list_commits, read_bytes
from lakehouse.delta.store.table_folder import LOG, commit_file

_SHORT = 64  # bytes; a commit has more
_CHECKPOINT = re.compile(r"^(\d{20})\.checkpoint(\..+)?\.(parquet|json)$")


def log_problem(store: pafs.FileSystem) -> str | None:
    """Describe the first file of a table's log that is missing or cannot be read; None where all can be.

    Only the newest checkpoint and the commits since then are read, which is what a reader needs.

    Args:
        store: The file system whose root is the table's folder.
    """
    names = {info.base_name: info for info in store.get_file_info(pafs.FileSelector(LOG, allow_not_found=True))}
    checkpoints = {int(found[1]): name for name in names if (found := _CHECKPOINT.match(name))}
    base = max(checkpoints, default=-1)
    if base >= 0 and not is_readable(store, f"{LOG}/{checkpoints[base]}"):
        return f"{LOG}/{checkpoints[base]} cannot be read"
    for version in range(base + 1, max(list_commits(store), default=0) + 1):
        path = commit_file(version)
        try:
            data = read_bytes(store, path)
        except FileNotFoundError:
            return f"{path} is missing"
        except OSError as error:
            return f"{path} cannot be read: {error}"
        if not data.strip():
            return f"{path} is empty"
        try:
            for line in data.splitlines():
                json.loads(line)
        except ValueError:
            return f"{path} is truncated or not JSON"
    return None


def find_empty_commit(folder: str, version: int) -> str | None:
    """Return the file of an empty commit among those that a version is read from, None where there is none.

    A machine crash may leave one, which delta-rs reads as a commit without changes.

    Args:
        folder: The table's folder, on this machine.
        version: The version.
    """
    log = Path(folder, LOG)
    found = (_CHECKPOINT.match(entry.name) for entry in os.scandir(log))
    base = max((number for match in found if match and (number := int(match[1])) <= version), default=-1)
    for number in range(base + 1, version + 1):
        path = commit_file(number)
        with contextlib.suppress(FileNotFoundError):
            file = Path(folder, path)
            if file.stat().st_size < _SHORT and file.read_bytes().strip() in {b"", b"{}"}:
                return path
    return None


def is_readable(store: pafs.FileSystem, path: str) -> bool:
    """Whether a Parquet file has a footer that can be read."""
    try:
        with store.open_input_file(path) as file:
            if path.endswith(".parquet"):
                pq.ParquetFile(file).read(columns=["metaData.id"])
    except (OSError, ValueError, pa.ArrowException):
        return False
    return True
