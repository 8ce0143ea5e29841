"""The files of each source, with what their paths and neighbours say of them, land as rows of `bronze.files`."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.file_licence import FileLicences
from jobs.acquire.languages import UNKNOWN
from jobs.acquire.listing import EMPTY_LISTING, Entry, captions, describe, list_files
from jobs.acquire.location import RESTORE, is_there
from jobs.acquire.media_types import media_type, programming_language
from jobs.acquire.path_language import PathLanguages
from jobs.acquire.record_batch import batch_of
from jobs.acquire.records.declaration import SUFFIXES, Records
from jobs.acquire.records.rows import Described
from jobs.acquire.records.undeclared import undeclared
from jobs.acquire.source_list import Source
from jobs.acquire.spdx_header import HEAD_BYTES
from lakehouse.declare.flow import flow
from lakehouse.errors import FlowError
from schemas.identity import landed_ids
from schemas.sources import files as table
from schemas.sources import sources

_HEAD = 64
_BATCH_FILES = 2000


@dataclass(frozen=True, slots=True)
class FilesParams:
    """How much of each source is landed.

    Args:
        most: Files of a source at most, in the order of their names; 0 for all.
    """

    most: int = 0


@flow(
    id="jobs.acquire.files.files",
    writes=table,
    reads={"sources": sources},
    params=FilesParams,
    source_key="source",
    source_key_sql="source",
    batch_rows=1,
    reject_tolerance=1.0,
    tags=["landing"],
)
def files(batch: pa.RecordBatch, params: FilesParams) -> Iterator[pa.RecordBatch]:
    """List the files of each source, hash their bytes, and read the files beside them.

    Args:
        batch: Rows of `bronze.sources`.
        params: See `FilesParams`.

    Yields:
        Rows of `bronze.files`, at most 2,000 in a batch, so that memory does not grow with a source. A file
        that is too large, unreadable, led out of the folder by a link, whose name is not UTF-8, whose caption or
        transcript is any of these, or that is speech without a transcript in its language is rejected.

    Raises:
        FlowError: If a source's folder is gone, or none of its files are left, since it was retrieved.
    """
    for known in batch.to_pylist():
        root, source, listing = Path(known["location"]), Source.from_json(known["rules"]), known["listing"]
        licences = FileLicences(root, source, known)
        named = _named_languages(root, source, params)
        if listing != EMPTY_LISTING and not is_there(root):
            raise _gone(f"the folder {root} of {source.key} is gone or empty since it was retrieved")
        empty = True
        for entries in itertools.batched(list_files(root, source, params.most), _BATCH_FILES):
            empty = False
            yield _rows(root, source, entries, (licences, named), known["retrieved_at"])
        if empty and listing != EMPTY_LISTING:
            raise _gone(f"no file of {source.key} is left in {root} since it was retrieved")


def _gone(message: str) -> FlowError:
    return FlowError(message, RESTORE)


def _named_languages(root: Path, source: Source, params: FilesParams) -> PathLanguages:
    """Return the languages that paths name, of texts of whose language the source says nothing."""
    silent = source.modality == "text" and source.language == UNKNOWN
    return PathLanguages(entry.name for entry in list_files(root, source, params.most)) if silent else PathLanguages(())


def _rows(
    root: Path,
    source: Source,
    entries: Sequence[Entry],
    evidence: tuple[FileLicences, PathLanguages],
    retrieved_at: datetime,
) -> pa.RecordBatch:
    rows = []
    licences, named = evidence
    for entry in entries:
        row = _row(root, source, entry, licences)
        if row["language"] == UNKNOWN:
            row["language"] = named.of(entry.name)
        rows.append(row | {"retrieved_at": retrieved_at, "parent_ids": []})
    columns: dict[str, Any] = {
        column.name: [row.get(column.name) for row in rows]
        for column in table.columns
        if column.name not in ("run_id", "sample_id")
    }
    # A file of records is the place of its samples, which have identities of their own.
    digests = ["" if row["records"] else row["digest"] for row in rows]
    texts = (pa.array(values, pa.string()) for values in (columns["source"], columns["uri"], digests))
    columns["sample_id"] = landed_ids(*texts)
    return batch_of(table, columns, [row["reject"] for row in rows])


def _row(root: Path, source: Source, entry: Entry, licences: FileLicences) -> dict[str, Any]:
    """Return one row; a rejected one has the digest of nothing, and the licence that its source declares."""
    path = root / entry.name
    row: dict[str, Any] = {
        "source": source.key,
        "uri": entry.uri,
        # A name that is not UTF-8 cannot be stored in a table.
        "path": os.fsencode(path).decode("utf-8", "backslashreplace"),
        "digest": "",
        "size": entry.size,
        "media_type": "",
        "modality": source.modality,
        "kind": source.kind,
        "language": source.language,
        "attributes": [],
        "records": None,
        "ready": True,
        "reject": None,
    }
    try:
        with guarded("unreadable"):
            head = _read(path, root, source, entry, row)
            # What a record states of a licence is the record's.
            licence = licences.of(entry.name, b"" if row["records"] else head, row["media_type"])
    except RejectedError as rejected:
        row["reject"] = str(rejected)
        licence = licences.declared()
    return row | dataclasses.asdict(licence)


def _read(path: Path, root: Path, source: Source, entry: Entry, row: dict[str, Any]) -> bytes:
    """Fill a row from its file, path and neighbours, and return its first bytes; raise where it is no good."""
    if entry.problem:
        raise RejectedError(entry.problem)
    row["kind"], row["language"] = describe(source, entry.name)
    if row["path"] != str(path):
        raise RejectedError("the file's name is not UTF-8")
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            stream.seek(0)
            row["digest"] = hashlib.file_digest(stream, "sha256").hexdigest()
            row["size"] = stream.tell()
    except OSError as error:
        raise RejectedError(f"unreadable: {error.strerror}") from error
    row["media_type"], compression = media_type(entry.name, head[:_HEAD])
    if source.records is None or source.records.format == "document":
        if source.records is None and (problem := undeclared(entry.name, head, source.modality)):
            raise RejectedError(problem)
        _describe_sample(path, root, source, row, compression)
    else:
        _describe_records(source, source.records, entry.name, row, compression)
    return head


def _describe_records(source: Source, records: Records, name: str, row: dict[str, Any], compression: str) -> None:
    if not records.format_of(name):
        raise RejectedError(
            f"its name says no format of records: it must end in one of {', '.join(SUFFIXES)}, "
            "or its source must declare records: {format: ...}"
        )
    declared = records.resolved(name, source.modality)
    row["records"] = Described(declared, source.file_licenses).to_json()
    row["ready"] = not declared.id
    row["attributes"] = [("compression", compression)] if compression else []


def _describe_sample(path: Path, root: Path, source: Source, row: dict[str, Any], compression: str) -> None:
    if source.modality == "code":
        row["language"] = programming_language(row["media_type"])
    attributes = _attributes(path, source, row["language"], root)
    if compression:
        attributes["compression"] = compression
    if source.split:
        attributes["split"] = source.split
    row["attributes"] = sorted(attributes.items())
    if source.modality == "speech" and "transcript" not in attributes:
        raise RejectedError(f"no transcript in {row['language']} beside it")


def _attributes(path: Path, source: Source, language: str, root: Path) -> dict[str, str]:
    texts = captions(path, source, language, root)
    if source.modality == "speech":
        # en-GB reads the caption in en where there is none of its own.
        said = texts.get(language) or texts.get(language.split("-", maxsplit=1)[0])
        rule = source.neighbour
        relation = "title" if rule is None or rule.format == "name" else rule.relation
        return {"transcript": said, "relation": relation} if said else {}
    return {f"caption:{tag}": text for tag, text in texts.items()}
