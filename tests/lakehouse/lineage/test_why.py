from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.errors import QueryError
from lakehouse.ledger.runs import sync_runs
from lakehouse.lineage.why import why
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.lakehouse import words
from tests.lakehouse.lakes import lake_at, note, quarantine, rows, trained, write


def events_of(story):
    return [(event.table, event.outcome) for event in story.events if event.sample_id == story.id]


@pytest.fixture
def lines(project):
    words.write(project, "aaaa:hello|bbbb:two words|cccc:|dddd:zoo")
    project.view(
        "outcomes.animals",
        """-- Lines about animals.
        SELECT sample_id, 'silver.shouts' AS "table", 'removed' AS outcome, 'animals' AS rule, 'size' AS "column",
            size AS value, 'at least 9' AS threshold, 'in Berlin' AS place
        FROM silver.shouts WHERE text LIKE 'ZOO%'""",
    )
    project.run()
    return project


def test_steps_stand_in_the_order_of_the_way_with_their_runs(lines):
    story = why(lines.lake().project, "aaaa")
    assert events_of(story) == [("bronze.lines", "landed"), ("silver.shouts", "kept")]
    assert [event.table for event in story.events][-1] == "silver.words"
    runs = {event.run_id for event in story.events}
    assert len(runs) == 1
    assert all(event.run_id and event.flow and event.at.endswith("+00:00") for event in story.events)
    assert story.verdict == "kept at silver.shouts; of 1 made from it 1 made at silver.words"


def test_what_was_cut_leads_to_what_it_was_cut_from(lines):
    story = why(lines.lake().project, "bbbb/two")
    assert [(e.sample_id, e.table, e.outcome, e.other) for e in story.events] == [
        ("bbbb", "bronze.lines", "landed", ()),
        ("bbbb", "silver.shouts", "kept", ()),
        ("bbbb/two", "silver.words", "made", ("bbbb",)),
    ]
    assert story.verdict == "made at silver.words"


def test_a_view_of_the_project_tells_rule_value_and_threshold(lines):
    story = why(lines.lake().project, "dddd")
    (event,) = [event for event in story.events if event.outcome == "removed"]
    assert (event.rule, event.judged, event.threshold, event.details) == (
        "animals",
        "size 4",
        "at least 9",
        {"place": "in Berlin"},
    )
    assert event.flow.endswith("flows.shout")
    assert event.run_id
    assert ("silver.shouts", "kept") not in events_of(story)
    assert story.verdict.startswith("removed at silver.shouts: animals (size 4, allowed: at least 9)")


def test_a_quarantined_row_tells_the_check_and_the_value_that_broke_it(lines):
    story = why(lines.lake().project, "cccc")
    (event,) = story.events
    assert (event.table, event.outcome, event.rule) == ("bronze.lines", "quarantined", "text is not empty")
    assert (event.value, event.threshold) == ("text ''", "length(text) > 0")
    assert story.verdict == ("quarantined at bronze.lines: text is not empty (text '', allowed: length(text) > 0)")


def test_a_row_that_left_quarantine_is_not_quarantined(lines):
    words.land(lines, "aaaa:hello|cccc:better")
    lines.run()
    assert events_of(why(lines.lake().project, "cccc")) == [("bronze.lines", "landed"), ("silver.shouts", "kept")]


def test_a_view_that_cannot_be_read_is_named_and_the_rest_is_told(lines):
    lines.view("outcomes.broken", "SELECT nothing FROM bronze.lines")
    story = why(lines.lake().project, "aaaa")
    assert "outcomes.broken" in story.left_out
    assert events_of(story)


def test_at_an_earlier_version(lines):
    words.land(lines, "aaaa:other")
    lines.run()
    with pytest.raises(QueryError, match="no sample begins with dddd"):
        why(lines.lake().project, "dddd")
    assert ("silver.shouts", "removed") in events_of(
        why(lines.lake().project, "dddd", "bronze.lines@1,silver.shouts@1")
    )


def test_a_retracted_sample_tells_the_order(lines):
    lake = lines.lake()
    retract(lake.project, RetractionRequest("id", ("dddd",), "terms withdrawn"))
    lines.run()
    story = why(lines.lake().project, "dddd")
    (event,) = [event for event in story.events if event.outcome == "retracted"]
    assert (event.rule, event.value) == ("order 1: terms withdrawn", "id dddd")
    assert story.verdict.startswith("retracted at ledger.retractions: order 1: terms withdrawn")


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    trained(made)
    sync_runs(made.catalog)
    return made


def test_training_steps_are_told_by_training_run(lake):
    story = why(lake.project, "bb" * 16)
    (event,) = [event for event in story.events if event.outcome == "trained" and event.sample_id == story.id]
    assert event.details == {"training_run": "t1", "release": "mix-1", "steps": [1, 2, 3]}
    assert event.detail == "t1, steps 1, 2, 3"
    assert story.events[-1].table == "ledger.training_steps"


def test_what_was_made_from_a_sample_is_counted_by_its_end(lake):
    story = why(lake.project, "aa" * 16)
    assert story.made == {"a1" * 16, "a2" * 16, "51" * 16, "52" * 16}
    assert "made from it" in story.verdict


def test_more_samples_than_a_statement_names(tmp_path):
    lake = lake_at(tmp_path / "lake")
    many = [f"{n:032x}" for n in range(1, 1200)]
    write(lake, "bronze.files", rows(["aa" * 16], uri=pa.array(["file:a"])), note("bronze.files"))
    write(lake, "silver.lines", rows(many, [["aa" * 16]] * len(many)), note("silver.lines", quarantine="q1"))
    quarantine(lake, "silver.lines", "q1", ("aa" * 16, "half a line", {"sample_id": "ee" * 16}))
    story = why(lake.project, "file:a")
    assert story.verdict.endswith("of 1200 made from it 1199 made at silver.lines, 1 quarantined at silver.lines")
    cut = why(lake.project, "file:a", limit=10)
    assert cut.truncated
