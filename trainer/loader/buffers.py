"""Batch memory that is used again once nothing refers to it.

Fresh memory costs a page fault every 4 KiB, about as much as the copy into it. A buffer goes out again only
when its reference count says that the batch, its tensors and all views of them are gone.
"""

from __future__ import annotations

import sys
import threading

import numpy as np


class Buffers:
    """A pool of arrays by shape and type.

    Args:
        keep: Buffers kept of one shape and type; beyond them memory is plain and fresh.
    """

    def __init__(self, keep: int = 16) -> None:
        """Begin with no buffer."""
        self._keep = keep
        self._held: dict[tuple[tuple[int, ...], str], list[np.ndarray]] = {}
        self._lock = threading.Lock()
        # The count of an array that only the pool holds, as this interpreter counts it.
        self._idle = _references([np.empty(1)], 0)

    def take(self, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
        """Return an array of that shape and type; its values are undefined."""
        key = (shape, np.dtype(dtype).str)
        with self._lock:
            held = self._held.setdefault(key, [])
            for i in range(len(held)):
                if _references(held, i) == self._idle:
                    return held[i]
            fresh = np.empty(shape, dtype)
            if len(held) < self._keep:
                held.append(fresh)
            return fresh


def _references(held: list[np.ndarray], i: int) -> int:
    return sys.getrefcount(held[i])
