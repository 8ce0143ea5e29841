from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.contract import Check, Column, Table
from lakehouse.engine import OTHER_REASONS
from lakehouse.run.openlineage.assertions import results

TABLE = Table(
    "silver.lines",
    doc="A line.",
    columns=[
        Column("id", pa.string(), "Identity."),
        Column("text", pa.string(), "Text.", nullable=False),
        Column("run_id", pa.string(), "Run.", nullable=False),
    ],
    key=["id"],
    checks=[Check("text is not empty", "length(text) > 0"), Check("never: this", "id <> 'x'", on_fail="fail")],
)


def found(reasons, *, unique=True, table=TABLE):
    return {result.name: result for result in results(table, reasons, 0.1, unique=unique)}


def test_each_condition_is_told_with_the_rows_that_broke_it():
    told = found({"text is not empty": 3, "never": 1})
    assert list(told) == [
        "column id is null", "column text is null", "text is not empty", "never: this", "key id names one row",
    ]  # fmt: skip
    assert {name: result.failed for name, result in told.items() if result.failed} == {
        "text is not empty": 3,
        "never: this": 1,
    }
    assert [told[name].stops for name in told] == [False, False, False, True, True]
    assert (told["column text is null"].assertion, told["column text is null"].column) == ("not_null", "text")
    assert told["text is not empty"].tolerance == 0.1


def test_what_rare_reasons_sum_up_is_not_told_as_kept():
    assert list(found({"text is not empty": 9, OTHER_REASONS: 4}, unique=False)) == ["text is not empty"]


def test_conditions_that_are_counted_as_one_are_left_out():
    twins = Table("silver.t", doc="", columns=[TABLE.columns[0]], checks=[Check("a: b", "true"), Check("a: c", "true")])
    assert found({"a": 2}, table=twins) == {}
