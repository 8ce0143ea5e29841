"""Reading a retrieved file again, and refusing it where it is no longer what was listed.

A single file that is gone or changed is a rejected row; a source's whole folder that is gone is no matter
of a row, and fails the flow (see `jobs.acquire.location`).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.location import location_of, require_location

_NAMES = (
    "sample_id", "source", "uri", "path", "digest", "media_type", "language", "modality", "attributes", "records",
    "repeated",
)  # fmt: skip
# What a landed row has from its row of `bronze.files`, unchanged.
FROM_FILE = (
    "sample_id", "parent_ids", "source", "license", "license_status", "license_evidence", "uri", "retrieved_at", "kind",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Original:
    """One row of `bronze.files`, as far as landing needs it.

    ``records`` is empty where it is one sample; ``repeated`` has the first place of an id by the record's number.
    """

    sample_id: str
    source: str
    uri: str
    path: str
    digest: str
    media_type: str
    language: str
    modality: str
    attributes: dict[str, str]
    records: str = ""
    repeated: dict[int, str] = field(default_factory=dict)


def originals(batch: pa.RecordBatch) -> Iterator[Original]:
    """Yield the rows of a batch of `bronze.files`: names and addresses, never contents."""
    columns = [batch.column(name).to_pylist() for name in _NAMES]
    for row in zip(*columns, strict=True):
        fields = dict(zip(_NAMES, row, strict=True))
        repeated = {one["number"]: one["first"] for one in fields["repeated"] or ()}
        attributes = dict(fields["attributes"] or ())
        records = fields["records"] or ""
        yield Original(**fields | {"attributes": attributes, "records": records, "repeated": repeated})


# Of files that are worked on together: an Arrow array of bytes ends at 2 GiB, and what is held at a time should.
_TOGETHER = 256 << 20


def by_size(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch of `bronze.files` into pieces whose files have 256 MiB together at most, or are one file."""
    begin = size = 0
    for at, bytes_ in enumerate(batch.column("size").to_pylist()):
        if at > begin and size + (bytes_ or 0) > _TOGETHER:
            yield batch.slice(begin, at - begin)
            begin, size = at, 0
        size += bytes_ or 0
    if begin < batch.num_rows:
        yield batch.slice(begin)


def read_original(original: Original) -> bytes:
    """Return a file's bytes.

    Raises:
        RejectedError: If it is gone, cannot be read, or changed since it was listed.
        FlowError: If its source's whole folder is gone, so that nothing is known about its files.
    """
    with _readable(original):
        data = Path(original.path).read_bytes()
    if hashlib.sha256(data).hexdigest() != original.digest:
        raise RejectedError("the file changed since it was listed")
    return data


def verify_original(original: Original) -> None:
    """Read a file once, a piece at a time, to see that it is what was listed.

    Raises:
        RejectedError: If it is gone, cannot be read, or changed since it was listed.
        FlowError: If its source's whole folder is gone, so that nothing is known about its files.
    """
    with _readable(original), Path(original.path).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != original.digest:
        raise RejectedError("the file changed since it was listed")


@contextlib.contextmanager
def _readable(original: Original) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        require_location(location_of(original.path, original.uri), original.source, original.path)
        if isinstance(error, FileNotFoundError):
            raise RejectedError("the file is gone since it was listed") from None
        raise RejectedError(f"unreadable: {error.strerror}") from error
