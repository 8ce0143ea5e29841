from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from lakehouse.contract import Column, Table
from lakehouse.errors import FlowError, MixlakeError
from lakehouse.operator import Runner

TABLE = Table(
    "silver.things",
    doc="A thing.",
    columns=[
        Column("id", pa.string(), "Identity.", nullable=False),
        Column("n", pa.int64(), "Count."),
        Column("run_id", pa.string(), "Run.", volatile=True),
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


def test_an_error_is_named_with_its_line():
    def f(batch, params):
        return batch["nothing"]

    with pytest.raises(FlowError, match=r"KeyError: .*nothing.*test_operator\.py:\d+\)"):
        answers(f)


def test_errors_keep_message_and_hint_when_a_worker_sends_them():
    error = pickle.loads(pickle.dumps(FlowError("wrong", "mend it")))
    assert isinstance(error, MixlakeError)
    assert (error.message, error.hint, str(error)) == ("wrong", "mend it", "wrong — mend it")
