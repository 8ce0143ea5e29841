"""One commit of a table's log: the only reader of ``_delta_log/<version>.json``.

A commit's file holds one JSON action a line (Delta protocol, "Delta Log Entries"). It may name thousands of files, so
that each reader parses only the lines that it needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.fs as pafs

from lakehouse.delta.store.table_folder import LOG, commit_file

_CHANGE = re.compile(rb'"dataChange"\s*:\s*true')
_INFO = re.compile(rb'^\{"commitInfo".*$', re.MULTILINE)
_NAME = re.compile(r"\d{20}\.json")
_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit.

    Args:
        version: Its version.
        line: Its ``commitInfo`` as it was written, empty where the writer left none.
        changes: Whether it added or removed data files in a way that changes rows; compaction does not.
    """

    version: int
    line: bytes
    changes: bool

    @property
    def info(self) -> Mapping[str, Any]:
        """What the writer recorded about it.

        Raises:
            ValueError: If it is damaged.
        """
        return _parse_info(self.version, self.line)


def parse_commit(version: int, data: bytes) -> Commit:
    """Return a commit from the bytes of its file.

    Raises:
        ValueError: If the file is truncated.
    """
    if not data.startswith(b"{") or not data.rstrip().endswith(b"}}"):
        raise ValueError(commit_file(version))
    line = _INFO.search(data)
    return Commit(version, line[0] if line else b"", _CHANGE.search(data) is not None)


def read_commit(store: pafs.FileSystem, version: int) -> Commit:
    """Read one commit.

    Raises:
        FileNotFoundError: If its file is gone.
        ValueError: If it is damaged.
    """
    return parse_commit(version, read_bytes(store, commit_file(version)))


def read_info(store: pafs.FileSystem, version: int) -> dict[str, Any]:
    """Read one commit's ``commitInfo`` and its ``version``: usually the first line, so that the rest is not read.

    Raises:
        FileNotFoundError: If its file is gone.
        ValueError: If it is damaged.
    """
    with store.open_input_file(commit_file(version)) as file:
        data = file.read(_HEAD_BYTES)
        line = data.partition(b"\n")[0]
        if len(line) == len(data) or not line.startswith(b'{"commitInfo"'):
            match = _INFO.search(data + file.read())
            line = match[0] if match else b""
    return {**_parse_info(version, line), "version": version}


def find_actions(kind: str, data: bytes) -> list[dict[str, Any]]:
    """Return the actions of a kind, such as ``metaData``, in the bytes of a commit's file.

    Raises:
        ValueError: If one is damaged.
    """
    lines = re.findall(rb'^\{"' + kind.encode() + rb'".*$', data, re.MULTILINE)
    return [json.loads(line)[kind] for line in lines]


def list_commits(store: pafs.FileSystem) -> dict[int, pafs.FileInfo]:
    """Return the commit files that a log holds, by version, the oldest first."""
    entries = store.get_file_info(pafs.FileSelector(LOG, allow_not_found=True))
    return dict(sorted((int(info.base_name[:20]), info) for info in entries if _NAME.fullmatch(info.base_name)))


def read_bytes(store: pafs.FileSystem, path: str) -> bytes:
    """Read a file of a table's folder as a whole.

    Raises:
        FileNotFoundError: If it is gone.
    """
    with store.open_input_file(path) as file:
        data: bytes = file.read()
    return data


def _parse_info(version: int, line: bytes) -> dict[str, Any]:
    try:
        info: dict[str, Any] = json.loads(line)["commitInfo"] if line else {}
    except ValueError:
        raise ValueError(commit_file(version)) from None
    return info
