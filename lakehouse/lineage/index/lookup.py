"""Point lookups in ``ledger.edges``, with no JVM: delta-rs scans the few files and row groups whose range matches."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.lineage.reader import DETAILS
from lakehouse.query.sql_guard import literal

if TYPE_CHECKING:
    from deltalake import DeltaTable

log = logging.getLogger("mixlake.edges")

Order = Literal["child", "parent"]

# Entries that a lookup keeps in memory at most, beyond which its answer is truncated.
MAX_ROWS = 250_000

_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class LookupResult:
    """The entries of some ids.

    Args:
        rows: The entries whose counts add up to more than zero, with the string columns parent, child and table; in
            the order of child also run_id, source, license and uri.
        files: Data files whose range of ids matches.
        truncated: Whether there are more entries: those of the greatest ids are left out.
    """

    rows: pa.Table
    files: int
    truncated: bool


class Index:
    """``ledger.edges`` at one version.

    Args:
        table: The table.

    Examples:
        >>> Index(lake.open("ledger.edges")).lookup("parent", ["3f2a91c0..."]).rows  # doctest: +SKIP
    """

    def __init__(self, table: DeltaTable) -> None:
        self._table = table

    def lookup(self, order: Order, ids: Sequence[str], max_rows: int = MAX_ROWS) -> LookupResult:
        """Return the entries of some ids.

        Args:
            order: "child" for the rows of these ids and what they were made from; "parent" for what was made
                from them.
            ids: Sample ids.
            max_rows: Entries to keep in memory at most.
        """
        if not ids:
            return LookupResult(_empty(order), 0, truncated=False)
        return self._scan(order, f"{order} IN ({', '.join(map(literal, ids))})", max_rows)

    def beginning(self, prefix: str, max_rows: int = MAX_ROWS) -> LookupResult:
        """Return the entries of the rows whose id begins so; see `lookup`."""
        return self._scan("child", f"child >= {literal(prefix)} AND child < {literal(prefix + _LAST)}", max_rows)

    def _scan(self, order: Order, id_filter: str, max_rows: int) -> LookupResult:
        predicate = f"sorted_by = {literal(order)} AND {id_filter}"
        files = len(self._table.file_uris(file_pruning_predicate=predicate))
        if not files:
            return LookupResult(_empty(order), 0, truncated=False)
        columns = _columns(order)
        schema = pa.schema([*((name, pa.string()) for name in columns), ("n", pa.int64())])
        batches = self._table.scan([*columns, "n"], predicate)
        entries, truncated = _add_up((pa.table(batch).cast(schema) for batch in batches), order, max_rows)
        rows = entries.filter(pc.greater(entries.column("n"), 0)).select(columns)
        log.info("by %s: %d entries from %d files", order, rows.num_rows, files)
        return LookupResult(rows, files, truncated)


def _columns(order: Order) -> list[str]:
    return ["parent", "child", "table", *(DETAILS if order == "child" else ())]


def _empty(order: Order) -> pa.Table:
    # Schema.empty_table would import pandas, which takes half a second.
    return pa.Table.from_batches([], pa.schema([(name, pa.string()) for name in _columns(order)]))


def _add_up(parts: Iterable[pa.Table], order: Order, max_rows: int) -> tuple[pa.Table, bool]:
    """Add up the counts of equal entries, in whatever order they come.

    Where there are more than `max_rows` entries, those before the first that does not fit are kept: of them all counts
    are known, while a later part might take away any other.
    """
    entries: pa.Table | None = None
    end: tuple[str, str] | None = None
    for part in parts:
        entries = pa.concat_tables([part] if entries is None else [entries, part])
        if entries.num_rows > 2 * max_rows:
            entries, end = _cut(entries, order, max_rows, end)
    if entries is None:
        return _empty(order).append_column("n", pa.nulls(0, pa.int64())), False
    entries, end = _cut(entries, order, max_rows, end)
    return entries, end is not None


def _cut(
    entries: pa.Table, order: Order, max_rows: int, end: tuple[str, str] | None
) -> tuple[pa.Table, tuple[str, str] | None]:
    """Add up entries, and leave out those from the end on; the end moves up where too many are left."""
    names = [name for name in entries.column_names if name != "n"]
    summed = entries.group_by(names).aggregate([("n", "sum")]).rename_columns([*names, "n"])
    summed = _before(summed.filter(pc.not_equal(summed.column("n"), 0)), order, end)
    if summed.num_rows > max_rows:
        first, second = _sorted_by(order)
        summed = summed.sort_by([(first, "ascending"), (second, "ascending")])
        row = summed.slice(max_rows, 1)
        end = (row.column(first)[0].as_py() or "", row.column(second)[0].as_py() or "")
        summed = _before(summed, order, end)
    return summed, end


def _before(entries: pa.Table, order: Order, end: tuple[str, str] | None) -> pa.Table:
    if end is None:
        return entries
    first, second = (entries.column(name) for name in _sorted_by(order))
    earlier = pc.and_(pc.equal(first, end[0]), pc.less(pc.fill_null(second, ""), end[1]))
    return entries.filter(pc.or_(pc.less(first, end[0]), earlier))


def _sorted_by(order: Order) -> tuple[str, str]:
    return ("child", "parent") if order == "child" else ("parent", "child")
