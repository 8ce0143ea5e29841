from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.engine.batches import BatchCall
from lakehouse.errors import FlowError

NEVER = pa.struct([pa.field("x", pa.int64(), nullable=False), ("y", pa.string())])
SCHEMA = pa.schema([("id", pa.int64()), ("place", NEVER)])
GIVEN = pa.record_batch({"place": [{"y": "a", "x": None}], "id": [1]})


def called(function):
    return list(BatchCall("acme.flow", "flows.py:3", function, SCHEMA)([GIVEN]))


def test_batches_have_the_schemas_columns_by_name():
    (batch,) = called(iter)
    assert batch.to_pylist() == [{"id": 1, "place": {"x": None, "y": "a"}}]
    # A null is not asked for here: what leaves the flow is checked.
    assert batch.schema.field("place").type == pa.struct([("x", pa.int64()), ("y", pa.string())])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda batch: batch.drop_columns("id"), "left out the column 'id'"),
        (lambda batch: batch.append_column("more", batch["id"]), "returned a column 'more'"),
        (lambda batch: batch.set_column(0, "place", pa.array([{"x": 1}])), "place.y is missing"),
        (lambda batch: batch.set_column(1, "id", pa.array([1.5])), "returned 'id' as double, not int64"),
        (lambda batch: batch.to_pylist(), "yielded list"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    with pytest.raises(FlowError, match=r"acme.flow: a function of batches .*\(flows.py:3\)") as raised:
        called(lambda batches: map(change, batches))
    assert says in raised.value.message
