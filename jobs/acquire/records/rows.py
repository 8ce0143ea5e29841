"""From the records of a file to what the rows of every landed table have: identity, address, licence, reasons."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.licence_expression import UNKNOWN, agrees
from jobs.acquire.licence_names import named_spdx
from jobs.acquire.original_file import Original, verify_original
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.fields import Fields, fields_of
from jobs.acquire.records.read import read_records
from jobs.acquire.records.record import Record
from schemas.identity import landed_ids

# Records of a batch that is passed on.
_ROWS, _BYTES = 2048, 32 << 20
_FROM_FILE = ("source", "retrieved_at", "kind", "modality")


@dataclass(frozen=True, slots=True)
class Described:
    """How the records of one file are read, as ``bronze.files.records`` has it.

    Args:
        declared: Which field is what, resolved for the file.
        file_licenses: SPDX expressions that records may state beside their source's licence; ``*`` for any.
    """

    declared: Records
    file_licenses: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return it as JSON."""
        declared = json.loads(self.declared.to_json())
        return json.dumps({"declared": declared, "file_licenses": self.file_licenses}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Described:
        """Return what `to_json` wrote."""
        said = json.loads(text)
        return cls(Records.from_json(json.dumps(said["declared"])), tuple(said["file_licenses"]))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records of one file.

    Args:
        records: The records.
        fields: What each says; None where it is refused.
        reasons: Why each is refused, with its place; None where it is not.
        columns: What the rows of any landed table have, by column.
    """

    records: Sequence[Record]
    fields: Sequence[Fields | None]
    reasons: Sequence[str | None]
    columns: Mapping[str, Any]


def read_chunks(original: Original, row: Mapping[str, Any]) -> Iterator[Chunk]:
    """Yield the records of a file, some at a time.

    A record whose id an earlier one of its source has is refused, and so is one that cannot be read or lacks what its
    modality needs.

    Args:
        original: The file.
        row: Its row of bronze.files or bronze.record_files.

    Raises:
        FlowError: If its source's whole folder is gone.
    """
    described = Described.from_json(original.records)
    chunk: list[tuple[Record, Fields | None, str | None]] = []
    size = 0
    for record, fields, problem in checked_records(original, described.declared):
        if fields is not None and record.number in original.repeated:
            repeats = f"its id is that of an earlier record: {fields.id[:200]!r}, {original.repeated[record.number]}"
            chunk.append((record, None, reason_of(record, repeats)))
        else:
            chunk.append((record, fields, reason_of(record, problem) if problem else None))
            size += len(fields.text) + len(fields.media or b"") if fields else 0
        if len(chunk) >= _ROWS or size >= _BYTES:
            yield _chunk(chunk, original, row, described)
            chunk, size = [], 0
    if chunk:
        yield _chunk(chunk, original, row, described)


def reason_of(record: Record, problem: str) -> str:
    """Return why a record is refused: what is wrong first, by which quarantined rows are counted, then its place.

    >>> reason_of(Record(3, "line 3", {}), "it is not JSON: Expecting value")
    'it is not JSON: line 3: Expecting value'
    """
    rule, colon, details = problem.partition(": ")
    return f"{rule}: {record.place}{colon}{details}"


def checked_records(original: Original, declared: Records) -> Iterator[tuple[Record, Fields | None, str]]:
    """Yield each record of a file with what it says, or why it is refused.

    Raises:
        FlowError: If its source's whole folder is gone.
    """
    try:
        verify_original(original)
    except RejectedError as rejected:
        yield Record(0, "the file", {}), None, str(rejected)
        return
    compression = original.attributes.get("compression", "")
    for record in read_records(Path(original.path), declared, compression):
        if record.problem:
            yield record, None, record.problem
            continue
        try:
            yield record, fields_of(record, declared, original.modality), ""
        except RejectedError as rejected:
            yield record, None, str(rejected)


def record_ids(source: str, addresses: Sequence[str], fields: Sequence[Fields | None]) -> pa.Array:
    """Return the sample ids of records: of its source and id, where it has one, else of its address and content.

    Args:
        source: Key of the source.
        addresses: Address of each record.
        fields: What each says; None where it is refused.
    """
    named = [f"id:{one.id}" if one is not None and one.id else uri for one, uri in zip(fields, addresses, strict=True)]
    digests = ["" if one is None or one.id else _digest(one) for one in fields]
    columns = (pa.array(values, pa.string()) for values in ([source] * len(named), named, digests))
    return landed_ids(*columns)


def address(uri: str, number: int, fields: Fields | None) -> str:
    """Return the address of a record: its file's, with its id or its number."""
    if fields is not None and fields.id:
        return f"{uri}#id={quote(fields.id, safe='/@+,=()!~:')}"
    return f"{uri}#{number}"


def _chunk(
    chunk: Sequence[tuple[Record, Fields | None, str | None]],
    original: Original,
    row: Mapping[str, Any],
    described: Described,
) -> Chunk:
    records, fields, reasons = zip(*chunk, strict=True)
    addresses = [address(original.uri, record.number, one) for record, one in zip(records, fields, strict=True)]
    licences = [_licence(one, row, described) for one in fields]
    columns: dict[str, Any] = {
        "sample_id": record_ids(original.source, addresses, fields),
        "parent_ids": [[original.sample_id]] * len(records),
        "uri": addresses,
        "license": [licence[0] for licence in licences],
        "license_status": [licence[1] for licence in licences],
        "license_evidence": [licence[2] for licence in licences],
        "url": [one.url if one else None for one in fields],
        "published_at": [one.time if one else None for one in fields],
        **{name: [row[name]] * len(records) for name in _FROM_FILE},
    }
    return Chunk(records, fields, reasons, columns)


def _licence(fields: Fields | None, row: Mapping[str, Any], described: Described) -> tuple[str, str, str]:
    """Return a record's licence, status and evidence: its own where it states one, else its file's."""
    if fields is None or not fields.license:
        return row["license"], row["license_status"], row["license_evidence"]
    stated = named_spdx(fields.license)
    known = [row["declared_license"] or row["license"], *described.file_licenses]
    allowed = "*" in known or (bool(stated) and (known[0] in UNKNOWN or any(agrees(stated, one) for one in known)))
    words = f"the record's {described.declared.license}: {fields.license[:160]}"
    return stated or "NOASSERTION", "agreed" if allowed else "needs_review", words


def _digest(fields: Fields) -> str:
    digest = hashlib.sha256(fields.text.encode())
    if fields.media is not None:
        digest.update(b"\0" + fields.media)
    return digest.hexdigest()
