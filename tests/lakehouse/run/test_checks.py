"""Checks as a user knows them: what they refuse, quarantine and tolerate, on the engine of the project."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.errors import ContractError
from tests.module_text import ModuleText

TABLES = ModuleText("""
import pyarrow as pa
from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table

COLUMNS = [
    Column("id", pa.int64(), "Identity.", nullable=False), Column("v", pa.int64(), "Value."),
    Column("run_id", pa.string(), "Run.", volatile=True, lineage=True),
]
source = Table("bronze.source", doc="A row.", columns=COLUMNS, key=["id"])
copies = Table("silver.copies", doc="A copy.", columns=COLUMNS, key=["id"], checks=[CHECKS])
""")
FLOWS = ModuleText("""
from pathlib import Path

import pyarrow as pa

from lakehouse.declare.flow import flow
from PACKAGE.tables import copies, source

INPUT = Path(__file__).parent.parent / "input.txt"


def outside(params):
    return INPUT.read_text()


@flow(writes=source, kind="landing", external=outside)
def land(params):
    values = [int(word) for word in INPUT.read_text().split()]
    return pa.table({"id": list(range(len(values))), "v": values})


@flow(writes=copies, reads={"source": source}, source_key="id", source_key_sql="id"FLOW)
def copied(batch, params):
    return batch.select(["id", "v"])
""")
HUNDRED = " ".join(map(str, range(100)))


def run(project, checks, values=HUNDRED, flow=""):
    project.module("tables", str(TABLES).replace("CHECKS", checks))
    project.module("flows", str(FLOWS).replace("FLOW", flow))
    (project.root / "input.txt").write_text(values)
    return project.run()["silver.copies"]


@pytest.mark.parametrize(
    ("checks", "says"),
    [
        ('Check("v is not 5", "v <> 5", on_fail="fail")', "1 of the 100 rows"),
        ('Check("v: is not 5", "v <> 5", on_fail="fail")', "none may: v: is not 5"),
        # Another check rejects the row, too.
        ('Check("small", "v > 90", tolerance=1.0), Check("v: is not 5", "v <> 5", on_fail="fail")', "v: is not 5"),
        ('Check("not 5, 6 or 7", "v NOT IN (5, 6, 7)", tolerance=0.01)', "3 of the 100 rows .* 0.01 of them may"),
        ('Check("v is not 5", "v <> 5", tolerance=0.0)', "1 of the 100 rows"),
        ('Check("v is over 5", "v > 5")', "6 of the 100 rows .* 0.05 of them may"),
    ],
)
def test_what_a_check_does_not_tolerate_fails_the_flow(project, checks, says):
    outcome = run(project, checks)
    assert outcome.status == "failed"
    assert re.search(says, outcome.error.message), outcome.error.message


@pytest.mark.parametrize(
    ("checks", "kept", "reasons"),
    [
        ('Check("v: is over 20", "v > 20", tolerance=1.0)', 79, {"v: is over 20": 21}),
        ('Check("v is not 5", "v <> 5"), Check("v is not 6", "v <> 6")', 98, {"v is not 5": 1, "v is not 6": 1}),
        (
            'Check("over 1", "v > 1", tolerance=0.5), Check("over 3", "v > 3", tolerance=0.5)',
            96,
            {"over 1": 2, "over 3": 2},
        ),
    ],
)
def test_what_a_check_tolerates_is_quarantined_with_all_that_it_broke(project, checks, kept, reasons):
    outcome = run(project, checks)
    assert (outcome.status, outcome.note.reasons) == ("done", reasons)
    assert len(project.rows("silver.copies")) == kept
    counted = project.lake().sql("SELECT reason, count(*) AS n FROM ledger.quarantine GROUP BY ALL").to_pylist()
    assert sum(row["n"] for row in counted) == 100 - kept
    if "over 1" in reasons:
        assert {row["reason"] for row in counted} == {"over 1; over 3", "over 3"}


def test_a_share_is_of_the_rows_that_changed(project):
    checks = 'Check("v is not negative", "v >= 0")'
    assert run(project, checks).status == "done"
    outcome = run(project, checks, HUNDRED + " -1 -1 -1 -1")
    assert outcome.status == "failed"
    assert "4 of the 4 rows" in outcome.error.message
    assert "v is -1 for id 100, id 101, id 102" in outcome.error.message


def test_the_flows_tolerance_is_that_of_checks_without_their_own(project):
    outcome = run(project, 'Check("v is over 20", "v > 20")', flow=", reject_tolerance=0.5")
    assert (outcome.status, outcome.note.reasons) == ("done", {"v is over 20": 21})


def test_two_checks_of_one_name_are_refused():
    columns = [Column("id", pa.int64(), "Identity.")]
    with pytest.raises(ContractError, match="two checks are named 'is good'"):
        Table("a.b", doc="x", columns=columns, checks=[Check("is good", "id > 1"), Check("is good", "id < 9")])
