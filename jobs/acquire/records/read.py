"""Read the records of a file, in bounded memory, whatever its format: each is a record or a problem with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from jobs.acquire.child_process import in_child
from jobs.acquire.compression import most_bytes, open_stream
from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.records import columnar, delimited, json_array, json_lines, warc, webdataset
from jobs.acquire.records.declaration import Records
from jobs.acquire.records.record import Record, bad

_STREAMS: dict[str, Callable[[IO[bytes], Records], Iterator[Record]]] = {
    "jsonl": json_lines.read,
    "json": json_array.read,
    "csv": delimited.read,
    "tsv": delimited.read,
    "webdataset": webdataset.read,
    "warc": warc.read,
}
# Read by compiled code, in a process of their own.
_IN_CHILD: dict[str, Callable[[Path, Records, str], Iterator[Record]]] = {
    "parquet": columnar.read_parquet,
    "arrow": columnar.read_arrow,
}
_TOGETHER, _TOGETHER_BYTES = 256, 8 << 20
# A file of which so many records come first, none of them any good, is of another format.
_ALL_BAD = 1000


def read_records(path: Path, declared: Records, compression: str) -> Iterator[Record]:
    """Yield the records of a file in their order.

    What ends the reading of a file before its end (a damaged or cut compression, a damaged archive, a header without a
    declared column) is a last record with a problem, and so is whatever else a library raises.

    Args:
        path: The file.
        declared: What is declared of its records, resolved.
        compression: How it is compressed; empty where it is not.
    """
    last, count, good = "", 0, 0
    records = _records(path, declared, compression)
    while True:
        try:
            with guarded(f"it cannot be read as {declared.format}"):
                record = next(records, None)
        except RejectedError as rejected:
            yield bad(count + 1, f"after {last}" if last else "the file", str(rejected))
            return
        if record is None:
            if not last:
                yield bad(1, "the file", f"it holds no record of {declared.format}")
            return
        yield record
        last, count, good = record.place, record.number, good + (not record.problem)
        if not good and count >= _ALL_BAD:
            problem = f"of its first {count} records none can be read as {declared.format}: the rest is not read"
            yield bad(count + 1, f"after {last}", problem)
            return


def _records(path: Path, declared: Records, compression: str) -> Iterator[Record]:
    if declared.format in _IN_CHILD:
        for some in in_child(_batches, path, declared, compression):
            yield from some
        return
    with path.open("rb") as file, open_stream(file, compression, path.stat().st_size) as stream:
        yield from _STREAMS[declared.format](stream, declared)


def _require_left(left: int, most: int) -> None:
    """Refuse a file whose rows repeat a few values without end, as encodings by dictionary can."""
    if left < 0:
        raise RejectedError(f"its rows have more than {most} bytes: a decompression bomb")


def _batches(path: Path, declared: Records, compression: str) -> Iterator[list[Record]]:
    """Yield records some at a time, as they go from process to process, and before an error those that came."""
    some: list[Record] = []
    size = 0
    left = most = most_bytes(path.stat().st_size)
    try:
        for record in _IN_CHILD[declared.format](path, declared, compression):
            some.append(record)
            size += sum(len(value) for value in record.values.values() if isinstance(value, str | bytes))
            if len(some) == _TOGETHER or size > _TOGETHER_BYTES:
                yield some
                left -= size
                some, size = [], 0
            _require_left(left, most)
    except GeneratorExit:
        raise
    except BaseException:
        if some:
            yield some
        raise
    if some:
        yield some
