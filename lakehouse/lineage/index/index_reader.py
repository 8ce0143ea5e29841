"""Rows of samples and what they were made from, by point lookups in ``ledger.edges``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.delta.data_version import read_data_version
from lakehouse.lineage.index.lookup import Index, LookupResult, Order
from lakehouse.lineage.index.state import IndexState
from lakehouse.lineage.reader import DETAILS, resolve_unique_prefix


class IndexedSamples:
    """Implements `lakehouse.lineage.reader.Samples` over an index that is up to date.

    A sample's rows are looked up once and cached. Each step down is one lookup in the order of parent, which names
    the children, and one in the order of child, which gives their rows.

    Args:
        state: The index and the tables.
    """

    def __init__(self, state: IndexState) -> None:
        """Open the index."""
        if state.edges is None:
            message = "ledger.edges does not exist"
            raise ValueError(message)
        self._tables = state.tables
        self._versions = state.versions
        self._index = Index(state.edges)
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._truncated = False

    @property
    def versions(self) -> Mapping[str, int]:
        """Version of each table that the index is up to date with."""
        return self._versions

    @property
    def truncated(self) -> bool:
        """Whether a lookup had more entries than were read."""
        return self._truncated

    def inputs(self, table: str) -> frozenset[str]:
        """Return the tables that a table was made from; see `lakehouse.lineage.reader.Samples.inputs`."""
        note = read_data_version(self._tables[table]).note
        return frozenset(note.note.inputs if note else ())

    def resolve(self, sample: str) -> str:
        """Return the one sample id that begins so; see `lakehouse.lineage.reader.Samples.resolve`."""
        entries = self._entries(self._index.beginning(sample))
        # Maybe not all with this prefix were read; six are enough to show that there are several.
        return resolve_unique_prefix(sample, sorted(pc.unique(entries.column("child")).to_pylist())[:6])

    def read(self, ids: Iterable[str], parents: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """Return the rows of some samples, and the rows that have one of some parents; see `Samples.read`."""
        own, above = set(ids), set(parents)
        below = self._below(above, limit)
        self._fetch((own | below) - self._rows.keys())
        answer: list[dict[str, Any]] = []
        for sample in (*sorted(own), *sorted(below - own)):
            rows = self._rows[sample]
            answer += rows if sample in own else [row for row in rows if not above.isdisjoint(row["parent_ids"])]
            if len(answer) >= limit:
                break
        return answer[:limit]

    def _below(self, parents: set[str], limit: int) -> set[str]:
        if not parents:
            return set()
        children = pc.unique(self._lookup("parent", parents).column("child"))
        return set(children.slice(0, limit).to_pylist())

    def _fetch(self, ids: set[str]) -> None:
        if not ids:
            return
        self._rows.update({sample: [] for sample in ids})
        entries = self._lookup("child", ids)
        itself = pc.is_null(entries.column("parent"))
        made_from: dict[tuple[str, str], list[str]] = {}
        edges = entries.filter(pc.invert(itself)).select(["child", "table", "parent"]).to_pydict()
        for child, table, parent in zip(*edges.values(), strict=True):
            made_from.setdefault((child, table), []).append(parent)
        for row in entries.filter(itself).select(["child", "table", *DETAILS]).to_pylist():
            sample = row.pop("child")
            row.update(sample_id=sample, parent_ids=made_from.get((sample, row["table"]), []))
            self._rows[sample].append(row)

    def _lookup(self, order: Order, ids: set[str]) -> pa.Table:
        return self._entries(self._index.lookup(order, sorted(ids)))

    def _entries(self, result: LookupResult) -> pa.Table:
        self._truncated = self._truncated or result.truncated
        return result.rows
