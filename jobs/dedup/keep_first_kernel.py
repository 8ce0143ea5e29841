"""Keep-first matching: each document is compared with kept ones that share a band, and only with those."""
# ruff: noqa: PLR0913, PLR0915, PLR0917, PLR0912, C901 - one loop over documents, in flat arrays

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from jobs.text.characters import Offsets
from jobs.text.words import Hashes

Ints = npt.NDArray[np.int64]

# Places in the state vector.
STAMP, NODES, KEPT, ARENA, KEYS, SERIAL, FIRST, DOCUMENT = range(8)
STATE = 8


@numba.njit(nogil=True, cache=True)
def intersection(a: Hashes, b: Hashes) -> int:
    """Return how many elements two sorted arrays of distinct elements share."""
    i = j = shared = 0
    while i < a.shape[0] and j < b.shape[0]:
        if a[i] == b[j]:
            shared += 1
            i += 1
            j += 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return shared


@numba.njit(nogil=True, cache=True)
def _find(keys: Hashes, stamps: Ints, stamp: int, key: np.uint64) -> int:
    """Return where a key lies in the table, or the free place where it belongs: one of another stamp."""
    mask = keys.shape[0] - 1
    slot = np.int64((key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(30)) & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@numba.njit(nogil=True, cache=True)
def rehash(
    keys: Hashes, stamps: Ints, heads: Ints, sizes: Ints, stamp: int, room: int
) -> tuple[Hashes, Ints, Ints, Ints]:
    """Return the table of this stamp in `room` places, a power of two."""
    new_keys = np.empty(room, np.uint64)
    new_stamps = np.full(room, -1, np.int64)
    new_heads = np.empty(room, np.int64)
    new_sizes = np.empty(room, np.int64)
    for slot in range(keys.shape[0]):
        if stamps[slot] == stamp:
            place = _find(new_keys, new_stamps, stamp, keys[slot])
            new_keys[place] = keys[slot]
            new_stamps[place] = stamp
            new_heads[place] = heads[slot]
            new_sizes[place] = sizes[slot]
    return new_keys, new_stamps, new_heads, new_sizes


@numba.njit(nogil=True, cache=True)
def match(
    start: int,
    sets: Hashes,
    places: Offsets,
    bands: Hashes,
    band_places: Offsets,
    fresh: npt.NDArray[np.bool_],
    state: Ints,
    keys: Hashes,
    stamps: Ints,
    heads: Ints,
    sizes: Ints,
    node_kept: Ints,
    node_next: Ints,
    kept_begin: Ints,
    kept_bands: Ints,
    kept_seen: Ints,
    kept_hits: Ints,
    arena: Hashes,
    band_arena: Hashes,
    threshold: float,
    comparisons: int,
    representatives: int,
    most: int,
    keeper: Ints,
    jaccard: npt.NDArray[np.float64],
    shared: Ints,
    joined: npt.NDArray[np.bool_],
) -> int:
    """Match documents from `start` on; return where it stopped: the end, or a row that needs more room.

    Args:
        start: First row.
        sets: uint64, the shingle sets of the rows, each sorted.
        places: int64 [n + 1], where they lie.
        bands: uint64, the band keys of the rows.
        band_places: int64 [n + 1], where they lie.
        fresh: bool [n], whether a new component begins.
        state: int64 [STATE], counters that go on from batch to batch.
        keys: The table from band key to a list of kept documents; with `stamps`, `heads` and `sizes`.
        stamps: The component that an entry belongs to; an entry of another is free.
        heads: First node of the list.
        sizes: Its length.
        node_kept: The kept document of a node.
        node_next: The next node, or -1.
        kept_begin: Where a kept document's shingles begin in the arena; one entry more than documents.
        kept_bands: The same for its band keys.
        kept_seen: The document that last met it.
        kept_hits: Bands that the two share, as the lists tell.
        arena: Shingles of kept documents.
        band_arena: Their band keys.
        threshold: Least Jaccard similarity of a duplicate.
        comparisons: Most kept documents that one is compared with, those of most shared bands first.
        representatives: Most kept documents in one list.
        most: Most shingles in the arena: beyond it, a kept document is not compared with.
        keeper: Out, the serial number of the kept document that the row repeats, or -1.
        jaccard: Out, their exact similarity.
        shared: Out, the bands that they share.
        joined: Out, whether the row became a kept document that others are compared with.
    """
    candidates = np.empty(4096, np.int64)
    for row in range(start, places.shape[0] - 1):
        if fresh[row]:
            state[STAMP] += 1
            state[NODES] = state[KEPT] = state[ARENA] = state[KEYS] = 0
            state[FIRST] = state[SERIAL]
            fresh[row] = False  # so that a second call for this row does not begin anew
        stamp = state[STAMP]
        mine = sets[places[row] : places[row + 1]]
        own = bands[band_places[row] : band_places[row + 1]]
        fits = state[ARENA] + mine.shape[0] <= most
        count = own.shape[0]
        if (
            2 * (state[KEYS] + count) > keys.shape[0]
            or state[NODES] + count > node_kept.shape[0]
            or state[KEPT] + 2 > kept_begin.shape[0]
            or (fits and state[ARENA] + mine.shape[0] > arena.shape[0])
            or kept_bands[state[KEPT]] * (state[KEPT] > 0) + count > band_arena.shape[0]
        ):
            return row
        if state[KEPT] == 0:
            kept_begin[0] = kept_bands[0] = 0
        state[DOCUMENT] += 1
        n_found = 0
        for key in own:
            slot = _find(keys, stamps, stamp, key)
            if stamps[slot] != stamp:
                continue
            node = heads[slot]
            while node >= 0:
                other = node_kept[node]
                if kept_seen[other] != state[DOCUMENT]:
                    kept_seen[other] = state[DOCUMENT]
                    kept_hits[other] = 0
                    if n_found < candidates.shape[0]:
                        candidates[n_found] = other
                        n_found += 1
                kept_hits[other] += 1
                node = node_next[node]
        keeper[row] = -1
        done = 0
        while done < n_found and done < comparisons:
            # The next of most shared bands, the earlier kept one where they tie.
            best = done
            for c in range(done + 1, n_found):
                more = kept_hits[candidates[c]] - kept_hits[candidates[best]]
                if more > 0 or (more == 0 and candidates[c] < candidates[best]):
                    best = c
            other = candidates[best]
            candidates[best] = candidates[done]
            candidates[done] = other
            done += 1
            theirs = arena[kept_begin[other] : kept_begin[other + 1]]
            a, b = mine.shape[0], theirs.shape[0]
            if min(a, b) < threshold * max(a, b):
                continue
            both = intersection(mine, theirs)
            similarity = both / (a + b - both)
            if similarity >= threshold:
                keeper[row] = state[FIRST] + other
                jaccard[row] = similarity
                for key in band_arena[kept_bands[other] : kept_bands[other + 1]]:
                    for mate in own:
                        shared[row] += mate == key
                break
        joined[row] = keeper[row] < 0 and fits
        if not joined[row]:
            continue
        place = state[KEPT]
        arena[state[ARENA] : state[ARENA] + mine.shape[0]] = mine
        band_arena[kept_bands[place] : kept_bands[place] + count] = own
        state[ARENA] += mine.shape[0]
        kept_begin[place + 1] = state[ARENA]
        kept_bands[place + 1] = kept_bands[place] + count
        kept_seen[place] = -1
        for key in own:
            slot = _find(keys, stamps, stamp, key)
            if stamps[slot] != stamp:
                keys[slot] = key
                stamps[slot] = stamp
                heads[slot] = -1
                sizes[slot] = 0
                state[KEYS] += 1
            if sizes[slot] < representatives:
                node = state[NODES]
                node_kept[node] = place
                node_next[node] = heads[slot]
                heads[slot] = node
                sizes[slot] += 1
                state[NODES] += 1
        state[KEPT] += 1
        state[SERIAL] += 1
    return places.shape[0] - 1
