"""Filters over tables with NaN, signed zeros and infinities select what they select of the same rows in memory."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import uuid
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.scan import scan
from tests.lakehouse.lakes import lake_at

INF = float("inf")
VALUES = {
    pa.float64(): [0.0, -0.0, 0.5, -1.5, 1e300, -1e300, 5e-324, INF, -INF, float("nan"), None],
    pa.float32(): [0.0, -0.0, 0.5, -1.5, 3e38, -3e38, 1e-45, INF, -INF, float("nan"), None],
}
TERMS = ["0", "-0.0", "0.5", "1e30", "'NaN'", "'inf'", "'-inf'", "1e-30"]
FILTERS = [
    *(f"x {operator} {term}::{kind}" for operator in ("=", "<>", "<", "<=", ">", ">=") for term in TERMS
      for kind in ("DOUBLE", "FLOAT")),
    "x IN (0, 0.5)", "x IN (0.5, 'NaN'::DOUBLE)", "x NOT IN (0.5, -1.5)", "x BETWEEN -1.5 AND 0.5", "x IS NULL",
    "x IS NOT NULL", "isnan(x)", "NOT isnan(x)", "x = 0.5 OR x > 1", "x < 0.5 AND part = 'b'", "x IS NOT DISTINCT FROM 0",
]  # fmt: skip


def selected(relation, condition):
    return sorted(row[0] for row in relation.filter(condition).project("id").fetchall())


@pytest.mark.parametrize("kind", [*VALUES])
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(data=st.data(), partitioned=st.booleans())
def test_filters_select_what_they_select_in_memory(kind, data, partitioned):
    values = st.lists(st.sampled_from(VALUES[kind]), min_size=1, max_size=4)
    files = data.draw(st.lists(values, min_size=1, max_size=4))
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(folder)
        parts = []
        for number, given_values in enumerate(files):
            ids = [10 * number + place for place in range(len(given_values))]
            part = pa.array(["b" if id_ % 2 else None for id_ in ids], pa.string())
            parts.append(pa.table({"id": ids, "x": pa.array(given_values, kind), "part": part}))
            options = {"partition_by": ["part"]} if partitioned else {}
            write_deltalake(catalog.table_uri("a.b"), parts[-1], mode="append", **options)
        connection = duckdb.connect()
        held = connection.from_arrow(scan(catalog.open("a.b"), "a.b"))
        wanted = connection.from_arrow(pa.concat_tables(parts))
        for condition in FILTERS:
            assert selected(held, condition) == selected(wanted, condition), (condition, files)


@pytest.mark.parametrize("values", [[0.0, INF], [-INF, 0.0], [0.0, float("nan")], [0.0, None], [-INF, 0.0, INF]])
def test_a_file_with_an_odd_value_is_filtered_right(tmp_path, values):
    lake = lake_at(tmp_path)
    write_deltalake(lake.catalog.table_uri("a.b"), pa.table({"x": values}))
    for condition, count in (("x = 0", 1), ("x < 1 AND x > -1", 1), ("x = 'inf'::DOUBLE", values.count(INF))):
        assert lake.sql(f"SELECT count(*) AS n FROM a.b WHERE {condition}").to_pylist() == [{"n": count}]


@pytest.fixture
def by_spark(spark, tmp_path):
    """A table that Spark wrote: its log gives NaN as the maximum of a file that has one."""
    lake = lake_at(tmp_path / "lake")
    rows = "VALUES (1, 0.0D, 1f, 'b'), (2, 0.5D, 2f, NULL), (3, 0.9D, float('NaN'), 'b'), (4, double('NaN'), 4f, NULL)"
    uri = lake.catalog.table_uri("m.scores")
    frame = spark.sql(f"SELECT * FROM {rows} AS t(id, score, loss, part)").coalesce(1)
    frame.write.format("delta").partitionBy("part").save(uri)
    return lake


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("score = 0", [1]), ("score = 0.5", [2]), ("score IN (0, 0.5)", [1, 2]), ("score < 0.4", [1]),
        ("score <= 0.5", [1, 2]), ("loss = 1", [1]), ("loss < 1.5", [1]), ("score > 0.5", [3, 4]),
        ("loss > 3", [3, 4]), ("isnan(score)", [4]), ("part = 'b' AND score < 5", [1, 3]), ("part IS NULL", [2, 4]),
    ],
)  # fmt: skip
def test_a_nan_in_a_file_makes_no_filter_wrong(by_spark, condition, ids):
    found = by_spark.sql(f"SELECT id FROM m.scores WHERE {condition} ORDER BY id").to_pylist()
    assert [row["id"] for row in found] == ids
    count = by_spark.sql(
        "SELECT count(*) FILTER (WHERE score < 0.4) AS a, (SELECT count(*) FROM m.scores WHERE score < 0.4) AS b "
        "FROM m.scores"
    ).to_pylist()
    assert count == [{"a": 1, "b": 1}]


def test_odd_partitions_are_filtered_right_in_a_folder_and_on_s3(tmp_path, s3):
    for uri, options in ((str(tmp_path), None), (f"s3://{s3.bucket}/{uuid.uuid4().hex}", s3.storage)):
        catalog = Catalog(uri, options)
        days = pa.array([dt.date(2024, 1, 1), None, dt.date(2024, 1, 3)])
        rows = pa.table(
            {"x": [0.5, INF, float("nan")], "part": ["it's / =%ä𝔸", "b", None], "day": days, "id": [1, 2, 3]}
        )
        write_deltalake(catalog.table_uri("a.b"), rows, partition_by=["part", "day"], storage_options=options)
        held = duckdb.connect().from_arrow(scan(catalog.open("a.b"), "a.b"))
        wanted = duckdb.connect().from_arrow(rows)
        for condition in (
            "part = 'it''s / =%ä𝔸' AND x < 1", "part IS NULL", "x > 0.7", "day = DATE '2024-01-03'", "day IS NULL AND x > 1",
        ):  # fmt: skip
            assert selected(held, condition) == selected(wanted, condition), condition


def test_bounds_without_counts_of_nulls_exclude_no_null(tmp_path):
    catalog = Catalog(str(tmp_path))
    uri = catalog.table_uri("a.b")
    write_deltalake(uri, pa.table({"x": [0.5, INF, 1.0], "n": [1, None, 3], "id": [1, 2, 3]}))
    (log,) = Path(uri, "_delta_log").glob("*.json")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            statistics = json.loads(line["add"]["stats"])
            del statistics["nullCount"]
            line["add"]["stats"] = json.dumps(statistics)
    log.write_text("\n".join(map(json.dumps, lines)))
    held = duckdb.connect().from_arrow(scan(catalog.open("a.b"), "a.b"))
    assert selected(held, "n IS NULL") == [2]
    assert selected(held, "n > 1 AND x < 2") == [3]
