"""Keep-first matching: each document is compared with kept ones that share a band, and only with those."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from jobs.text.characters import Offsets
from jobs.text.words import Hashes

Ints = npt.NDArray[np.int64]

# Places in the state vector.
STAMP, NODES, KEPT, ARENA, KEYS, SERIAL, FIRST, DOCUMENT = range(8)
STATE = 8


class Documents(NamedTuple):
    """The documents of a batch.

    Args:
        sets: uint64, the shingle sets of the rows, each sorted.
        places: int64 [n + 1], their offsets.
        bands: uint64, the band keys of the rows.
        band_places: int64 [n + 1], their offsets.
        fresh: bool [n], whether a new component begins.
        keeps: bool [n], whether later documents may repeat it.
    """

    sets: Hashes
    places: Offsets
    bands: Hashes
    band_places: Offsets
    fresh: npt.NDArray[np.bool_]
    keeps: npt.NDArray[np.bool_]


class KeptDocuments(NamedTuple):
    """The kept documents of a component, in arrays with room for more.

    Args:
        state: int64 [STATE], counters that go on from batch to batch.
        keys: The table from band key to a list of kept documents; with `stamps`, `heads` and `sizes`.
        stamps: The component that an entry belongs to; an entry of another is free.
        heads: First node of the list.
        sizes: Its length.
        node_kept: The kept document of a node.
        node_next: The next node, or -1.
        begin: Where a kept document's shingles begin in the arena; one entry more than documents.
        band_begin: The same for its band keys.
        seen: The document that last met it.
        hits: Bands that the two share, as the lists tell.
        arena: Shingles of kept documents.
        band_arena: Their band keys.
    """

    state: Ints
    keys: Hashes
    stamps: Ints
    heads: Ints
    sizes: Ints
    node_kept: Ints
    node_next: Ints
    begin: Ints
    band_begin: Ints
    seen: Ints
    hits: Ints
    arena: Hashes
    band_arena: Hashes

    @classmethod
    def small(cls) -> KeptDocuments:
        """Return room for a small component."""
        documents = [np.zeros(1 << 8, np.int64) for _ in range(4)]
        return cls(
            state=np.zeros(STATE, np.int64),
            keys=np.empty(1 << 12, np.uint64),
            stamps=np.full(1 << 12, -1, np.int64),
            heads=np.empty(1 << 12, np.int64),
            sizes=np.empty(1 << 12, np.int64),
            node_kept=np.empty(1 << 11, np.int64),
            node_next=np.empty(1 << 11, np.int64),
            begin=documents[0],
            band_begin=documents[1],
            seen=documents[2],
            hits=documents[3],
            arena=np.empty(1 << 16, np.uint64),
            band_arena=np.empty(1 << 12, np.uint64),
        )


class Limits(NamedTuple):
    """When a document repeats another.

    Args:
        threshold: Least Jaccard similarity of a duplicate.
        comparisons: Most kept documents that one is compared with, those of most shared bands first.
        representatives: Most kept documents in one list.
        shingles: Most shingles in the arena: beyond it, a kept document is not compared with.
    """

    threshold: float
    comparisons: int
    representatives: int
    shingles: int


class Matches(NamedTuple):
    """What was found of each row.

    Args:
        keeper: The serial number of the kept document that the row repeats, or -1.
        jaccard: Their exact similarity.
        shared: The bands that they share.
        joined: Whether the row became a kept document that others are compared with.
    """

    keeper: Ints
    jaccard: npt.NDArray[np.float64]
    shared: Ints
    joined: npt.NDArray[np.bool_]

    @classmethod
    def none(cls, rows: int) -> Matches:
        """Return room for that many rows, none of which repeats another."""
        numbers = np.zeros(rows, np.float64), np.zeros(rows, np.int64)
        return cls(np.full(rows, -1, np.int64), *numbers, np.zeros(rows, np.bool_))


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
    """Return a key's slot in the table, or the free slot where it belongs: one of another stamp."""
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
def match(start: int, documents: Documents, kept: KeptDocuments, limits: Limits, out: Matches) -> int:
    """Match documents from `start` on; return where it stopped: the end, or a row that needs more room.

    Args:
        start: First row.
        documents: The rows of a batch.
        kept: The kept documents of the current component, which go on from batch to batch.
        limits: When a document repeats another.
        out: Filled with what was found of each row.
    """
    state, fresh = kept.state, documents.fresh
    candidates = np.empty(4096, np.int64)
    for row in range(start, documents.places.shape[0] - 1):
        if fresh[row]:
            state[STAMP] += 1
            state[NODES] = state[KEPT] = state[ARENA] = state[KEYS] = 0
            state[FIRST] = state[SERIAL]
            fresh[row] = False  # so that a second call for this row does not start over
        mine = documents.sets[documents.places[row] : documents.places[row + 1]]
        own = documents.bands[documents.band_places[row] : documents.band_places[row + 1]]
        fits = state[ARENA] + mine.shape[0] <= limits.shingles
        if _needs_room(kept, mine.shape[0] if fits else 0, own.shape[0]):
            return row
        if state[KEPT] == 0:
            kept.begin[0] = kept.band_begin[0] = 0
        found = _meet(kept, own, candidates)
        keeper, similarity = _repeated(kept, mine, candidates[:found], limits)
        out.keeper[row] = -1
        if keeper >= 0:
            out.keeper[row] = state[FIRST] + keeper
            out.jaccard[row] = similarity
            for key in kept.band_arena[kept.band_begin[keeper] : kept.band_begin[keeper + 1]]:
                for mate in own:
                    out.shared[row] += mate == key
        out.joined[row] = keeper < 0 and fits and documents.keeps[row]
        if out.joined[row]:
            _keep(kept, mine, own, limits.representatives)
    return documents.places.shape[0] - 1


@numba.njit(nogil=True, cache=True)
def _needs_room(kept: KeptDocuments, shingles: int, bands: int) -> bool:
    """Whether one more document of that size could find the arrays full."""
    state = kept.state
    return (
        2 * (state[KEYS] + bands) > kept.keys.shape[0]
        or state[NODES] + bands > kept.node_kept.shape[0]
        or state[KEPT] + 2 > kept.begin.shape[0]
        or (shingles > 0 and state[ARENA] + shingles > kept.arena.shape[0])
        or kept.band_begin[state[KEPT]] * (state[KEPT] > 0) + bands > kept.band_arena.shape[0]
    )


@numba.njit(nogil=True, cache=True)
def _meet(kept: KeptDocuments, own: Hashes, candidates: Ints) -> int:
    """Count the bands that kept documents share with one; return how many such were put into `candidates`."""
    state = kept.state
    state[DOCUMENT] += 1
    found = 0
    for key in own:
        slot = _find(kept.keys, kept.stamps, state[STAMP], key)
        if kept.stamps[slot] != state[STAMP]:
            continue
        node = kept.heads[slot]
        while node >= 0:
            other = kept.node_kept[node]
            if kept.seen[other] != state[DOCUMENT]:
                kept.seen[other] = state[DOCUMENT]
                kept.hits[other] = 0
                if found < candidates.shape[0]:
                    candidates[found] = other
                    found += 1
            kept.hits[other] += 1
            node = kept.node_next[node]
    return found


@numba.njit(nogil=True, cache=True)
def _repeated(kept: KeptDocuments, mine: Hashes, candidates: Ints, limits: Limits) -> tuple[int, float]:
    """Return the first candidate that is similar enough with its similarity, -1 where none is.

    Those of most shared bands come first, the earlier kept one where they tie.
    """
    for done in range(min(candidates.shape[0], limits.comparisons)):
        best = done
        for c in range(done + 1, candidates.shape[0]):
            more = kept.hits[candidates[c]] - kept.hits[candidates[best]]
            if more > 0 or (more == 0 and candidates[c] < candidates[best]):
                best = c
        other = candidates[best]
        candidates[best] = candidates[done]
        candidates[done] = other
        theirs = kept.arena[kept.begin[other] : kept.begin[other + 1]]
        a, b = mine.shape[0], theirs.shape[0]
        if min(a, b) < limits.threshold * max(a, b):
            continue
        both = intersection(mine, theirs)
        similarity = both / (a + b - both)
        if similarity >= limits.threshold:
            return other, similarity
    return -1, 0.0


@numba.njit(nogil=True, cache=True)
def _keep(kept: KeptDocuments, mine: Hashes, own: Hashes, representatives: int) -> None:
    """Add a document to those that later ones are compared with."""
    state = kept.state
    place, count = state[KEPT], own.shape[0]
    kept.arena[state[ARENA] : state[ARENA] + mine.shape[0]] = mine
    kept.band_arena[kept.band_begin[place] : kept.band_begin[place] + count] = own
    state[ARENA] += mine.shape[0]
    kept.begin[place + 1] = state[ARENA]
    kept.band_begin[place + 1] = kept.band_begin[place] + count
    kept.seen[place] = -1
    for key in own:
        slot = _find(kept.keys, kept.stamps, state[STAMP], key)
        if kept.stamps[slot] != state[STAMP]:
            kept.keys[slot] = key
            kept.stamps[slot] = state[STAMP]
            kept.heads[slot] = -1
            kept.sizes[slot] = 0
            state[KEYS] += 1
        if kept.sizes[slot] < representatives:
            node = state[NODES]
            kept.node_kept[node] = place
            kept.node_next[node] = kept.heads[slot]
            kept.heads[slot] = node
            kept.sizes[slot] += 1
            state[NODES] += 1
    state[KEPT] += 1
    state[SERIAL] += 1
