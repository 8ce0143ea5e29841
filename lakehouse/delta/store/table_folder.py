"""Locations of a table's folder and its log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow.fs as pafs
from deltalake.fs import DeltaStorageHandler

if TYPE_CHECKING:
    from deltalake import DeltaTable

LOG = "_delta_log"


def table_store(table: DeltaTable) -> pafs.FileSystem:
    """Return the file system whose root is the table's folder."""
    return table_folder(table.table_uri, storage_options(table))


def storage_options(table: DeltaTable) -> Mapping[str, str] | None:
    """Return the options with which a table was opened."""
    # delta-rs has no public name for it. Without a default, a release that renames it fails instead of losing options.
    options: Mapping[str, str] | None = table._storage_options  # noqa: SLF001
    return options


def table_folder(uri: str, storage_options: Mapping[str, str] | None = None) -> pafs.FileSystem:
    """Return the file system whose root is a table's folder."""
    folder = local_folder(uri)
    if folder is not None:
        # Absolute: Arrow ends the process at a relative path that looks like a URI.
        return pafs.SubTreeFileSystem(str(folder.absolute()), pafs.LocalFileSystem())
    return pafs.PyFileSystem(DeltaStorageHandler(uri, dict(storage_options or {})))


def local_folder(uri: str) -> Path | None:
    """Return the folder of a table, None where it is in an object store."""
    path = unquote(uri.removeprefix("file://")) if uri.startswith("file://") else uri
    return None if "://" in path else Path(path)


def commit_file(version: int) -> str:
    """Return the path of a version's commit, relative to the table's folder."""
    return f"{LOG}/{version:020d}.json"
