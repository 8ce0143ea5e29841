from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import append_rows
from lakehouse.embedded.retraction_filter import RetractionFilter
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import CONTENT, DERIVED, SAMPLE, Retraction, Retractions
from tests.lakehouse.lakes import lake_at
from tests.lakehouse.own_matches import CASES, COLUMNS, ROWS


def table(*names):
    chosen = names or tuple(COLUMNS)
    return Table(
        "silver.texts", doc="x", columns=[Column(n, COLUMNS[n], "x", lineage=True) for n in chosen], key=[chosen[0]]
    )


def order(kind, value, number=1):
    return Retraction(
        number, f"r{number}", kind, value, "origin", "why", False, {}, {}, (), "ordered", datetime.now(UTC)
    )


def gone(tmp_path, orders, *names, rows=ROWS):
    contract = table(*names)
    schema = pa.schema(COLUMNS.items())
    batch = pa.RecordBatch.from_pylist(
        [dict(zip(COLUMNS, row, strict=True)) for row in [("x", ["p"], *[None] * 4), *rows]], schema
    )
    found = RetractionFilter(lake_at(tmp_path / "lake").catalog, contract, orders)
    # A slice, since offsets of lists go wrong there first.
    mask = found.retracted(batch.slice(1).select([column.name for column in contract.columns]))
    assert len(mask) == len(rows)
    assert not mask.null_count
    return {row[0] for row, out in zip(rows, mask.to_pylist(), strict=True) if out}


@pytest.mark.parametrize(("kind", "value", "expected"), CASES)
def test_rows_are_matched_by_their_own_source_address_or_licence(tmp_path, kind, value, expected):
    assert gone(tmp_path, Retractions((order(kind, value),))) == expected


def test_several_orders_are_joined_and_no_rows_are_no_trouble(tmp_path):
    orders = Retractions((order("source", "s1"), order("license", "GPL-3.0", 2), order("source", "it's", 3)))
    assert gone(tmp_path, orders) == {"a", "b", "c", "e", "f"}
    assert gone(tmp_path, orders, rows=[]) == set()


def test_a_table_without_the_columns_keeps_its_rows(tmp_path):
    orders = Retractions((order("source", "s1"), order("license", "GPL-3.0", 2), order("uri", "*", 3)))
    assert gone(tmp_path, orders, "sample_id") == set()
    assert gone(tmp_path, orders, "sample_id", "license") == {"b", "c", "e", "f"}
    # A table without the lineage columns holds no samples.
    assert gone(tmp_path, orders, "source") == set()
    assert not RetractionFilter(lake_at(tmp_path / "lake").catalog, table("source"), orders).active


def test_ids_are_those_of_the_known_orders_at_the_pinned_version(tmp_path):
    catalog = lake_at(tmp_path / "lake").catalog
    ids = [("r1", "a", SAMPLE), ("r1", "c3", CONTENT), ("r9", "b", SAMPLE), ("r1", "c", DERIVED), ("r1", "c2", SAMPLE)]

    def listed(rows):
        return pa.Table.from_pylist(
            [{"retraction_id": r, "id": i, "kind": k} for r, i, k in rows], schema=tables.retracted.schema
        )

    version = append_rows(catalog, tables.retracted, listed(ids))
    append_rows(catalog, tables.retracted, listed([("r1", "d", SAMPLE)]))
    assert gone(tmp_path, Retractions((order("id", "a"),), version)) == {"a", "f"}
    assert gone(tmp_path, Retractions((order("id", "a"),), version), "sample_id") == {"a"}
    assert gone(tmp_path, Retractions((order("id", "a"),), version + 1)) == {"a", "d", "f"}
    assert gone(tmp_path, Retractions((order("id", "a"),))) == set()
    assert gone(tmp_path, Retractions()) == set()
