"""Open compressed files as streams, bounded: no file expands without end."""

from __future__ import annotations

import bz2
import gzip
import io
from typing import IO, cast

import pyarrow as pa

from jobs.acquire.file_guard import RejectedError, guarded

SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bzip2"}

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"))
# No text or table packs so well; what does is a bomb.
_LEAST, _RATIO = 64 << 20, 1000
_BUFFER = 1 << 18


def compression_of(head: bytes) -> str:
    r"""Return how a file is compressed, by its first bytes: gzip, zstd, bzip2, or an empty text.

    >>> compression_of(b"\x1f\x8b\x08"), compression_of(b"BZh91AY"), compression_of(b"BZhello")
    ('gzip', 'bzip2', '')
    """
    for magic, name in _MAGIC:
        if head.startswith(magic) and (name != "bzip2" or head[3:4].isdigit()):
            return name
    return ""


class _Bounded(io.RawIOBase):
    """What a decompressor yields, as long as it is in proportion to the file."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        super().__init__()
        self._stream, self._left, self._most = stream, most, most
        # What was unpacked before damage is given out before the error is raised.
        self._read = getattr(stream, "read1", stream.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer))
        data = self._read(len(view))
        self._left -= len(data)
        if self._left < 0:
            raise RejectedError(f"it unpacks to more than {self._most} bytes: a decompression bomb")
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def most_bytes(size: int) -> int:
    """Return how many bytes a compressed file of a size may hold."""
    return max(_LEAST, _RATIO * size)


def open_stream(file: IO[bytes], compression: str, size: int) -> io.BufferedReader:
    """Return what a file holds as a stream, which closes the file.

    Args:
        file: The file, opened.
        compression: "gzip", "zstd", "bzip2" or an empty text.
        size: Its bytes, compressed.

    Raises:
        RejectedError: While it is read, where it expands to more than 64 MiB and a thousand times its size. What the
            decompressor raises on damaged bytes is its own.
    """
    if compression == "gzip":
        inner: IO[bytes] = cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    elif compression == "zstd":
        inner = cast("IO[bytes]", pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd"))
    elif compression == "bzip2":
        inner = cast("IO[bytes]", bz2.BZ2File(file))
    else:
        inner = file
    most = most_bytes(size) if compression else 1 << 62
    return io.BufferedReader(_Bounded(inner, most), _BUFFER)


def decompress(data: bytes, compression: str, most: int) -> bytes:
    """Return what compressed bytes hold.

    Raises:
        RejectedError: If they are damaged or hold more than `most` bytes.
    """
    with guarded(f"the {compression} file is damaged"), open_stream(io.BytesIO(data), compression, len(data)) as stream:
        try:
            out = stream.read(most + 1)
        except EOFError:
            raise RejectedError(f"the {compression} file is cut off") from None
    if len(out) > most:
        raise RejectedError(f"holds more than {most} bytes")
    return out
