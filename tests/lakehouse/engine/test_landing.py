from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.engine import Call
from lakehouse.engine.landing import land
from lakehouse.errors import FlowError

TABLE = Table(
    "bronze.things",
    doc="Things.",
    columns=[
        Column("id", pa.string(), "Identity."),
        Column("n", pa.int32(), "Number."),
        Column("names", pa.list_(pa.string()), "x"),
    ],
    key=["id"],
)
CALL = Call({"params": 1}, {}, -1)


def landed(function, current=None):
    flow = Flow(id="flows.f", kind="landing", writes=TABLE, reads={}, function=function, file="flows.py", line=3)
    return land(flow, CALL, lambda: current)


def test_rows_are_cast_to_the_contract_and_other_columns_stay():
    found = landed(lambda params: pa.table({"n": [1, None], "other": [b"x", b"y"], "names": [[], None]}))
    assert found.schema.types == [pa.int32(), pa.binary(), pa.list_(pa.string())]
    assert found.column_names == ["n", "other", "names"]
    assert landed(lambda params: TABLE.schema.empty_table()).num_rows == 0
    assert landed(lambda params: pa.table({"id": pa.array(["a"]).dictionary_encode()})).schema.types == [pa.string()]


def test_a_function_is_given_its_parameters_and_the_rows_that_are_there_if_it_asks():
    current = pa.table({"id": ["a"]})

    def grow(*, params, current_rows):
        assert params == CALL.params
        return pa.concat_tables([current_rows, current_rows])

    assert landed(grow, current).num_rows == 2


@pytest.mark.parametrize("answer", [None, [1], {"id": ["a"]}, pa.record_batch({"id": ["a"]})])
def test_what_is_no_table_is_refused(answer):
    with pytest.raises(
        FlowError, match=rf"flows.f returned {type(answer).__name__}, not an Arrow table \(flows.py:3\)"
    ):
        landed(lambda params: answer)


@pytest.mark.parametrize("values", [["many"], [2**40], [[1]], [1.5]])
def test_a_value_that_does_not_fit_is_refused(values):
    with pytest.raises(
        FlowError, match=r"flows.f returned 'n' as .*, not int32.*\(flows.py:3\) — return the types of the contract"
    ):
        landed(lambda params: pa.table({"n": values}))


def test_a_flow_without_a_function_is_refused():
    with pytest.raises(FlowError, match=r"flows.f has no function"):
        landed(None)


def test_an_error_of_the_function_is_its_own():
    def fail(params):
        raise ValueError("away")

    with pytest.raises(ValueError, match="away"):
        landed(fail)
