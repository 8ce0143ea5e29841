"""Verified keep-first removal within components, streamed over Arrow batches.

A document is removed only where its shingle set has at least the threshold of exact Jaccard similarity with that
of a document that is kept, and the removal names it. Removing whole components of documents that share bands
instead ("transitive closure") destroys content: a chain of templates joins thousands of different documents of
which one would stay.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

log = logging.getLogger("mixlake.dedup")

SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string()),
        pa.field("keeper_id", pa.string()),
        pa.field("jaccard", pa.float64()),
        pa.field("shared_bands", pa.int32()),
    ]
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How documents of a component are matched.

    Args:
        shingle: Words a shingle.
        threshold: Least exact Jaccard similarity of a duplicate.
        comparisons: Most kept documents that one document is compared with.
        representatives: Most kept documents a band key, so that a family of N copies costs O(N).
        memory_mb: Bound of the shingles of kept documents in memory; a document kept beyond it is not compared
            with later ones, so that less is removed, never more.
    """

    shingle: int
    threshold: float
    comparisons: int
    representatives: int
    memory_mb: int

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the removals of documents that arrive by component, in keeping order within it.

        Args:
            batches: Columns component (string), sample_id (string), bands (list<int64>), text (string).

        Yields:
            Rows of `SCHEMA`.
        """
        matcher = Matcher(self)
        for batch in batches:
            if batch.num_rows:
                yield matcher(batch)


@dataclass(slots=True)
class Matcher:
    """The kept documents of the current component, from batch to batch.

    Args:
        rule: How documents are matched.
    """

    rule: Rule
    _last: str | None = None
    _names: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    _base: int = 0
    _state: Any = None
    _table: tuple[Any, ...] = ()
    _nodes: tuple[Any, ...] = ()
    _kept: tuple[Any, ...] = ()
    _arena: Any = None
    _bands: Any = None

    def __post_init__(self) -> None:
        """Make room for a small component; it grows with what comes."""
        from jobs.dedup.keep_first_kernel import STATE

        self._state = np.zeros(STATE, np.int64)
        self._table = (
            np.empty(1 << 12, np.uint64),
            np.full(1 << 12, -1, np.int64),
            *(np.empty(1 << 12, np.int64) for _ in range(2)),
        )
        self._nodes = tuple(np.empty(1 << 11, np.int64) for _ in range(2))
        self._kept = tuple(np.zeros(1 << 8, np.int64) for _ in range(4))
        self._arena = np.empty(1 << 16, np.uint64)
        self._bands = np.empty(1 << 12, np.uint64)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Match the documents of a batch; return the removed ones as rows of `SCHEMA`."""
        from jobs.dedup.keep_first_kernel import FIRST, SERIAL, match
        from jobs.dedup.minhash import shingle_sets

        rule = self.rule
        rows = batch.num_rows
        sets, places = shingle_sets(batch.column("text"), rule.shingle)
        bands = batch.column("bands")
        band_keys = bands.flatten().to_numpy().view(np.uint64)
        band_places = np.concatenate([[0], np.cumsum(pc.list_value_length(bands).to_numpy())]).astype(np.int64)
        fresh = self._fresh(batch.column("component"))
        keeper = np.full(rows, -1, np.int64)
        jaccard = np.zeros(rows, np.float64)
        shared = np.zeros(rows, np.int64)
        joined = np.zeros(rows, np.bool_)
        most = rule.memory_mb * (1 << 20) // 8
        at = 0
        while True:
            at = match(
                at, sets, places, band_keys, band_places, fresh, self._state, *self._table, *self._nodes, *self._kept,
                self._arena, self._bands, rule.threshold, rule.comparisons, rule.representatives, most,
                keeper, jaccard, shared, joined,
            )  # fmt: skip
            if at == rows:
                break
            self._grow(int(places[at + 1] - places[at]), int(band_places[at + 1] - band_places[at]), most)
        left_out = int(((keeper < 0) & ~joined).sum())
        if left_out:
            log.warning("%d kept documents of a large component are beyond memory_mb and not compared with", left_out)
        ids = batch.column("sample_id").cast(pa.string())
        names = pa.concat_arrays([self._names, ids.filter(pa.array(joined))])
        removed = np.flatnonzero(keeper >= 0)
        keepers = names.take(pa.array(keeper[removed] - self._base))
        self._names = names.slice(int(self._state[FIRST]) - self._base)
        self._base = int(self._state[SERIAL]) - len(self._names)
        return pa.RecordBatch.from_arrays(
            [
                ids.take(pa.array(removed)),
                keepers,
                pa.array(jaccard[removed]),
                pa.array(shared[removed].astype(np.int32)),
            ],
            schema=SCHEMA,
        )

    def _fresh(self, component: pa.Array) -> Any:
        """Return bool [n], whether a row's component differs from the row's before."""
        fresh = np.ones(len(component), np.bool_)
        fresh[0] = component[0].as_py() != self._last
        fresh[1:] = pc.not_equal(component.slice(1), component.slice(0, len(component) - 1)).to_numpy(
            zero_copy_only=False
        )
        self._last = component[-1].as_py()
        return fresh

    def _grow(self, shingles: int, bands: int, most: int) -> None:
        """Double what cannot take one more document of that size."""
        from jobs.dedup.keep_first_kernel import ARENA, KEPT, KEYS, NODES, STAMP, rehash

        state = self._state
        while 2 * (state[KEYS] + bands) > len(self._table[0]):
            self._table = rehash(*self._table, state[STAMP], 2 * len(self._table[0]))
        if state[NODES] + bands > len(self._nodes[0]):
            self._nodes = tuple(_doubled(item, int(state[NODES]) + bands) for item in self._nodes)
        if state[KEPT] + 2 > len(self._kept[0]):
            self._kept = tuple(_doubled(item, int(state[KEPT]) + 2) for item in self._kept)
        needed = int(state[ARENA]) + shingles
        if needed > len(self._arena) and needed <= most:
            self._arena = _doubled(self._arena, needed, most)
        self._bands = _doubled(self._bands, int(self._kept[1][state[KEPT]]) + bands)


def _doubled(array: Any, needed: int, most: int = 1 << 62) -> Any:
    """Return the array where it is long enough, else a copy of twice its length, of `most`, or of what is needed."""
    if needed <= len(array):
        return array
    grown = np.zeros(max(min(2 * len(array), most), needed), array.dtype)
    grown[: len(array)] = array
    return grown
