"""Rows of a flow's table that something else changed: seen by the plan, and put right by difference."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lakehouse.errors import CollisionError
from lakehouse.execute.target import inspect_target
from lakehouse.release.digest import content_digest
from tests.lakehouse import words
from tests.lakehouse.lakes import note, write

ROGUE = pa.table({"sample_id": ["z"], "text": ["Z!"], "size": pa.array([2], pa.int32()), "run_id": ["by hand"]})


def states(project):
    return {name: (item.state, [cause.kind for cause in item.causes]) for name, item in project.plan().items()}


def test_foreign_rows_are_put_right_by_difference_and_maintenance_changes_nothing(spark, project):
    words.write(project)
    project.run()
    lake = project.lake()
    names = ("bronze.lines", "silver.shouts", "gold.counts")
    before = {name: (project.rows(name), project.plan()[name].last[1].digest) for name in names}

    for name in names:
        table = DeltaTable(lake.catalog.table_uri(name))
        table.optimize.compact()
        table.alter.set_table_properties({"delta.logRetentionDuration": "interval 36500 days"})
        table.vacuum(dry_run=False)
        spark.sql(f"OPTIMIZE delta.`{lake.catalog.table_uri(name)}`")
        spark.sql(f"ALTER TABLE delta.`{lake.catalog.table_uri(name)}` SET TBLPROPERTIES ('note' = 'by hand')")
    assert {state for state, _ in states(project).values()} == {"fresh"}

    write(lake, "silver.shouts", ROGUE)
    spark.sql(f"DELETE FROM delta.`{lake.catalog.table_uri('silver.shouts')}` WHERE sample_id = 'a'")
    assert states(project)["silver.shouts"] == ("stale", ["external_write"])
    detail = project.plan()["silver.shouts"].causes[0].detail
    assert "delta-rs" in detail
    assert "Apache-Spark/4" in detail
    assert "(DELETE)" in detail
    # What reads the table sees other rows, whoever wrote them.
    assert "input" in states(project)["gold.counts"][1]
    assert content_digest(lake.catalog.open("silver.shouts")).startswith("files:")

    done = project.run()
    assert done["silver.shouts"].note.counts["inserted"] == 1
    assert done["silver.shouts"].note.counts["deleted"] == 1
    assert done["silver.shouts"].note.mode == "full"
    after = {name: (project.rows(name), project.plan()[name].last[1].digest) for name in names}
    for name in names:
        bare = [
            [{k: v for k, v in row.items() if k != "run_id"} for row in rows[0]] for rows in (before[name], after[name])
        ]
        assert bare[0] == bare[1]
        assert before[name][1] == after[name][1]
    assert {state for state, _ in states(project).values()} == {"fresh"}
    assert {outcome.status for outcome in project.run().values()} == {"fresh"}


@pytest.fixture
def planned(project):
    """Return a project whose table silver.shouts is as its flow left it, by delta-rs alone."""
    words.write(project)
    lake = project.lake()
    item = next(item for item in lake.plan().flows if item.writes == "silver.shouts")
    now = dataclasses.asdict(item.fingerprints)
    write(lake, "silver.shouts", ROGUE, note("silver.shouts", **{**now, "flow": item.flow.id, "digest": ""}))
    return project


def test_rows_that_change_between_plan_and_run_are_planned_again(planned):
    lake = planned.lake()
    item = planned.plan("silver.shouts")["silver.shouts"]
    assert not inspect_target(lake.catalog, item).external_writes
    write(lake, "silver.shouts", ROGUE)
    with pytest.raises(CollisionError, match="changed since it was planned"):
        inspect_target(lake.catalog, item)
    again = planned.plan("silver.shouts")["silver.shouts"]
    assert again.has_cause("external_write")
    assert inspect_target(lake.catalog, again).external_writes


def test_a_run_that_followed_settles_what_was_foreign(planned):
    lake = planned.lake()
    write(lake, "silver.shouts", ROGUE)
    item = planned.plan("silver.shouts")["silver.shouts"]
    assert item.has_cause("external_write")
    now = {**dataclasses.asdict(item.fingerprints), "flow": item.flow.id, "base_version": 1}
    write(lake, "silver.shouts", ROGUE, note("silver.shouts", **now))
    assert planned.plan("silver.shouts")["silver.shouts"].state == "fresh"
