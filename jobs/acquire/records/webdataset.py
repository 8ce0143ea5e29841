"""Read WebDataset tar files: neighbouring members of one name but for their suffixes are one record."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from typing import IO, Any, Self

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.record import Record, bad

# The key goes up to the first dot of the last part.
_MEMBER = re.compile(r"^((?:.*/|)[^./][^./]*)\.([^/]+)$", re.DOTALL)
_EXTENDED_HEADERS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
_MOST_HEADER = 1 << 20


class _Archive(tarfile.TarFile):
    """A tar file that goes on behind damaged headers, and says where they were."""

    damaged = ""
    members: list[tarfile.TarInfo]


class _Member(tarfile.TarInfo):
    """A header whose extensions, which tarfile reads whole, are of a sane size."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """Return the next header; where it is damaged, note that: tarfile alone would take it for the end."""
        try:
            return super().fromtarfile(archive)
        except (tarfile.EOFHeaderError, tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            if isinstance(archive, _Archive):
                archive.damaged = archive.damaged or f"a header is damaged: at byte {archive.offset}, {error}"
            raise

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _EXTENDED_HEADERS and self.size > _MOST_HEADER:
            raise RejectedError(f"a header of {self.size} bytes")
        return super()._proc_member(archive)  # type: ignore[misc]


class _Sample:
    """The members of one record."""

    def __init__(self, key: str, number: int) -> None:
        self.key, self.number = key, number
        self.values: dict[str, Any] = {"__key__": key}
        self.size = 0
        self.problem = ""

    def record(self) -> Record:
        values = {} if self.problem else self.values
        return Record(self.number, f"sample {_shown(self.key)}", values, self.problem)


def read(stream: IO[bytes], declared: Records) -> Iterator[Record]:
    """Yield the records of a tar stream; the fields are the suffixes, in lower case, and ``__key__``.

    Members of JSON are objects, so that ``json.caption`` is a field; others are bytes, and texts where they are used
    as such. Members that are no files, or have no suffix, belong to no record.
    """
    wanted = {field.lower().partition(".")[0] for field in declared.fields} | {f.lower() for f in declared.fields}
    sample: _Sample | None = None
    number = 0
    with _Archive.open(fileobj=stream, mode="r|", tarinfo=_Member, ignore_zeros=True) as archive:
        for member in archive:
            archive.members = []  # of which tarfile keeps all
            if archive.damaged:
                if sample is not None:
                    yield sample.record()
                sample = None
                number += 1
                yield bad(number, f"before {_shown(member.name)}", archive.damaged)
                archive.damaged = ""
            match = _MEMBER.match(member.name) if member.isreg() else None
            if match is None:
                continue
            key, suffix = match.group(1), match.group(2).lower()
            if sample is None or key != sample.key:
                if sample is not None:
                    yield sample.record()
                number += 1
                sample = _Sample(key, number)
            if suffix in wanted:
                _add(sample, suffix, member, archive, declared.max_bytes)
        if sample is not None:
            yield sample.record()
        if archive.damaged:
            yield bad(number + 1, "the end", archive.damaged)


def _add(sample: _Sample, suffix: str, member: tarfile.TarInfo, archive: tarfile.TarFile, most: int) -> None:
    sample.size += member.size
    if suffix in sample.values:
        sample.problem = sample.problem or f"it has two members .{suffix}"
    elif sample.size > most:
        sample.problem = sample.problem or f"its members have more than {most} bytes"
    else:
        content = archive.extractfile(member)
        data = content.read() if content is not None else b""
        try:
            with guarded(f"its member .{suffix} is not JSON"):
                sample.values[suffix] = json.loads(data) if suffix == "json" else data
        except RejectedError as rejected:
            sample.problem = sample.problem or str(rejected)


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
