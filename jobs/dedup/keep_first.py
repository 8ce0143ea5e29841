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
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from jobs.dedup.keep_first_kernel import KeptDocuments

log = logging.getLogger("mixlake.dedup")

_ANY = 1 << 62

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
            batches: Columns component (string), sample_id (string), bands (list<int64>), modality and text (string),
                and dropped (bool): such a document may repeat another, and is no other's keeper.

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
    _kept: KeptDocuments = field(init=False)

    def __post_init__(self) -> None:
        """Make room for a small component; it grows with what comes."""
        from jobs.dedup.keep_first_kernel import KeptDocuments

        self._kept = KeptDocuments.small()

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Match the documents of a batch; return the removed ones as rows of `SCHEMA`."""
        from jobs.dedup.keep_first_kernel import FIRST, SERIAL, Documents, Limits, Matches, match
        from jobs.dedup.minhash import shingle_sets
        from jobs.dedup.signatures import is_code

        rule, rows = self.rule, batch.num_rows
        sets, places = shingle_sets(batch.column("text"), rule.shingle, is_code(batch))
        bands = batch.column("bands")
        band_keys = bands.flatten().to_numpy().view(np.uint64)
        band_places = np.concatenate([[0], np.cumsum(pc.list_value_length(bands).to_numpy())]).astype(np.int64)
        keeps = ~np.asarray(batch.column("dropped"))
        documents = Documents(sets, places, band_keys, band_places, self._fresh(batch.column("component")), keeps)
        limits = Limits(rule.threshold, rule.comparisons, rule.representatives, rule.memory_mb * (1 << 20) // 8)
        matches = Matches.none(rows)
        keeper, jaccard, shared, joined = matches
        at = 0
        while (at := match(at, documents, self._kept, limits, matches)) < rows:
            self._grow(int(places[at + 1] - places[at]), int(band_places[at + 1] - band_places[at]), limits.shingles)
        left_out = int(((keeper < 0) & ~joined & keeps).sum())
        if left_out:
            log.warning("%d kept documents of a large component are beyond memory_mb and not compared with", left_out)
        ids = batch.column("sample_id").cast(pa.string())
        names = pa.concat_arrays([self._names, ids.filter(pa.array(joined))])
        removed = np.flatnonzero(keeper >= 0)
        keepers = names.take(pa.array(keeper[removed] - self._base))
        self._names = names.slice(int(self._kept.state[FIRST]) - self._base)
        self._base = int(self._kept.state[SERIAL]) - len(self._names)
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

        kept, state = self._kept, self._kept.state
        while 2 * (state[KEYS] + bands) > len(kept.keys):
            table = rehash(kept.keys, kept.stamps, kept.heads, kept.sizes, state[STAMP], 2 * len(kept.keys))
            larger: dict[str, Any] = dict(zip(("keys", "stamps", "heads", "sizes"), table, strict=True))
            kept = kept._replace(**larger)
        needed = dict.fromkeys(("node_kept", "node_next"), int(state[NODES]) + bands)
        needed |= dict.fromkeys(("begin", "band_begin", "seen", "hits"), int(state[KEPT]) + 2)
        needed["band_arena"] = int(kept.band_begin[state[KEPT]]) + bands
        if int(state[ARENA]) + shingles <= most:
            needed["arena"] = int(state[ARENA]) + shingles
        grown: dict[str, Any] = {
            name: _doubled(getattr(kept, name), n, most if name == "arena" else _ANY) for name, n in needed.items()
        }
        self._kept = kept._replace(**grown)


def _doubled(array: Any, needed: int, most: int) -> Any:
    """Return the array where it is long enough, else a copy of twice its length, of `most`, or of what is needed."""
    if needed <= len(array):
        return array
    grown = np.zeros(max(min(2 * len(array), most), needed), array.dtype)
    grown[: len(array)] = array
    return grown
