"""Decide which rows of a table comply with the retractions; see `lakehouse.retraction.retract`."""

from __future__ import annotations

import functools

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.scan import scan
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import CONTENT, SAMPLE, Retractions, pattern

_BY_ID = ((SAMPLE_ID, SAMPLE), ("content_id", CONTENT))


class RetractionFilter:
    """Which rows of a table some orders take out.

    Args:
        catalog: The lake's catalog.
        table: Contract of the table.
        orders: The orders.
    """

    def __init__(self, catalog: Catalog, table: Table, orders: Retractions) -> None:
        self._catalog = catalog
        self._lineage = table.lineage
        self._orders = orders
        self.active = bool(orders.orders) and SAMPLE_ID in self._lineage

    def retracted(self, batch: pa.RecordBatch) -> pa.Array:
        """Return for each row whether an order takes it out."""
        masks = [pa.repeat(False, batch.num_rows)]
        if not self.active:
            return masks[0]
        lineage, orders = self._lineage, self._orders
        if "source" in lineage and (sources := orders.values("source")):
            masks.append(pc.is_in(batch.column("source"), value_set=pa.array(sources, pa.string())))
        if "license" in lineage and (licenses := orders.values("license")):
            masks.append(self._licensed(batch, pa.array(licenses, pa.string())))
        if "uri" in lineage:
            masks.extend(pc.match_substring_regex(batch.column("uri"), pattern(v)) for v in orders.values("uri"))
        masks.extend(
            pc.is_in(batch.column(column), value_set=ids) for column, ids in self._ids.items() if column in lineage
        )
        return functools.reduce(pc.or_, (pc.fill_null(mask, False) for mask in masks))

    def _licensed(self, batch: pa.RecordBatch, licenses: pa.Array) -> pa.Array:
        """Return which rows have a licence of the orders; of a landed row, as a part of an expression with AND, too."""
        column = batch.column("license")
        same = pc.is_in(column, value_set=licenses)
        parts = pc.split_pattern(column, " AND ")
        named = pc.is_in(pc.list_flatten(parts), value_set=licenses)
        rows = pc.list_parent_indices(parts).filter(named).unique()
        joined = pc.is_in(pa.array(range(batch.num_rows), pa.int64()), value_set=rows.cast(pa.int64()))
        if "parent_ids" in self._lineage:
            count = pc.fill_null(pc.list_value_length(batch.column("parent_ids")), 0)
            joined = pc.and_(joined, pc.less_equal(count, 0))
        return pc.or_(pc.fill_null(same, False), joined)

    @functools.cached_property
    def _ids(self) -> dict[str, pa.Array]:
        """The ids that the orders name, by the column that holds such."""
        if self._orders.ids_version < 0:
            return {}
        opened = self._catalog.open(tables.retracted.name, self._orders.ids_version)
        known = [order.retraction_id for order in self._orders.orders]
        rows = scan(opened, tables.retracted.name).to_table(
            ["id", "kind"], filter=pc.field("retraction_id").isin(known)
        )
        return {
            column: rows.filter(pc.equal(rows.column("kind"), kind)).column("id").unique() for column, kind in _BY_ID
        }
