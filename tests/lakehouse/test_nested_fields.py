"""What flows of each kind return becomes the contract's by one rule: fields by name, nothing lost, at every depth."""

from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from tests.module_text import ModuleText

TABLES = ModuleText("""
import pyarrow as pa
from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

N, S, F = pa.int64(), pa.string(), pa.float64()
RUN = Column("run_id", S, "Run.", volatile=True, lineage=True)
PLACE = pa.struct([("lat", F), ("lon", F)])
TAGS = pa.list_(pa.field("item", S, nullable=False))
ROWS = pa.list_(pa.struct([pa.field("x", N, nullable=False), ("y", S)]))
COUNTS = pa.map_(S, pa.field("value", N, nullable=False))


def table(name, **columns):
    return Table(name, doc="A table.", key=["id"],
                 columns=[Column("id", N, "Id."), *(Column(c, t, "A column.") for c, t in columns.items()), RUN])


src = table("geo.src", y=F, x=F, s=S)


@flow(writes=src, kind="landing", external=lambda params: "1")
def land(params):
    return pa.table({"id": [1, 2], "y": [48.85, 2.75], "x": [2.35, -2.75], "s": ["a", None]})

""")

RETURNED = ModuleText("""
swapped = table("geo.swapped", place=PLACE, tags=TAGS, rows=ROWS, counts=COUNTS)
misspelt = table("geo.misspelt", place=PLACE)
narrowed = table("geo.narrowed", n=N)


@flow(writes=swapped, reads={"src": src}, source_key="id", source_key_sql="id", reject_tolerance=0.5)
def swap(batch, params):
    place = pa.StructArray.from_arrays([batch["x"], batch["y"]], ["lon", "lat"])
    rows = [[{"y": s, "x": n}] for s, n in zip(batch["s"].to_pylist(), batch["id"].to_pylist())]
    return pa.record_batch({
        "id": batch["id"], "place": place, "tags": [[s] for s in batch["s"].to_pylist()], "rows": rows,
        "counts": pa.array([[("k", n)] for n in batch["id"].to_pylist()], pa.map_(S, N)),
    })


@flow(writes=misspelt, reads={"src": src}, source_key="id", source_key_sql="id")
def misspell(batch, params):
    place = pa.StructArray.from_arrays([batch["y"], batch["x"]], ["latitude", "lon"])
    return pa.record_batch({"id": batch["id"], "place": place})


@flow(writes=narrowed, reads={"src": src}, source_key="id", source_key_sql="id")
def narrow(batch, params):
    return pa.record_batch({"id": batch["id"], "n": batch["x"]})

""")

DECLARED = ModuleText("""
sql = table("geo.sql", place=PLACE, tags=TAGS, rows=ROWS, counts=COUNTS)
misspelt_sql = table("geo.misspelt_sql", place=PLACE)
float_to_int = table("geo.float_to_int", n=N)
float_to_bool = table("geo.float_to_bool", flag=pa.bool_())
time_to_date = table("geo.time_to_date", day=pa.date32())
too_large = table("geo.too_large", rows=pa.list_(pa.struct([("x", pa.int32())])))
""")

FRAMES = ModuleText("""
frames = table("geo.frames", place=PLACE, rows=ROWS)


@flow(writes=frames, reads={"src": src}, kind="frame", reject_tolerance=0.5)
def frame(src, params):
    from pyspark.sql import functions as F

    rows = F.array(F.struct(F.col("s").alias("y"), F.when(F.col("id") > 1, F.col("id")).cast("int").alias("x")))
    return src.select("id", F.struct("x", "y").alias("p"), rows.alias("rows")).selectExpr(
        "id", "named_struct('lon', p.x, 'lat', p.y) AS place", "rows")

""")

SPARK_SQL = {
    "sql": "SELECT id, named_struct('lon', x, 'lat', y) AS place, array(s) AS tags,"
    " array(named_struct('y', s, 'x', id)) AS rows, map('k', CAST(id AS INT)) AS counts FROM geo.src WHERE id = 1",
    "misspelt_sql": "SELECT id, named_struct('latitude', y, 'lon', x) AS place FROM geo.src",
    "float_to_int": "SELECT id, x AS n FROM geo.src",
    "float_to_bool": "SELECT id, x AS flag FROM geo.src",
    "time_to_date": "SELECT id, TIMESTAMP'2024-01-31 23:59:59' AS day FROM geo.src",
    "too_large": "SELECT id, array(named_struct('x', id + 4294967296)) AS rows FROM geo.src",
}
DUCKDB_SQL = {
    **SPARK_SQL,
    "sql": "SELECT id, {'lon': x, 'lat': y} AS place, [s] AS tags, [{'y': s, 'x': id}] AS rows,"
    " map {'k': CAST(id AS INT)} AS counts FROM geo.src WHERE id = 1",
    "misspelt_sql": "SELECT id, {'latitude': y, 'lon': x} AS place FROM geo.src",
    "too_large": "SELECT id, [{'x': id + 4294967296}] AS rows FROM geo.src",
}
SAYS = {
    "geo.misspelt": "place.latitude is not in the contract",
    "geo.narrowed": "returned 'n' as double, not int64",
    "geo.misspelt_sql": "place.latitude is not in the contract",
    "geo.float_to_int": "returned 'n' as double, not int64",
    "geo.float_to_bool": "returned 'flag' as double, not bool",
    "geo.time_to_date": "returned 'day' as timestamp[us",
    "geo.too_large": "returned 'rows[].x' as int64, not int32: ",
}
FIRST = {
    "id": 1,
    "place": {"lat": 48.85, "lon": 2.35},
    "tags": ["a"],
    "rows": [{"x": 1, "y": "a"}],
    "counts": [("k", 1)],
}


def checked(project, statements, says, head=""):
    """Run all flows, and assert what both engines give."""
    for name, text in statements.items():
        project.sql(f"geo.{name}", f"{head}{text}\n")
    outcomes = project.run("geo.*")
    for table, message in says.items():
        error = outcomes[table].error
        assert message in str(error), (table, error)
        assert str(error).startswith(outcomes[table].flow), (table, error)
    for table in ("geo.swapped", "geo.sql"):
        assert outcomes[table].error is None, outcomes[table].error
        (row,) = project.rows(table)
        assert {name: value for name, value in row.items() if name != "run_id"} == FIRST
    # A null in a nested field that is never null is quarantined with the field's path.
    assert outcomes["geo.swapped"].note.reasons == {"column tags[] is null": 1}
    return outcomes


def test_the_embedded_engine_takes_fields_by_name_and_refuses_what_would_be_lost(project):
    project.module("flows", TABLES + RETURNED + DECLARED)
    checked(project, DUCKDB_SQL, SAYS, "-- dialect: duckdb\n")


def test_spark_takes_fields_by_name_and_refuses_what_would_be_lost(project, spark):
    # What is refused before a job is so by the types alone, see tests/lakehouse/spark/test_conform.py.
    project.module("flows", TABLES + RETURNED.split("@flow(writes=misspelt")[0] + DECLARED + FRAMES)
    says = {table: SAYS[table] for table in ("geo.misspelt_sql", "geo.too_large")}
    outcomes = checked(project, {name: SPARK_SQL[name] for name in ("sql", "misspelt_sql", "too_large")}, says)
    assert outcomes["geo.frames"].note.reasons == {"column rows[].x is null": 1}
    (row,) = project.rows("geo.frames")
    assert (row["place"], row["rows"]) == ({"lat": 2.75, "lon": -2.75}, [{"x": 2, "y": None}])


CHANGING = ModuleText("""
from pathlib import Path

nested = table("geo.nested", place=pa.struct([pa.field("lat", F, nullable=False)]), tags=TAGS, rows=ROWS, counts=COUNTS)


@flow(writes=nested, kind="landing", external=lambda params: Path("round.txt").read_text())
def nest(params):
    number = int(Path("round.txt").read_text())
    return pa.table({
        "id": [1, number], "place": [{"lat": 1.5}, {"lat": float(number)}], "tags": [["a"], [str(number)]],
        "rows": [[{"y": None, "x": number}], []],
        "counts": pa.array([[("k", number)], []], pa.map_(S, N)),
    })

""")


NESTED = [([{"x": 3, "y": None}], [("k", 3)], ["a"]), ([], [], ["3"])]


def test_rows_with_fields_that_are_never_null_are_merged(project, monkeypatch):
    monkeypatch.chdir(project.root)
    project.module("flows", TABLES + CHANGING)
    for number in (2, 3):
        (project.root / "round.txt").write_text(str(number))
        outcome = project.run("geo.nested")["geo.nested"]
        assert outcome.error is None, outcome.error
    assert outcome.note.counts["updated"] == outcome.note.counts["inserted"] == outcome.note.counts["deleted"] == 1
    assert [(row["rows"], row["counts"], row["tags"]) for row in project.rows("geo.nested")] == NESTED


@pytest.mark.parametrize("engine", ["embedded", "spark"])
def test_a_table_whose_log_says_what_is_never_null_is_merged_into(project, request, monkeypatch, engine):
    if engine == "spark":
        request.getfixturevalue("spark")
    project.use(engine)
    monkeypatch.chdir(project.root)
    project.module("flows", TABLES + CHANGING)
    lake = project.lake()
    nested = lake.project.registry.tables["geo.nested"]
    DeltaTable.create(
        lake.catalog.table_uri(nested.name),
        schema=pa.schema([pa.field(column.name, column.type) for column in nested.columns]),
        configuration=nested.table_properties(),
    )
    assert "false" in lake.catalog.open(nested.name).schema().to_json()
    for number in (2, 3):
        (project.root / "round.txt").write_text(str(number))
        outcome = project.run("geo.nested")["geo.nested"]
        assert outcome.error is None, outcome.error
    assert outcome.note.counts["updated"] == 1
    opened = project.lake().catalog.open(nested.name)
    assert "false" not in opened.schema().to_json()
    assert [info["operation"] for info in opened.history()].count("CHANGE COLUMNS") == 1
    assert [(row["rows"], row["counts"], row["tags"]) for row in project.rows(nested.name)] == NESTED
