"""Every contract's table, read by delta-rs, Polars, DuckDB and Spark: the same values, whoever wrote them."""

from __future__ import annotations

import datetime as dt
import decimal
import math

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from lakehouse.declare.config import Config
from lakehouse.delta.append import create
from lakehouse.lake import Lake
from lakehouse.project import Project

ROWS = 12
# What Delta's readers of version 1 take; a writer may keep a change feed and constraints.
WRITER_FEATURES = {"changeDataFeed", "appendOnly", "invariants", "generatedColumns", "checkConstraints", "timestampNtz"}
TEXTS = ["", "a", "Straße 北京 🚲", "two\nlines\tand \"quotes\" 'too'", "\\N", "null", " ", "%20", "x" * 300]
TIMES = [
    dt.datetime(1970, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2026, 2, 3, 4, 5, 6, 789_012, tzinfo=dt.UTC),
    dt.datetime(1900, 1, 1, 23, 59, 59, 999_999, tzinfo=dt.UTC),
    dt.datetime(2999, 12, 31, tzinfo=dt.UTC),
]


def contracts():
    return Project(Config(lake="unused")).registry.tables


def value(kind, n):
    """Return the n-th value of a type: ends of the range, empty ones, odd ones."""
    is_ = pa.types
    if is_.is_boolean(kind):
        return n % 2 == 0
    if is_.is_integer(kind):
        top = 2 ** (kind.bit_width - 1)
        return [0, 1, -1, top - 1, -top, 42][n % 6]
    if is_.is_floating(kind):
        found = [0.0, -0.5, math.inf, -math.inf, math.nan, 1e-30, 0.1][n % 7]
        return pa.scalar(found, kind).as_py()
    if is_.is_string(kind):
        return TEXTS[n % len(TEXTS)]
    if is_.is_binary(kind) or is_.is_fixed_size_binary(kind):
        return [b"", b"\x00\xff", bytes(range(256))][n % 3]
    if is_.is_timestamp(kind):
        return TIMES[n % len(TIMES)]
    if is_.is_date(kind):
        return TIMES[n % len(TIMES)].date()
    if is_.is_decimal(kind):
        return decimal.Decimal(n).scaleb(-kind.scale)
    if is_.is_map(kind):
        return [(f"k{i}", None if i == 2 else value(kind.item_type, n + i)) for i in range(n % 4)]
    if is_.is_list(kind):
        return [None if i == 2 else value(kind.value_type, n + i) for i in range(n % 4)]
    if is_.is_struct(kind):
        return {field.name: None if (n + i) % 5 == 4 else value(field.type, n + i) for i, field in enumerate(kind)}
    raise NotImplementedError(kind)


def generated(table):
    """Return rows of a contract: each type's odd values, and nulls where they may stand."""
    columns = []
    for i, column in enumerate(table.columns):
        may_lack = column.name not in table.required
        values = [None if may_lack and (n + i) % 4 == 3 else value(column.type, n + i) for n in range(ROWS)]
        if column.name in table.partition_by and pa.types.is_string(column.type):
            # Such a value names a folder: those tables hold a few short words there.
            values = [f"part {n % 2}" for n in range(ROWS)]
        if column.name in table.key and pa.types.is_string(column.type):
            values = [f"{n}-{text}" for n, text in enumerate(values)]
        columns.append(pa.array(values, column.type))
    return pa.table(columns, names=[column.name for column in table.columns])


def canonical(table, schema):
    """Return rows as plain values in the order of their text: a NaN equals a NaN, a map is its sorted pairs."""

    def plain(kind, found):
        if found is None:
            return None
        if pa.types.is_floating(kind):
            return "NaN" if math.isnan(found) else found
        if pa.types.is_timestamp(kind):
            return found.astimezone(dt.UTC).isoformat() if found.tzinfo else f"{found.isoformat()} no zone"
        if pa.types.is_map(kind):
            pairs = (
                found.items() if isinstance(found, dict) else [p.values() if isinstance(p, dict) else p for p in found]
            )
            return sorted((key, plain(kind.item_type, item)) for key, item in pairs)
        if pa.types.is_list(kind):
            return [plain(kind.value_type, item) for item in found]
        if pa.types.is_struct(kind):
            return {field.name: plain(field.type, found[field.name]) for field in kind}
        return found

    assert set(table.column_names) == set(schema.names)
    rows = table.select(schema.names).to_pylist()
    return sorted(([plain(field.type, row[field.name]) for field in schema] for row in rows), key=repr)


def read_by_delta_rs(lake, name):
    return pa.table(DeltaTable(lake.catalog.table_uri(name)).to_pyarrow_dataset().to_table())


def read_by_query_builder(lake, name):
    return pa.table(QueryBuilder().register("t", DeltaTable(lake.catalog.table_uri(name))).execute("SELECT * FROM t"))


def read_by_polars(lake, name):
    return pl.read_delta(lake.catalog.table_uri(name)).to_arrow()


def read_by_lazy_polars(lake, name):
    return lake.scan(name).collect().to_arrow()


def read_by_duckdb(lake, name):
    return lake.sql(f"SELECT * FROM {name}")


# Between them they have all types of columns, and partitions.
SOME = ("gold.sequences", "gold.image_tokens", "silver.images", "ledger.edges", "ledger.runs")
READERS = [read_by_delta_rs, read_by_query_builder, read_by_polars, read_by_lazy_polars, read_by_duckdb]


def check(lake, tables, readers):
    """Compare what each reader makes of each table; tell of all that differ."""
    wrong = []
    for name, table in tables.items():
        schema = table.schema
        expected = canonical(generated(table), schema)
        assert len(expected) == ROWS
        for reader in readers:
            found = canonical(reader(lake, name), schema)
            wrong.extend(
                f"{name} {reader.__name__}: {field.name} ({field.type}) {a[i]!r} came back as {b[i]!r}"
                for a, b in zip(expected, found, strict=True)
                for i, field in enumerate(schema)
                if a[i] != b[i]
            )
    assert not wrong, "\n".join(wrong[:20])


def keeps_to_the_protocol(lake, tables):
    for name in tables:
        protocol = DeltaTable(lake.catalog.table_uri(name)).protocol()
        assert protocol.min_reader_version == 1, name
        assert not protocol.reader_features, name
        assert set(protocol.writer_features or ()) <= WRITER_FEATURES, name
        configuration = DeltaTable(lake.catalog.table_uri(name)).metadata().configuration
        assert configuration.get("delta.columnMapping.mode", "none") == "none"


@pytest.fixture(scope="module")
def tables():
    found = contracts()
    assert {"gold.sequences", "silver.documents", "ledger.runs"} <= set(found)
    return found


def test_rows_written_by_delta_rs_are_read_alike(tmp_path, tables):
    lake = Lake(config=Config(lake=str(tmp_path), root=tmp_path))
    for name, table in tables.items():
        create(lake.catalog, table)
        write_deltalake(lake.catalog.table_uri(name), generated(table), mode="append")
    keeps_to_the_protocol(lake, tables)
    check(lake, tables, READERS)


@pytest.mark.parametrize("names", [SOME, pytest.param((), marks=pytest.mark.slow)], ids=["some", "all"])
def test_rows_written_by_spark_are_read_alike_and_spark_reads_those_of_delta_rs(spark, tmp_path, tables, names):
    from lakehouse.spark.delta_reader import spark_schema

    lake = Lake(config=Config(lake=str(tmp_path / "spark"), root=tmp_path))
    other = Lake(config=Config(lake=str(tmp_path / "delta-rs"), root=tmp_path))

    def read_by_spark(lake, name):
        return spark.read.format("delta").load(lake.catalog.table_uri(name)).toArrow()

    tables = {name: tables[name] for name in names or tables}
    for name, table in tables.items():
        for place in (lake, other):
            create(place.catalog, table)
        rows = generated(table)
        frame = spark.createDataFrame(rows, spark_schema(rows.schema))
        frame.write.format("delta").mode("append").save(lake.catalog.table_uri(name))
        write_deltalake(other.catalog.table_uri(name), rows, mode="append")
    keeps_to_the_protocol(lake, tables)
    check(lake, tables, [*READERS, read_by_spark])
    check(other, tables, [read_by_spark])
