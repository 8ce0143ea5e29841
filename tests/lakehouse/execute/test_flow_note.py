from __future__ import annotations

from dataclasses import replace

from lakehouse.engine import Write
from lakehouse.execute.flow_execution import Phases
from lakehouse.execute.flow_note import Quarantined, attempt_name, commit_note
from lakehouse.execute.write_plan import WritePlan
from tests.lakehouse.execute.executions import checked, execution, target


def test_the_note_says_what_the_steps_returned(tmp_path):
    rows = checked(2, 5, **{"it has text": 1})
    plan = WritePlan(Write("append", rows), False, rows.digest, inserted=2)
    note = commit_note(execution(tmp_path), rows, Quarantined("attempt-1", True), plan, Phases(0.5, 1.0, 0.25))
    assert note.counts == {
        "inserted": 2,
        "updated": 0,
        "deleted": 0,
        "rows": 2,
        "read": 7,
        "quarantined": 1,
        "returned": 3,
    }
    assert (note.mode, note.changed, note.digest) == ("incremental", True, str(rows.digest))
    assert (note.quarantine, note.reasons, note.has_quarantined) == ("attempt-1", {"it has text": 1}, True)
    assert (note.base_version, note.run_id, note.key) == (4, "run-1", ("id",))
    assert note.phases == {"function": 0.5, "rows": 1.0, "difference": 0.25}
    assert type(note).from_json(note.to_json()).counts == note.counts


def test_reasons_stand_in_the_note_only_with_an_attempt(tmp_path):
    rows = checked(2, 5)
    plan = WritePlan(Write("append", rows, unchanged=True), True, rows.digest)
    note = commit_note(execution(tmp_path), rows, Quarantined("", False), plan, Phases())
    assert (note.quarantine, note.reasons, note.mode, note.changed) == ("", {}, "full", False)


def test_an_attempt_has_one_name_until_other_rows_would_be_quarantined(tmp_path):
    one = execution(tmp_path)
    assert attempt_name(one, full=True) == attempt_name(replace(one, run_id="run-2", started_monotonic=9.0), full=True)
    others = [
        attempt_name(one, full=False),
        attempt_name(replace(one, target=target(transaction=4)), full=True),
        attempt_name(replace(one, flow_plan=replace(one.flow_plan, inputs={"a.b": 3})), full=True),
    ]
    assert len({attempt_name(one, full=True), *others}) == 4
