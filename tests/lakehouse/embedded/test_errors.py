from __future__ import annotations

import errno

import duckdb
import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.embedded.errors import from_engine_error
from lakehouse.errors import CollisionError, FlowError, LakeError
from tests.lakehouse.embedded.embedded_lakes import operator

FLOW = operator(Table("silver.things", doc="x", columns=[Column("id", pa.string(), "x")]), line=7)


def test_our_own_errors_stay():
    own = CollisionError("taken", "again")
    assert from_engine_error(FLOW, own) is own


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), LakeError, "flows.f: no space left on the disk"),
        (duckdb.IOException("could not write: No space left on device"), LakeError, "no space left on the disk"),
        (FileNotFoundError("lake/x.parquet"), LakeError, "a data file that it reads is gone: lake/x.parquet"),
        (MemoryError(), FlowError, "flows.f ran out of memory"),
        (duckdb.OutOfMemoryException("failed to allocate"), FlowError, "flows.f ran out of memory"),
        (pa.ArrowInvalid("bad\nmore"), FlowError, "flows.f failed: ArrowInvalid: bad (flows.py:7)"),
        (ValueError(), FlowError, "flows.f failed: ValueError: ValueError (flows.py:7)"),
    ],
)
def test_an_error_of_a_library_names_the_flow_and_what_to_do(error, kind, message):
    found = from_engine_error(FLOW, error)
    assert isinstance(found, kind)
    assert message in found.message
    assert found.hint
