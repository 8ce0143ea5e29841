from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.errors import TableNotFoundError
from lakehouse.query.quarantine import count_quarantined, describe_rule, quarantined_rows
from tests.lakehouse.lakes import lake_at, note, quarantine, write

NONE = pa.table({"sample_id": pa.array([], pa.string())})
AT = datetime(2026, 1, 1, tzinfo=UTC)


def row(name):
    return {"sample_id": name, "text": f"text of {name}"}


def commit(lake, table, attempt="", mode="full"):
    """Commit a table with a note that names an attempt."""
    write(lake, table, NONE, note(table, quarantine=attempt, has_quarantined=True, mode=mode))


@pytest.fixture
def lake(tmp_path):
    """Two tables with quarantined rows of one attempt each."""
    made = lake_at(tmp_path / "lake")
    quarantine(
        made,
        "silver.texts",
        "one",
        *(("a", f"too short: {n} characters", row(f"a{n}")) for n in range(3)),
        ("b", "a bad word", row("b")),
    )
    quarantine(made, "bronze.pages", "two", (None, "text is not empty", row("c")))
    commit(made, "silver.texts", "one")
    commit(made, "bronze.pages", "two")
    return made


def names(found):
    return sorted(json.loads(item["row"])["sample_id"] for item in found)


def test_a_lake_without_quarantine_has_no_quarantined_rows(tmp_path):
    project = lake_at(tmp_path / "lake").project
    assert (
        count_quarantined(project)
        == count_quarantined(project, "silver.texts")
        == quarantined_rows(project, "silver.texts")
        == []
    )


def test_rows_are_counted_by_table_and_by_reason_up_to_its_colon(lake):
    first, *others = count_quarantined(lake.project)
    assert first == {
        "table": "silver.texts",
        "flow": "flows.silver.texts",
        "reason": "too short",
        "rows": 3,
        "first": AT,
        "last": AT,
    }
    assert [(item["table"], item["reason"], item["rows"]) for item in others] == [
        ("bronze.pages", "text is not empty", 1),
        ("silver.texts", "a bad word", 1),
    ]
    assert [item["table"] for item in count_quarantined(lake.project, "bronze.pages")] == ["bronze.pages"]


def test_a_table_that_is_not_there_is_an_error(lake):
    with pytest.raises(TableNotFoundError):
        count_quarantined(lake.project, "silver.nothing")


def test_rows_of_an_attempt_that_was_not_committed_do_not_count(lake):
    quarantine(lake, "silver.texts", "killed", ("c", "a bad word", row("lost")))
    assert "lost" not in names(quarantined_rows(lake.project, "silver.texts"))


def test_a_full_run_forgets_what_was_quarantined_before(lake):
    commit(lake, "silver.texts")
    assert count_quarantined(lake.project, "silver.texts") == []
    assert len(count_quarantined(lake.project, "bronze.pages")) == 1


def test_an_origin_that_is_processed_again_replaces_its_rows_alone(lake):
    quarantine(lake, "silver.texts", "three", ("a", "processed again", None), ("a", "a bad word", row("new")))
    commit(lake, "silver.texts", "three", mode="incremental")
    assert names(quarantined_rows(lake.project, "silver.texts")) == ["b", "new"]
    quarantine(lake, "silver.texts", "four", ("b", "processed again", None))
    commit(lake, "silver.texts", "four", mode="incremental")
    assert names(quarantined_rows(lake.project, "silver.texts")) == ["new"]


def test_examples_are_limited_by_reason_and_chosen_by_its_beginning(lake):
    assert names(quarantined_rows(lake.project, "silver.texts", limit=2)) == ["a0", "a1", "b"]
    assert names(quarantined_rows(lake.project, "silver.texts", "too")) == ["a0", "a1", "a2"]
    assert names(quarantined_rows(lake.project, "silver.texts", "too short: 2")) == ["a2"]
    assert quarantined_rows(lake.project, "silver.texts", "short") == []
    (found,) = quarantined_rows(lake.project, "silver.texts", "a bad")
    assert found == {
        "reason": "a bad word",
        "sample_id": "b",
        "origin": "b",
        "row": json.dumps(row("b")),
        "run_id": "run-one",
        "at": AT,
    }


@settings(max_examples=15)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), min_size=1), min_size=1, max_size=4))
def test_of_each_origin_the_rows_of_its_newest_attempt_are_quarantined(attempts):
    expected = {}
    with tempfile.TemporaryDirectory() as folder:
        lake = lake_at(Path(folder) / "lake")
        for number, counts in enumerate(attempts):
            made = [(origin, "processed again", None) for origin in counts]
            for origin, count in counts.items():
                expected[origin] = [f"{origin}{number}{n}" for n in range(count)]
                made += [(origin, "a bad word", row(name)) for name in expected[origin]]
            quarantine(lake, "silver.texts", f"try-{number}", *made)
            commit(lake, "silver.texts", f"try-{number}", mode="incremental" if number else "full")
        found = quarantined_rows(lake.project, "silver.texts", limit=99)
    assert names(found) == sorted(name for kept in expected.values() for name in kept)


def test_rows_of_one_origin_that_came_later_leave_the_earlier_ones(lake):
    quarantine(lake, "silver.texts", "three", ("b", "a bad word", row("other")))
    commit(lake, "silver.texts", "three", mode="incremental")
    assert {"b", "other"} <= set(names(quarantined_rows(lake.project, "silver.texts")))


def test_the_rule_of_a_reason_is_a_check_a_column_or_the_flows_own():
    table = Table(
        "silver.texts",
        doc="A text.",
        columns=[
            Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True),
            Column("text", pa.string(), "Text."),
        ],
        key=["sample_id"],
        checks=[Check("it is short", "length(text) < 9"), Check("it is odd", "text <> 'even'")],
    )
    flow = Flow(id="flows.f", kind="operator", writes=table, reads={}, file="flows.py")
    assert describe_rule(flow, "it is short") == "check of silver.texts: length(text) < 9"
    assert describe_rule(flow, "it is short; it is odd") == "check of silver.texts: length(text) < 9 and text <> 'even'"
    assert describe_rule(flow, "it is short: 12").startswith("a reason of the flow's own")
    assert describe_rule(flow, "column sample_id is null") == "a column that silver.texts requires"
    joined = replace(table, checks=[Check("a; b", "n > 5"), Check("a", "n > 8"), Check("b", "n <> 9")])
    flow_of_joined = replace(flow, writes=joined)
    assert describe_rule(flow_of_joined, "a; b") == "check of silver.texts: n > 5"
    assert describe_rule(flow_of_joined, "a; b; b") == "check of silver.texts: n > 5 and n <> 9"
    assert describe_rule(flow_of_joined, "a; a").startswith("a reason of the flow's own")
    invalid = "column text has a text that is not valid UTF-8"
    assert describe_rule(flow, invalid) == "a value that would not be read back from silver.texts as it was"
    assert describe_rule(flow, "column text is null").startswith("a reason of the flow's own (flows.py")
