from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake.exceptions import DeltaError

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.errors import CheckFailedError, FlowError, LakeError
from lakehouse.spark.errors import from_spark_error

TOO_MANY = CheckFailedError("too many — of them", "fix it — there")
FLOW = Flow(
    id="acme.f",
    kind="operator",
    writes=Table("x.y", doc="d", columns=[Column("a", pa.string(), "a")]),
    reads={},
    file="f.py",
)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (f"Traceback ...\nRuntimeError: {TOO_MANY.to_text()}\n\tat x", CheckFailedError, "too many"),
        ("Job aborted\n  File x\nValueError: bad value\n\tat org.apache.Spark", FlowError, "ValueError: bad value"),
        ("org.x.SparkException: java.io.IOException: No space left on device", LakeError, "no space left"),
        ("[FAILED_READ_FILE.NO_HINT] Encountered error", LakeError, "gone or damaged"),
        ("[UNRESOLVED_COLUMN] A column `x` cannot be resolved\nmore", FlowError, "UNRESOLVED_COLUMN"),
    ],
)
def test_what_spark_raised_is_one_line_that_names_the_flow_or_the_cause(text, kind, says):
    found = from_spark_error(FLOW, RuntimeError(text))
    assert type(found) is kind
    assert says in found.message
    assert "\n" not in str(found)


def test_an_error_of_a_worker_keeps_its_fields():
    found = from_spark_error(FLOW, RuntimeError(f"Job aborted\nRuntimeError: {TOO_MANY.to_text()}\n\tat org.x"))
    assert (type(found), found.message, found.hint) == (CheckFailedError, TOO_MANY.message, TOO_MANY.hint)
    cut = RuntimeError(f"Job aborted\nRuntimeError: {TOO_MANY.to_text()[:-4]}")
    assert type(from_spark_error(FLOW, cut)) is FlowError


class TooLongError(FlowError):
    def __init__(self, rows):
        super().__init__(f"{rows} rows are too long", "shorten them", "flows.py:3")


def test_an_error_of_the_users_own_class_is_its_nearest_known_class():
    text = f"Job aborted\nRuntimeError: {TooLongError(3).to_text()}\n\tat org.x"
    found = from_spark_error(FLOW, RuntimeError(text))
    assert type(found) is FlowError
    assert str(found) == "3 rows are too long (flows.py:3) — shorten them"
    assert found.place == "flows.py:3"


def test_want_of_space_is_told_of_the_disk_that_lacks_it():
    text = "Generic LocalFileSystem error: Unable to copy: No space left on device (os error 28)"
    for kind in (DeltaError, OSError):
        found = from_spark_error(FLOW, kind(text))
        assert str(found) == "x.y could not be written: no space left — free space there, and run again"
    # What Python hands to Spark goes through a file in spark.local.dir.
    assert "spark.local.dir" in from_spark_error(FLOW, OSError(28, "No space left on device")).hint


@pytest.mark.parametrize("lake", ["/data/lake", "file:///data/lake", "s3://bucket/lake/"])
def test_a_lost_file_is_named_with_its_table(lake):
    place = lake.replace("s3://", "s3a://").replace("file:///", "file:/").rstrip("/")
    text = f"[FAILED_READ_FILE.FILE_NOT_EXIST] Error while reading file {place}/silver/docs/day=1/part-0.c000.parquet."
    found = from_spark_error(FLOW, RuntimeError(text), lake)
    assert type(found) is LakeError
    assert "acme.f: silver.docs cannot be read: its data file day=1/part-0.c000.parquet is gone" in found.message
    assert "mixlake run silver.docs --full" in found.hint
