from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from lakehouse.errors import ConfigError, LakeError, UsageError
from lakehouse.ledger.retractions import ORDERED, Retraction, append_order
from tests.lakehouse import words
from tests.lakehouse.lakes import write

TABLES = {"bronze.lines", "silver.shouts", "silver.words", "gold.counts"}


@pytest.fixture
def made(project):
    """A project whose lake is as one run left it, by delta-rs alone."""
    return words.write_as_run(project)


def causes(project, table, **options):
    """Return the detail by kind of why a flow is stale, planned alone."""
    (item,) = project.lake().plan([table], **options).flows
    assert (item.state == "fresh") == (not item.causes)
    return {cause.kind: cause.detail for cause in item.causes}


def order(project, value="alpha", **matched):
    """Record an order to retract a source that was searched before any table was written."""
    made = Retraction(
        ordinal=0, retraction_id=value, kind="source", value=value, scope="origin", reason="withdrawn", purge=False,
        searched_versions={}, matched=matched, releases=(), state=ORDERED, at=datetime.now(UTC),
    )  # fmt: skip
    return append_order(project.lake().catalog, made)


def test_before_the_first_run_all_is_missing_and_planning_makes_nothing(project):
    words.write(project)
    plan = project.lake().plan()
    assert {item.writes: item.state for item in plan.flows} == dict.fromkeys(TABLES, "missing")
    assert plan.stale == plan.flows
    shouts = next(item for item in plan.flows if item.writes == "silver.shouts")
    assert [cause.kind for cause in shouts.causes] == ["missing", "upstream"]
    assert (shouts.inputs, shouts.last) == ({"bronze.lines": -1}, None)
    assert not (project.root / "lake").exists()


def test_after_a_run_all_is_fresh_at_the_versions_that_it_read(made):
    plan = made.lake().plan()
    assert {item.state for item in plan.flows} == {"fresh"}
    assert (plan.stale, plan.warnings) == ((), ())
    shouts = next(item for item in plan.flows if item.writes == "silver.shouts")
    assert (shouts.inputs, shouts.last[0]) == ({"bronze.lines": 0}, 0)
    assert shouts.as_dict() == {
        "flow": f"{made.package}.flows.shout",
        "writes": "silver.shouts",
        "state": "fresh",
        "causes": [],
        "inputs": {"bronze.lines": 0},
    }


def test_new_rows_of_an_input_make_what_is_made_from_it_stale(made):
    words.leave_note(made, "bronze.lines")
    plan = made.plan()
    assert {name: [cause.kind for cause in item.causes] for name, item in plan.items()} == {
        "bronze.lines": [],
        "silver.shouts": ["input"],
        "silver.words": ["input"],
        "gold.counts": ["upstream"],
    }
    assert plan["silver.shouts"].causes[0].detail == "bronze.lines 0 -> 1"
    assert plan["gold.counts"].causes[0].detail == "silver.shouts is to be written"
    # What is not selected is not about to be written.
    assert causes(made, "gold.counts") == {}
    assert {item.writes for item in made.lake().plan(["stale"]).flows} == TABLES - {"bronze.lines"}


def test_a_commit_that_changed_no_rows_makes_nothing_stale(made):
    words.leave_note(made, "bronze.lines", changed=False, mode="no-op")
    made.lake().catalog.open("bronze.lines").optimize.compact()
    assert {item.state for item in made.plan().values()} == {"fresh"}


def test_an_input_that_came_went_or_was_replaced_is_told_apart(made):
    words.leave_note(made, "silver.words")
    assert causes(made, "silver.words") == {"input": "bronze.lines missing -> 0"}
    words.leave_note(made, "silver.words", {"bronze.lines": 0, "silver.old": 3})
    assert causes(made, "silver.words") == {"input": "silver.old is no longer read"}
    identity = made.lake().catalog.log("bronze.lines").identity
    words.leave_note(made, "silver.words", {"bronze.lines": 0}, ids={"bronze.lines": identity})
    assert causes(made, "silver.words") == {}
    shutil.rmtree(made.root / "lake" / "bronze")
    assert causes(made, "silver.words") == {"input_replaced": "bronze.lines is gone"}
    words.leave_note(made, "bronze.lines")
    assert causes(made, "silver.words") == {"input_replaced": "bronze.lines is another table than the one read before"}


def test_a_table_that_another_flow_or_something_else_wrote_is_stale(made):
    words.leave_note(made, "silver.words", {"bronze.lines": 0}, flow="flows.before")
    assert causes(made, "silver.words") == {"code": "flows.before wrote it before"}
    lake = made.lake()
    row = {"sample_id": "z", "text": "Z", "size": 1, "run_id": None}
    write(lake, "silver.shouts", pa.Table.from_pylist([row], schema=lake.table("silver.shouts").schema))
    found = causes(made, "silver.shouts")
    assert list(found) == ["external_write"]
    assert found["external_write"].startswith("version 1 was written by delta-rs")
    assert found["external_write"].endswith("not by the flow of silver.shouts")


def test_changed_code_params_contract_and_sources_are_causes(made):
    made.module("flows", words.FLOWS.replace("pc.utf8_upper(text)", "pc.utf8_lower(text)"))
    made.module("tables", words.TABLES.replace('cluster_by=["size"]', 'cluster_by=["text"]'))
    words.land(made, "z:other")
    found = causes(made, "silver.shouts", params={"silver.shouts": {"mark": "?"}})
    assert found == {
        "code": f"{made.package}.flows.loud changed",
        "params": 'mark "!" -> "?"',
        "contract": "cluster_by size -> text",
    }
    assert causes(made, "bronze.lines") == {"source_changed": "the sources changed"}


def test_a_run_may_be_forced_and_quarantined_rows_tried_again(made):
    assert causes(made, "silver.words", full=True) == {"forced": "--full"}
    assert causes(made, "silver.words", retry=True) == {}
    words.leave_note(made, "silver.words", {"bronze.lines": 0}, has_quarantined=True)
    assert causes(made, "silver.words") == {}
    assert causes(made, "silver.words", retry=True) == {"quarantine_retry": "rows are quarantined"}
    plan = made.lake().plan(["silver.words"], full=True)
    assert plan.full
    assert plan.flows[0].has_cause("forced")
    assert not plan.flows[0].has_cause("input")


def test_an_order_to_retract_concerns_tables_with_samples_until_they_comply(made):
    order(made, **{"silver.words": 1})
    pending = {"retraction": "1: source alpha (withdrawn)"}
    assert causes(made, "silver.words") == pending
    assert causes(made, "gold.counts") == {}
    words.leave_note(made, "silver.words", {"bronze.lines": 0}, retraction=1)
    assert causes(made, "silver.words") == {}


@pytest.mark.parametrize(("orders", "newest"), [(0, "none"), (1, "1")])
def test_orders_that_were_lost_let_nothing_come_back(made, orders, newest):
    words.leave_note(made, "silver.words", {"bronze.lines": 0}, retraction=2)
    for number in range(orders):
        order(made, f"source-{number}")
    says = f"silver.words complies with order 2, the newest that is known is {newest}"
    with pytest.raises(LakeError, match=says) as raised:
        made.lake().plan()
    assert "restore the table from a copy" in raised.value.hint
    made.lake().plan(["gold.counts"])


def test_params_of_no_flow_and_words_that_select_none_are_refused(made):
    with pytest.raises(ConfigError, match=r"params name 'silver\.shout', which is not a flow") as raised:
        made.lake().plan(params={"silver.shout": {"mark": "?"}})
    assert raised.value.hint == "did you mean silver.shouts?"
    with pytest.raises(ConfigError, match="name a flow, or the table that it writes"):
        made.lake().plan(params={"xyz": {"mark": "?"}})
    with pytest.raises(UsageError, match="selects no flow"):
        made.lake().plan(["silver.shout"])


@pytest.fixture
def joined(made):
    """What two flows made from one table comes together in a third."""
    made.sql("gold.counts", "SELECT s.size, count(*) AS n FROM silver.shouts s JOIN silver.words w ON true GROUP BY 1")
    words.leave_note(made, "gold.counts", {"silver.shouts": 0, "silver.words": 0})
    return made


def test_inputs_made_from_different_versions_of_an_ancestor_are_a_warning(joined):
    assert joined.lake().plan().warnings == ()
    words.leave_note(joined, "bronze.lines")
    version = words.leave_note(joined, "silver.words", {"bronze.lines": 1})
    # It is to run anyway, which may put it right.
    assert joined.lake().plan(["gold.counts"]).warnings == ()
    words.leave_note(joined, "gold.counts", {"silver.shouts": 0, "silver.words": version})
    assert joined.lake().plan(["gold.counts"]).warnings == (
        "sql.gold.counts: silver.shouts and silver.words were made from different versions of bronze.lines",
    )


def test_versions_of_an_ancestor_with_the_same_rows_are_no_mixture(joined):
    words.leave_note(joined, "bronze.lines", changed=False, mode="no-op")
    version = words.leave_note(joined, "silver.words", {"bronze.lines": 1})
    words.leave_note(joined, "gold.counts", {"silver.shouts": 0, "silver.words": version})
    assert joined.lake().plan(["gold.counts"]).warnings == ()
