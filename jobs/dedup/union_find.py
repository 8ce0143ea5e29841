"""Union-find over numbered nodes."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def roots(nodes: int, a: Ints, b: Ints) -> Ints:
    """Return int64 [nodes], the least node of each node's component.

    Args:
        nodes: How many nodes there are.
        a: int64 [edges], one end.
        b: int64 [edges], the other.
    """
    parent = np.arange(nodes, dtype=np.int64)
    _join(parent, a, b)
    return parent


@numba.njit(nogil=True, cache=True)
def _root(parent: Ints, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@numba.njit(nogil=True, cache=True)
def _join(parent: Ints, a: Ints, b: Ints) -> None:
    for i in range(a.shape[0]):
        x, y = _root(parent, a[i]), _root(parent, b[i])
        if x < y:
            parent[y] = x
        elif y < x:
            parent[x] = y
    for node in range(parent.shape[0]):
        parent[node] = _root(parent, node)
