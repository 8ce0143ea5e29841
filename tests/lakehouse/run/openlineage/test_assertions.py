from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.engine import OTHER_REASONS
from lakehouse.run.openlineage.assertions import assertions

TABLE = Table(
    "silver.lines",
    doc="A line.",
    columns=[
        Column("id", pa.string(), "Identity."),
        Column("text", pa.string(), "Text.", nullable=False),
        Column("run_id", pa.string(), "Run.", nullable=False, volatile=True, lineage=True),
    ],
    key=["id"],
    checks=[Check("text is not empty", "length(text) > 0"), Check("never: this", "id <> 'x'", on_fail="fail")],
)


def found(reasons, *, unique=True, table=TABLE, rows=None):
    return {made.name: made for made in assertions(table, reasons, rows, 0.1, unique=unique)}


def test_each_condition_is_reported_with_the_rows_that_broke_it():
    made = found({"text is not empty": 3, "never: this": 1})
    assert list(made) == [
        "column id is null", "column text is null", "text is not empty", "never: this", "key id names one row",
    ]  # fmt: skip
    assert {name: one.params["failed"] for name, one in made.items() if not one.success} == {
        "text is not empty": 3,
        "never: this": 1,
    }
    assert [one.severity for one in made.values()] == ["warn", "warn", "warn", "error", "error"]
    assert (made["column text is null"].assertion, made["column text is null"].column) == ("not_null", "text")
    assert made["text is not empty"].params["tolerance"] == 0.1
    assert "tolerance" not in made["key id names one row"].params
    assert made["key id names one row"].column == "id"


def test_rows_that_passed_are_known_if_rows_were_counted():
    assert found({"text is not empty": 3}, rows=10)["text is not empty"].params == {
        "failed": 3,
        "rows": 10,
        "passed": 7,
        "tolerance": 0.1,
    }


def test_what_rare_reasons_sum_up_is_not_reported_as_kept():
    reasons = {"text is not empty": 9, OTHER_REASONS: 4}
    assert list(found(reasons, unique=False)) == ["text is not empty"]
    assert list(found(reasons)) == ["text is not empty", "key id names one row"]


def test_checks_are_known_by_their_whole_names_and_have_their_own_tolerance():
    checks = [Check("a: b", "true", tolerance=0.01), Check("a: c", "true")]
    made = found({"a: c": 2}, table=Table("silver.t", doc="", columns=[TABLE.columns[0]], checks=checks))
    assert {name: (one.params["failed"], one.params["tolerance"]) for name, one in made.items()} == {
        "a: b": (0, 0.01),
        "a: c": (2, 0.1),
    }
