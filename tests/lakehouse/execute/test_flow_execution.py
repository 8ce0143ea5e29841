from __future__ import annotations

from dataclasses import replace

from lakehouse.delta.commit_note import NotedVersion
from lakehouse.execute.flow_execution import Phases
from tests.lakehouse.execute.executions import LINES, execution
from tests.lakehouse.lakes import note


def test_phases_add_up_to_the_time_until_the_difference_was_known():
    phases = Phases(function=0.0, rows=1.5).with_difference(4.0)
    assert phases.as_dict() == {"rows": 1.5, "difference": 2.5}


def test_earlier_quarantined_rows_are_known_from_the_last_note(tmp_path):
    one = execution(tmp_path)
    assert not one.had_quarantined
    assert not execution(tmp_path / "new", last=False).had_quarantined
    quarantined = note(LINES.name, has_quarantined=True)
    assert replace(one, flow_plan=replace(one.flow_plan, last=NotedVersion(4, quarantined))).had_quarantined
