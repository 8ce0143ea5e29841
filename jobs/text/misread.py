"""Characters that form sequences of UTF-8 if they are taken for the bytes of another encoding."""

from __future__ import annotations

import functools

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import Bytes, Offsets, decode, text_buffers

# What UTF-8 is read as by mistake: Python's codecs, the commonest first.
ENCODINGS = (
    "cp1252", "iso8859-1", "cp1251", "cp1250", "cp1254", "cp1253", "cp1257", "iso8859-15", "iso8859-2", "iso8859-9",
    "mac_roman", "cp437", "cp850", "cp866", "koi8-r", "cp1255", "cp1256", "cp874", "iso8859-5", "iso8859-7",
)  # fmt: skip


@functools.cache
def bytes_of(encoding: str) -> dict[int, int]:
    """Return the byte of each character beyond ASCII; bytes without a character are control characters."""
    out = {}
    for byte in range(0x80, 0x100):
        try:
            character = bytes([byte]).decode(encoding)
        except UnicodeDecodeError:
            character = chr(byte) if byte < 0xA0 else ""
        if len(character) == 1:
            out[ord(character)] = byte
    return out


def count_sequences(text: pa.Array) -> npt.NDArray[np.int64]:
    """Return int64 [n, encodings]: sequences of UTF-8 in each text, taken for bytes of each encoding."""
    data, offsets = text_buffers(text)
    out = np.zeros((len(text), len(ENCODINGS)), np.int64)
    _count(data, offsets, _table(), out)
    return out


@functools.cache
def _table() -> Bytes:
    """Return uint8 [code points of the BMP, encodings]: the byte of each character, 0 where it has none."""
    table = np.zeros((1 << 16, len(ENCODINGS)), np.uint8)
    for column, encoding in enumerate(ENCODINGS):
        for point, byte in bytes_of(encoding).items():
            table[point, column] = byte
    return table


@numba.njit(nogil=True, cache=True)
def _count(data: Bytes, offsets: Offsets, table: Bytes, out: npt.NDArray[np.int64]) -> None:
    n_encodings = table.shape[1]
    left = np.zeros(n_encodings, np.int64)
    for row in range(offsets.shape[0] - 1):
        left[:] = 0
        i = offsets[row]
        clear = True
        while i < offsets[row + 1]:
            if data[i] < 0x80:
                if not clear:
                    left[:] = 0
                    clear = True
                i += 1
                continue
            clear = False
            point, size = decode(data, i)
            i += size
            for column in range(n_encodings):
                byte = table[point, column] if point < 0x10000 else 0
                if left[column] > 0 and 0x80 <= byte < 0xC0:
                    left[column] -= 1
                    out[row, column] += left[column] == 0
                elif 0xC2 <= byte < 0xF5:
                    left[column] = 1 if byte < 0xE0 else (2 if byte < 0xF0 else 3)
                else:
                    left[column] = 0
