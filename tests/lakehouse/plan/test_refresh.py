from __future__ import annotations

import dataclasses

import pytest

from lakehouse.delta.commit_note import NotedVersion
from lakehouse.plan.cause import Cause
from lakehouse.plan.refresh import Refresh, full_reason, refresh_of
from tests.lakehouse import words
from tests.lakehouse.lakes import note


@pytest.fixture
def planned(project):
    """Return a function that gives a flow's plan with other causes, as after a run over version 3 of its inputs."""
    lake = words.write(project).lake()
    flows = {item.writes: item for item in lake.plan().flows}

    def plan(table, *causes):
        item = flows[table]
        last = NotedVersion(0, note(table, inputs=dict.fromkeys(item.inputs, 3), digest=f"7:{7:032x}"))
        state = "stale" if causes else "fresh"
        inputs = dict.fromkeys(item.inputs, 5)
        return lake.project, dataclasses.replace(item, state=state, causes=causes, last=last, inputs=inputs)

    return plan


def test_a_fresh_flow_processes_nothing(planned):
    assert refresh_of(*planned("silver.shouts")) == Refresh("none")


@pytest.mark.parametrize("kind", ["input", "upstream", "retraction", "quarantine_retry"])
def test_changes_of_the_driving_input_are_enough(planned, kind):
    found = refresh_of(*planned("silver.shouts", Cause(kind, "whatever it says", "bronze.lines")))
    assert found == Refresh("incremental", changes={"bronze.lines": (4, 5)})


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("external_write", "something else changed rows of its table"),
        ("input_replaced", "an input is another table than before"),
        ("source_changed", "the sources changed"),
        ("code", "its code changed"),
        ("forced", "--full was given"),
    ],
)
def test_other_causes_need_all_rows(planned, kind, reason):
    causes = Cause("input", "bronze.lines 3 -> 5", "bronze.lines"), Cause(kind, "")
    assert refresh_of(*planned("silver.shouts", *causes)) == Refresh("full", reason)


def test_the_changed_table_is_a_field_of_the_cause(planned):
    cause = Cause("input", "an input changed", "silver.words")
    assert full_reason(*planned("silver.shouts", cause)) == "silver.words changed, which is not its driving input"
    assert full_reason(*planned("silver.shouts", dataclasses.replace(cause, table="bronze.lines"))) == ""


def test_a_flow_that_never_ran_or_reads_in_full_needs_all_rows(planned):
    project, item = planned("silver.shouts", Cause("missing", "never written"))
    assert full_reason(project, dataclasses.replace(item, last=None)) == "its table was never written"
    cause = Cause("input", "", "silver.shouts")
    assert full_reason(*planned("gold.counts", cause)) == "a SQL flow reads its inputs in full"


def test_a_digest_of_an_older_form_makes_nothing_stale_but_needs_all_rows(planned):
    def older(item):
        number, last = item.last
        return dataclasses.replace(item, last=NotedVersion(number, dataclasses.replace(last, digest=f"7-{7:032x}")))

    project, fresh = planned("silver.shouts")
    assert refresh_of(project, older(fresh)) == Refresh("none")
    _, stale = planned("silver.shouts", Cause("input", "it changed", "bronze.lines"))
    assert refresh_of(project, older(stale)) == Refresh("full", "the content digest of its table is of an older form")
