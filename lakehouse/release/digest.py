"""The digests of a release: of the content of its tables, and of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.data_files import files
from lakehouse.delta.data_version import leaves_rows
from lakehouse.delta.history import history

if TYPE_CHECKING:
    from deltalake import DeltaTable


def release_digest(digests: Mapping[str, str]) -> str:
    """Return the digest of a release: SHA-256 over its tables' names and content digests, sorted."""
    body = "".join(f"{table}\t{digest}\n" for table, digest in sorted(digests.items()))
    return hashlib.sha256(body.encode()).hexdigest()


def content_digest(table: DeltaTable) -> str:
    """Return the content digest of a table at its version, from its commit note.

    A version whose rows were last changed by something other than a flow has no note about them; its digest is one of
    its files, marked ``files:``.
    """
    for commit in history(table):
        note = CommitNote.from_json(commit.get("userMetadata"))
        if note is not None and note.digest:
            return note.digest
        if note is None and not leaves_rows(commit):
            break
    return f"files:{files_digest_of({'': table})}"


def files_digest_of(opened: Mapping[str, DeltaTable]) -> str:
    """Return SHA-256 over the names and sizes of the data files of some tables at their versions."""
    digest = hashlib.sha256()
    for name, table in sorted(opened.items()):
        found = files(table)
        paths, sizes = found.column("path"), found.column("size_bytes").cast(pa.string())
        if found.num_rows:
            lines = pc.binary_join_element_wise(name, paths, sizes, "\t")
            digest.update("\n".join(lines.to_pylist()).encode() + b"\n")
    return digest.hexdigest()
