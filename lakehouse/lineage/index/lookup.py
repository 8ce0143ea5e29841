"""Point lookups in ``ledger.edges``, with no JVM: a few files are opened, and a row group or two of each are read.

A file's range of ids is in the Delta log, a row group's in the file's footer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.delta.store.table_folder import table_store

if TYPE_CHECKING:
    from deltalake import DeltaTable

log = logging.getLogger("mixlake.edges")

Order = Literal["child", "parent"]

# Entries of one level that a lookup reads at most, beyond which its answer is truncated: they lie in memory.
MOST_ENTRIES = 250_000

_GROUPS_AT_ONCE = 8
_DETAILS = ("run_id", "source", "license", "uri")
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Found:
    """What a lookup gave.

    Args:
        rows: The entries that are there, with the columns parent, child and table; in the order of child also
            run_id, source, license and uri.
        files: Data files that were opened for it.
        truncated: Whether there are more entries than were read.
    """

    rows: pa.Table
    files: int
    truncated: bool


class _Wanted(Protocol):
    """What is looked for: some ids, or a range of them."""

    def within(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return, for each closed range, whether it can hold what is wanted; bool [ranges]."""

    def mask(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return which ids are wanted."""


class Index:
    """``ledger.edges`` at one version.

    Args:
        table: The table.

    Examples:
        >>> Index(lake.open("ledger.edges")).lookup("parent", ["3f2a91c0..."]).rows  # doctest: +SKIP
    """

    def __init__(self, table: DeltaTable) -> None:
        """Read the log; no data file is opened yet."""
        self._store = table_store(table)
        actions = pa.table(table.get_add_actions(flatten=True))
        self._files = {order: _ranges(actions, order) for order in ("child", "parent")} if actions.num_rows else {}

    def lookup(self, order: Order, ids: Sequence[str], most: int = MOST_ENTRIES) -> Found:
        """Return the entries of some ids.

        Args:
            order: "child" for the rows of these ids and what they were made from; "parent" for what was made
                from them.
            ids: Sample ids.
            most: Entries of one level to read at most.
        """
        return self._read(order, _Ids(ids), most)

    def beginning(self, prefix: str, most: int = MOST_ENTRIES) -> Found:
        """Return the entries of the rows whose id begins so; see `lookup`."""
        return self._read("child", _Prefix(prefix), most)

    def _read(self, order: Order, wanted: _Wanted, most: int) -> Found:
        columns = ["parent", "child", "table", *(_DETAILS if order == "child" else ())]
        if order not in self._files:
            return Found(pa.table({name: pa.array([], pa.string()) for name in columns}), 0, truncated=False)
        files = self._files[order]
        near = wanted.within(files.low, files.high)
        levels = [files.paths[near & (files.level == level)].tolist() for level in np.unique(files.level[near])]
        with ThreadPoolExecutor(max(1, len(levels))) as pool:
            read = list(pool.map(lambda paths: self._level(order, paths, wanted, [*columns, "n"], most), levels))
        opened = sum(level.files for level in read)
        entries = _up_to_the_least_end(order, read)
        if entries is None:
            return Found(pa.table({name: pa.array([], pa.string()) for name in columns}), opened, truncated=False)
        summed = entries.group_by(columns).aggregate([("n", "sum")])
        rows = summed.filter(pc.greater(summed.column("n_sum"), 0)).select(columns)
        log.info("by %s: %d entries from %d files", order, rows.num_rows, opened)
        return Found(rows, opened, truncated=any(level.truncated for level in read))

    def _level(self, order: Order, paths: Sequence[str], wanted: _Wanted, columns: list[str], most: int) -> _Level:
        """Read one level's files in their order, up to a number of entries."""
        parts: list[pa.Table] = []
        held = 0
        for number, path in enumerate(paths, 1):
            for part in self._file(order, path, wanted, columns):
                parts.append(part)
                held += part.num_rows
                if held > most:
                    return _Level(pa.concat_tables(parts), number, truncated=True)
        return _Level(pa.concat_tables(parts) if parts else pa.table({}), len(paths), truncated=False)

    def _file(self, order: Order, path: str, wanted: _Wanted, columns: list[str]) -> Iterator[pa.Table]:
        with self._store.open_input_file(path) as source, pq.ParquetFile(source) as file:
            low, high = _group_ranges(file.metadata, order)
            groups = np.flatnonzero(wanted.within(low, high)).tolist()
            for begin in range(0, len(groups), _GROUPS_AT_ONCE):
                chosen = groups[begin : begin + _GROUPS_AT_ONCE]
                # The ids alone first: most levels hold nothing of what is asked for.
                mask = wanted.mask(file.read_row_groups(chosen, columns=[order]).column(order))
                if pc.any(mask).as_py():
                    yield file.read_row_groups(chosen, columns=columns).filter(mask).select(columns)


@dataclass(frozen=True)
class _Level:
    """What was read of one level: its entries with their counts, the files opened, and whether there is more."""

    rows: pa.Table
    files: int
    truncated: bool


@dataclass(frozen=True)
class _Files:
    """Files of one order, sorted by level and range; each field has one value a file."""

    paths: np.ndarray
    level: np.ndarray
    low: np.ndarray
    high: np.ndarray


class _Ids:
    def __init__(self, ids: Sequence[str]) -> None:
        self._sorted = np.array(sorted(set(ids)), dtype=object)
        self._set = pa.array(self._sorted, pa.string())

    def within(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._sorted, high, "right") > np.searchsorted(self._sorted, low, "left")

    def mask(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.is_in(ids, value_set=self._set)


class _Prefix:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def within(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        found: np.ndarray = (high >= self._prefix) & (low < self._prefix + _LAST)
        return found

    def mask(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        return pc.starts_with(ids, self._prefix)


def _ranges(actions: pa.Table, order: Order) -> _Files:
    """Return the files of an order. Where the log does not tell a file's range, it may hold anything."""
    mine = actions.filter(pc.equal(actions.column("partition.sorted_by"), order))
    unknown = pa.nulls(mine.num_rows, pa.string())
    told = [f"{bound}.{order}" for bound in ("min", "max")]
    low, high = (mine.column(name).cast(pa.string()) if name in mine.column_names else unknown for name in told)
    low, high = pc.fill_null(low, ""), pc.fill_null(high, _LAST)
    table = pa.table({"path": mine.column("path"), "level": mine.column("partition.level"), "low": low, "high": high})
    table = table.sort_by([("level", "ascending"), ("low", "ascending"), ("high", "ascending")])
    return _Files(
        paths=np.array([unquote(path) for path in table.column("path").to_pylist()], dtype=object),
        level=table.column("level").to_numpy(),
        low=np.array(table.column("low").to_pylist(), dtype=object),
        high=np.array(table.column("high").to_pylist(), dtype=object),
    )


def _group_ranges(metadata: pq.FileMetaData, order: Order) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest id of each row group; object [groups] each."""
    place = metadata.schema.names.index(order)
    low, high = [], []
    for group in range(metadata.num_row_groups):
        told = metadata.row_group(group).column(place).statistics
        known = told is not None and told.has_min_max
        low.append(told.min if known else "")
        high.append(told.max if known else _LAST)
    return np.array(low, dtype=object), np.array(high, dtype=object)


def _up_to_the_least_end(order: Order, read: Sequence[_Level]) -> pa.Table | None:
    """Unite what was read of the levels, up to where all of them were read: beyond, an entry may be taken away."""
    parts = [level.rows for level in read if level.rows.num_rows]
    if not parts:
        return None
    entries = pa.concat_tables(parts)
    ends = [_place(level.rows.slice(level.rows.num_rows - 1), order) for level in read if level.truncated]
    if not ends:
        return entries
    first, second = (entries.column(name) for name in _sorted_by(order))
    key, other = min(ends)
    before = pc.or_(pc.less(first, key), pc.and_(pc.equal(first, key), pc.less(pc.fill_null(second, ""), other)))
    return entries.filter(before)


def _place(row: pa.Table, order: Order) -> tuple[str, str]:
    first, second = (row.column(name)[0].as_py() or "" for name in _sorted_by(order))
    return first, second


def _sorted_by(order: Order) -> tuple[str, str]:
    return ("child", "parent") if order == "child" else ("parent", "child")
