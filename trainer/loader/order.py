"""Which stored row comes when: a keyed permutation within blocks, and what a rank takes of a batch.

All is arithmetic over (seed, epoch, row), so that a seek costs the same at any depth and no index grows
with the rows read.
"""

from __future__ import annotations

import functools

import numpy as np

BLOCK = 256
PAD = -1

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def mix64(x: np.ndarray) -> np.ndarray:
    """Return the SplitMix64 finaliser of uint64 values (Steele, Lea, Flood, OOPSLA 2014), elementwise."""
    x = x + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    mixed: np.ndarray = x ^ (x >> np.uint64(31))
    return mixed


def stored_positions(begin: int, end: int, *, rows: int, seed: int) -> np.ndarray:
    """Return the stored positions of places [begin, end) of the training order.

    Each pass over the stage is an epoch. Seed 0 is the stored order in every epoch; another seed orders the
    rows of each block of 256 by a hash of (seed, epoch, position), so rows never leave their block and what a
    mixture balances over a block stays balanced.

    Args:
        begin: First place, counted over epochs.
        end: One past the last place.
        rows: Rows of the stage.
        seed: The order.

    Returns:
        int64 [end - begin].
    """
    place = np.arange(begin, end, dtype=np.int64)
    epoch, row = np.divmod(place, rows)
    if seed == 0 or not len(place):
        return row
    block, within = np.divmod(row, BLOCK)
    # Places ascend, so equal pairs of epoch and block are neighbours.
    first = np.flatnonzero(np.r_[True, (block[1:] != block[:-1]) | (epoch[1:] != epoch[:-1])])
    out = np.empty_like(row)
    for at, upto in zip(first, np.r_[first[1:], len(place)], strict=True):
        order = _block_order(seed, int(epoch[at]), int(block[at]), rows)
        out[at:upto] = block[at] * BLOCK + order[within[at:upto]]
    return out


@functools.lru_cache(maxsize=64)
def _block_order(seed: int, epoch: int, block: int, rows: int) -> np.ndarray:
    size = min(BLOCK, rows - block * BLOCK)
    with np.errstate(over="ignore"):
        key = mix64(mix64(np.array([seed & 0xFFFFFFFFFFFFFFFF], np.uint64)) ^ np.uint64(epoch))
        draw = mix64(key ^ np.arange(block * BLOCK, block * BLOCK + size, dtype=np.uint64))
    order = np.argsort(draw, kind="stable")
    order.setflags(write=False)
    return order


def rank_rows(positions: np.ndarray, *, rank: int, world: int, global_batch: int) -> np.ndarray:
    """Return a rank's share of a batch: the rows whose place in it is congruent to the rank modulo the world.

    Args:
        positions: int64 [n <= global_batch], stored positions of the batch in the training order.
        rank: This rank.
        world: Ranks that share the batch.
        global_batch: Rows of a whole batch.

    Returns:
        int64 [ceil(global_batch / world)]; the rows that the batch lacks are `PAD`, and come last.
    """
    mine = positions[rank::world]
    out = np.full(-(-global_batch // world), PAD, np.int64)
    out[: len(mine)] = mine
    return out
