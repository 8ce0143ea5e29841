"""Ragged arrays: rows of unequal length as flat values and offsets, joined without a loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Ragged:
    """n rows of int32 values.

    Args:
        values: int32 [total].
        offsets: int64 [n + 1], where each row begins.
    """

    values: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def repeat(cls, value: int, counts: npt.NDArray[np.int64]) -> Ragged:
        """Return rows that hold one value, each as often as its count."""
        offsets = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return cls(np.full(offsets[-1], value, np.int32), offsets)

    @classmethod
    def column(cls, values: npt.NDArray[np.int32]) -> Ragged:
        """Return rows of one value each."""
        return cls(values, np.arange(len(values) + 1, dtype=np.int64))

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """int64 [n]."""
        return np.diff(self.offsets)

    def binary(self) -> pa.Array:
        """Return binary [n] of the rows' bytes, which shares the values' memory.

        Raises:
            OverflowError: If the rows exceed 2 GiB together.
        """
        if self.offsets[-1] * 4 >= 1 << 31:
            message = f"{self.offsets[-1]} ids do not fit one Arrow array of bytes"
            raise OverflowError(message)
        places = pa.py_buffer((self.offsets * 4).astype(np.int32))
        data = pa.py_buffer(np.ascontiguousarray(self.values, dtype="<i4"))
        return pa.Array.from_buffers(pa.binary(), len(self.offsets) - 1, [None, places, data])


def join(parts: Sequence[Ragged]) -> Ragged:
    """Return rows that hold the rows of all parts, one after the other.

    Args:
        parts: At least one, of n rows each.
    """
    lengths = np.stack([part.lengths for part in parts], axis=1)
    starts = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths.reshape(-1), out=starts[1:])
    values = np.empty(starts[-1], np.int32)
    begins = starts[:-1].reshape(lengths.shape)
    for place, part in enumerate(parts):
        shift = np.repeat(begins[:, place] - part.offsets[:-1], part.lengths)
        values[np.arange(len(part.values)) + shift] = part.values
    return Ragged(values, np.append(begins[:, 0], starts[-1]))
