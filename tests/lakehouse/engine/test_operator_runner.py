from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow
from lakehouse.engine.operator_runner import Runner, runner_of
from lakehouse.errors import FlowError, MixlakeError
from tests.lakehouse.flows import flow_of

TABLE = Table(
    "silver.things",
    doc="A thing.",
    columns=[
        Column("id", pa.string(), "Identity.", nullable=False),
        Column("n", pa.int64(), "Count."),
        Column("run_id", pa.string(), "Run.", volatile=True, lineage=True),
    ],
    key=["id"],
)
BATCH = pa.record_batch({"x": ["a", "b"]})


def answers(function, batch=BATCH):
    runner = Runner("jobs.f", __file__, function, None, TABLE)
    return pa.Table.from_batches(list(runner([batch])), pa.schema(runner.columns)).to_pylist()


def test_columns_are_put_in_order_cast_and_filled():
    def f(batch, params):
        return pa.record_batch({"n": pa.array([1, 2], pa.int8()), "id": batch["x"].cast(pa.large_string())})

    assert answers(f) == [{"id": "a", "n": 1, "_reject": None}, {"id": "b", "n": 2, "_reject": None}]
    assert answers(lambda b, p: pa.record_batch({"id": b["x"]}))[0]["n"] is None


def test_an_operator_may_give_tables_or_several_batches_and_reject_rows():
    def f(batch, params):
        yield pa.record_batch({"id": batch["x"]})
        yield pa.table({"id": pa.array([None], pa.string()), "_reject": ["no id: line 3"]})

    assert [row["_reject"] for row in answers(f)] == [None, None, "no id: line 3"]


def test_an_empty_batch_is_not_given_to_the_operator():
    def f(batch, params):
        raise AssertionError

    assert answers(f, BATCH.slice(0, 0)) == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda b: [1, 2], "int"),
        (lambda b: "text", "str, not a record batch"),
        (lambda b: pa.record_batch({"n": [1, 2]}), "left out the column 'id'"),
        (lambda b: pa.record_batch({"id": b["x"], "more": b["x"]}), "a column 'more'"),
        (lambda b: pa.record_batch({"id": b["x"], "n": ["one", "two"]}), "returned 'n' as string, not int64"),
    ],
)
def test_wrong_answers_are_refused_with_flow_and_file(answer, says):
    with pytest.raises(FlowError) as raised:
        answers(lambda batch, params: answer(batch))
    assert says in raised.value.message
    assert raised.value.message.startswith("jobs.f ")
    assert __file__ in raised.value.message


ONE = Runner("jobs.f", "file.py", None, None, TABLE, line=7, one_to_one="id")
GIVEN = pa.record_batch({"id": ["a", "b", "c"]})


def one_to_one(function, batch=GIVEN):
    runner = dataclasses.replace(ONE, function=lambda batch, params: function(batch))
    return pa.Table.from_batches(list(runner([batch])), pa.schema(runner.columns)).column("id").to_pylist()


def test_rows_that_come_back_once_are_taken_in_any_order_and_in_parts():
    assert one_to_one(lambda b: b) == ["a", "b", "c"]
    assert one_to_one(lambda b: b.take(pa.array([2, 0, 1]))) == ["c", "a", "b"]
    assert one_to_one(lambda b: iter([b.slice(0, 1), b.slice(1)])) == ["a", "b", "c"]
    rejected = pa.record_batch({"id": ["a", "b", "c"], "_reject": [None, "bad", None]})
    assert one_to_one(lambda b: rejected) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda b: b.slice(1), "got 3 rows and returned 2: id 'a' came 1 times and went 0 times"),
        (lambda b: b.slice(0, 0), "returned 0: id 'a'"),
        (lambda b: b.take(pa.array([0, 1, 1])), "returned 3: id 'b' came 1 times and went 2 times"),
        (lambda b: pa.record_batch({"id": ["a", "b", "d"]}), "id 'c' came 1 times and went 0 times"),
        (lambda b: iter([b, b.slice(2)]), "returned 4: id 'c' came 1 times and went 2 times"),
    ],
)
def test_an_operator_that_loses_or_adds_rows_is_refused_with_its_line(answer, says):
    with pytest.raises(FlowError, match=says) as raised:
        one_to_one(answer)
    assert "(file.py:7)" in raised.value.message
    assert "_reject" in raised.value.hint


def test_a_groups_rows_are_of_the_group_where_the_table_is_keyed_by_it():
    group = pa.table({"id": ["a", "a"], "n": pa.array([1, 2], pa.int64())})
    keyed = dataclasses.replace(ONE, one_to_one="", group_by=("id",))
    own = dataclasses.replace(keyed, function=lambda g, params: g.slice(0, 1))
    assert own.of_group(group).column("id").to_pylist() == ["a"]
    other = dataclasses.replace(keyed, function=lambda g, params: pa.table({"id": ["a", "b"], "n": [1, 2]}))
    with pytest.raises(FlowError, match="returned a row of id='b' for the group of id='a'"):
        other.of_group(group)
    bad = pa.table({"id": ["a", "b"], "n": [1, 2], "_reject": [None, "no"]})
    assert dataclasses.replace(keyed, function=lambda g, params: bad).of_group(group).num_rows == 2


def test_groups_are_compared_only_where_the_key_has_their_columns():
    assert runner_of(declared(kind="group", group_by=["id"], source_key="sample_id"), None).group_by == ("id",)
    assert runner_of(declared(kind="group", group_by=["n"]), None).group_by == ()


def declared(**fields):
    @flow(reads={"things": TABLE}, **{"writes": TABLE, "source_key": "id", "source_key_sql": "id", **fields})
    def f(batch, params):
        return batch

    return flow_of(f)


def test_an_operator_that_keeps_the_key_promises_one_row_for_each():
    assert declared().rows == "one-to-one"
    assert declared(rows="any").rows == "any"
    assert declared(source_key_sql="n").rows == "any"
    assert declared(kind="frame").rows == "any"
    place = declared().place
    assert place.startswith(f"{__file__}:")
    assert "@flow" in Path(__file__).read_text().splitlines()[int(place.rpartition(":")[2]) - 1]


def test_an_error_is_named_with_its_line():
    def f(batch, params):
        return batch["nothing"]

    with pytest.raises(FlowError, match=r"KeyError: .*nothing.*test_operator_runner\.py:\d+\)"):
        answers(f)


def test_errors_keep_message_and_hint_when_a_worker_sends_them():
    error = pickle.loads(pickle.dumps(FlowError("wrong", "mend it")))
    assert isinstance(error, MixlakeError)
    assert (error.message, error.hint, str(error)) == ("wrong", "mend it", "wrong — mend it")
