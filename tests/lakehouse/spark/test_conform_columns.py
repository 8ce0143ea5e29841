from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lakehouse.engine.conform_arrays import conform_column
from lakehouse.engine.conform_types import MisfitError, step_of
from lakehouse.spark.conform_columns import Conformer, arrow_type
from lakehouse.spark.delta_reader import spark_schema
from lakehouse.spark.errors import from_spark_error
from tests.lakehouse.embedded.embedded_lakes import operator
from tests.lakehouse.engine.nested_types import pairs, values
from tests.lakehouse.engine.test_conform_arrays import plain

COLUMNS, ROWS = 12, 3
N, F, S = pa.int64(), pa.float64(), pa.string()


def conformed(frame, declared):
    """Return columns of a frame in declared types."""
    from pyspark.sql import functions as F

    conformer = Conformer("flows.f", "flows.py:3")
    steps = {name: step_of(name, arrow_type(frame.schema[name].dataType), kind) for name, kind in declared.items()}
    return frame.select(*(conformer.column(F.col(name), step).alias(name) for name, step in steps.items()))


# Many types a job, since each job costs seconds; a failure is shown as it was found.
@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=[*HealthCheck])
@given(st.data())
def test_values_are_the_same_as_those_of_arrays(spark, data):
    columns, declared = {}, {}
    for place in range(COLUMNS):
        found, wanted = data.draw(pairs(spark=True))
        declared[f"c{place}"] = wanted
        rows = data.draw(st.lists(values(found, wanted), min_size=ROWS, max_size=ROWS))
        columns[f"c{place}"] = pa.array(rows, found)
    table = pa.table(columns)
    frame = spark.createDataFrame(table, spark_schema(table.schema))
    for name in declared:
        assert arrow_type(frame.schema[name].dataType) == table.schema.field(name).type
    answer = conformed(frame, declared)
    for field in answer.schema:
        assert arrow_type(field.dataType) == arrow_type(
            spark_schema(pa.schema([("c", declared[field.name])]))[0].dataType
        )
    made = answer.toArrow()
    for name, kind in declared.items():
        assert plain(made.column(name).to_pylist()) == plain(conform_column(name, table.column(name), kind).to_pylist())


VALUES = [
    ("2147483648L", pa.int32()),
    ("9007199254740993L", F),
    ("16777217", pa.float32()),
    ("1.25", pa.decimal128(5, 1)),
    ("100.00", pa.decimal128(4, 2)),
    ("1.5", N),
    ("CAST('12345678901234567.8' AS DECIMAL(38, 18))", F),
    ("1000", pa.decimal128(4, 2)),
]


def test_a_value_that_would_change_fails_the_job_with_its_path(spark):
    for sql, kind in VALUES:
        frame = spark.sql(f"SELECT array(named_struct('x', {sql})) AS c")
        with pytest.raises(Exception, match="mixlake error") as raised:
            conformed(frame, {"c": pa.list_(pa.struct([("x", kind)]))}).collect()
        error = from_spark_error(operator_flow(), raised.value)
        assert error.message.startswith("flows.f returned 'c[].x' as "), error
        assert error.message.endswith(" does not fit (flows.py:3)")
        assert error.hint == "return the types of the contract"
    with pytest.raises(Exception, match="returned in 'c' a list of 1 elements, not 2"):
        conformed(spark.sql("SELECT array(1.5F) AS c"), {"c": pa.list_(pa.float32(), 2)}).collect()


def operator_flow():
    from tests.lakehouse.embedded.test_conform import TABLE

    return operator(TABLE)


def test_what_only_spark_has_is_converted_or_named(spark):
    frame = spark.sql(
        "SELECT map() AS empty, array() AS none, 'x' COLLATE UTF8_LCASE AS word, DATE'2024-01-31' AS moment,"
        " parse_json('1') AS variant, INTERVAL 1 DAY AS day, INTERVAL 1 MONTH AS month,"
        " CAST('0.1' AS DECIMAL(38, 18)) AS tenth, CAST(NULL AS MAP<VOID, VOID>) AS missing"
    )
    place = pa.struct([("lat", F)])
    declared = {
        "empty": pa.map_(S, place),
        "missing": pa.map_(S, place),
        "none": pa.list_(place),
        "word": S,
        "moment": pa.timestamp("us", "UTC"),
        "tenth": F,
    }
    answer = conformed(frame, declared)
    assert answer.schema["word"].dataType.simpleString() == "string"
    (row,) = answer.toArrow().to_pylist()
    moment = row.pop("moment")
    assert (moment.isoformat(), row) == (
        "2024-01-31T00:00:00+00:00",
        {"empty": [], "missing": None, "none": [], "word": "x", "tenth": 0.1},
    )
    for name, says in (
        ("variant", "as variant, not string"),
        ("day", "as duration[us], not"),
        ("month", "as interval month, not"),
    ):
        with pytest.raises(MisfitError, match=says.replace("[", r"\[").replace("]", r"\]")):
            conformed(frame, {name: S})


def test_a_value_is_looked_at_where_it_is_not_null(spark):
    wanted = pa.struct([("n", pa.decimal128(4, 2))])
    given_rows = [{"n": Decimal("1.500")}, {"n": None}, None]
    table = pa.table({"c": pa.array(given_rows, pa.struct([("n", pa.decimal128(9, 3))]))})
    frame = spark.createDataFrame(table, spark_schema(table.schema))
    assert conformed(frame, {"c": wanted}).toArrow().column("c").to_pylist() == given_rows
