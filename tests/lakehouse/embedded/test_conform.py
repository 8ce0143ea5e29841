from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT
from lakehouse.embedded.conditions import open_database
from lakehouse.embedded.conform import conform, null_at
from lakehouse.embedded.row_file import Stream
from lakehouse.engine.conform_arrays import conform_column
from lakehouse.engine.rules import BROKEN, REASON, never_null
from lakehouse.errors import FlowError
from tests.lakehouse.embedded.embedded_lakes import operator
from tests.lakehouse.engine.nested_types import pairs, values

TABLE = Table(
    "silver.things",
    doc="Things.",
    columns=[
        Column("id", pa.string(), "Identity.", nullable=False),
        Column("n", pa.int64(), "Number."),
        Column("Select", pa.string(), "Text."),
        Column("run_id", pa.string(), "Run.", volatile=True, lineage=True),
    ],
    key=["id"],
    checks=[Check("n is positive", "n > 0"), Check('it\'s "short"', "length(`select`) < 3 or `select` is null")],
)


@pytest.fixture
def database(tmp_path):
    opened = open_database(str(tmp_path), "1GB")
    yield opened
    opened.close()


def conformed(database, *batches, run_id="run-9"):
    rows = conform(operator(TABLE), database, Stream(batches[0].schema, batches), run_id)
    return [row for part in rows.batches for row in part.to_pylist()]


def test_rows_are_cast_stamped_and_marked(database):
    given = pa.record_batch({"n": pa.array([1, -1, 2, None, 5], pa.int16()), "id": ["a", "b", None, "d", "e"]})
    rows = conformed(database, given)
    assert {row["run_id"] for row in rows} == {"run-9"}
    assert [row["n"] for row in rows] == [1, -1, 2, None, 5]
    # A check that is neither true nor false is broken, too.
    reasons = [None, "n is positive", "column id is null", "n is positive", None]
    assert [row[REJECT] for row in rows] == reasons


def test_the_first_reason_counts_and_that_of_the_flow_comes_before(database):
    given = pa.record_batch(
        {
            "id": ["a", None, "c", "d"],
            "n": [1, -1, -1, 1],
            "Select": ["longer"] * 4,
            REJECT: ["too old", None, None, None],
        }
    )
    rows = conformed(database, given)
    # Of a row that the flow rejected nothing else is asked; of the others all rules that they break are named.
    assert [row[BROKEN] for row in rows] == [[], [0, 3, 4], [3, 4], [4]]
    short = 'it\'s "short"'
    assert [row[REASON] for row in rows] == ["too old", "column id is null", "n is positive", short]
    wholes = ["too old", f"column id is null; n is positive; {short}", f"n is positive; {short}", short]
    assert [row[REJECT] for row in rows] == wholes


def test_a_row_that_is_rejected_without_a_reason_says_so(database):
    rows = conformed(database, pa.record_batch({"id": ["a", "b", "c"], REJECT: [" ", ": x", "too old"]}))
    assert [row[REJECT] for row in rows] == ["no reason given", "no reason given: x", "too old"]
    assert [row[REASON] for row in rows] == ["no reason given", "no reason given", "too old"]


def test_a_run_id_of_the_flow_is_not_kept(database):
    given = pa.record_batch({"id": ["a"], "n": [1], "run_id": ["mine"]})
    assert conformed(database, given, run_id="it's ä")[0]["run_id"] == "it's ä"


def test_no_rows_have_the_contracts_columns(database):
    given = pa.schema([("id", pa.string())])
    rows = conform(operator(TABLE), database, Stream(given, ()), "run-9")
    assert rows.schema.names == ["id", "n", "Select", "run_id", REJECT, REASON, BROKEN]
    assert list(rows.batches) == []
    empty = pa.RecordBatch.from_pylist([], schema=given)
    assert conformed(database, empty) == []


def test_a_column_too_many_or_a_required_one_too_few_is_refused(database):
    with pytest.raises(FlowError, match="returned a column 'other'"):
        conformed(database, pa.record_batch({"id": ["a"], "other": [1]}))
    with pytest.raises(FlowError, match="left out the column 'id'"):
        conformed(database, pa.record_batch({"n": [1]}))


def test_a_value_that_does_not_fit_is_refused(database):
    with pytest.raises(
        FlowError, match=r"flows.f returned 'n' as string, not int64 .*return the types of the contract"
    ):
        conformed(database, pa.record_batch({"id": ["a"], "n": ["many"]}))
    with pytest.raises(FlowError, match=r"flows.f returned 'n' as list<item: int64>, not int64 "):
        conformed(database, pa.record_batch({"id": ["a"], "n": [[1]]}))


@settings(max_examples=50)
@given(pairs(), st.data())
def test_nulls_are_found_at_any_depth(pair, data):
    found, kind = pair
    rows = data.draw(st.lists(values(found, kind), min_size=1, max_size=5))
    array = conform_column("c", pa.array(rows, found), kind).slice(data.draw(st.integers(0, 1)))
    table = Table("a.b", doc="B.", columns=[Column("c", kind, "C.")])
    for field in never_null(table):
        assert null_at(array, field.steps).tolist() == [missing(row, field.steps) for row in array.to_pylist()]


def missing(value, steps):
    """Whether there is a null where some steps lead, in Python."""
    if not steps or value is None:
        return not steps and value is None
    (part, name), rest = steps[0], steps[1:]
    if part == "field":
        return missing(value[name], rest)
    elements = value if part == "element" else [entry[part == "value"] for entry in value]
    return any(missing(element, rest) for element in elements)
