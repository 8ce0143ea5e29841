"""Seal a release: digests of the Parquet footers of its tables."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from lakehouse.delta.data_files import files
from lakehouse.delta.parquet_footer import Footer, read_footers
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deltalake import DeltaTable


def seal(name: str, table: DeltaTable) -> str:
    """Return the digest of the footers of a table's data files at its version, 64 hex digits.

    Args:
        name: The table's name, for errors.
        table: The table.

    Raises:
        LakeError: If a file is missing, or does not end as a Parquet file.
    """
    found = files(table)
    paths = found["file"].to_pylist()
    footers: list[Footer] = []
    for path, footer in zip(paths, read_footers(table_store(table), paths), strict=True):
        if isinstance(footer, Exception):
            why = "is missing" if isinstance(footer, FileNotFoundError) else f"cannot be read: {footer}"
            raise LakeError(f"{path} of {name} {why}", "restore the file, or run the table's flow --full")
        footers.append(footer)
    return seal_of(found["path"].to_pylist(), footers)


def seal_of(paths: Iterable[str], footers: Iterable[Footer]) -> str:
    """Return the digest of some footers and their files' names, as the log has them, in the order of the names."""
    digest = hashlib.sha256()
    for path, footer in zip(paths, footers, strict=True):
        digest.update(f"{path}\t{footer.digest}\n".encode())
    return digest.hexdigest()
