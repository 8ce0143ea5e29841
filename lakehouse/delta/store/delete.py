"""Delete files of a table."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow.fs as pafs

from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import LakeError

if TYPE_CHECKING:
    from deltalake import DeltaTable

_DELETERS = 16


def delete_files(table: DeltaTable, paths: Sequence[str]) -> None:
    """Delete files of a table that no version in use names; its log still names them.

    Args:
        table: The table.
        paths: Relative to the table's folder. Files that are already deleted are ignored.

    Raises:
        LakeError: If the store refused.
    """
    store = table_store(table)

    def delete(path: str) -> None:
        folder, _, name = path.rpartition("/")
        # Spark on a folder leaves a checksum file beside each file.
        for victim in (path, f"{folder}/.{name}.crc" if folder else f".{name}.crc"):
            if victim != path and not isinstance(store, pafs.SubTreeFileSystem):
                continue
            try:
                store.delete_file(victim)
            except FileNotFoundError:
                continue

    with ThreadPoolExecutor(_DELETERS) as pool:
        try:
            list(pool.map(delete, paths))
        except OSError as error:
            raise LakeError(
                f"a file in {table.table_uri} cannot be deleted: {error}", "check the rights, and vacuum again"
            ) from None
