from __future__ import annotations

from dataclasses import replace

import pytest

from lakehouse.delta.commit_note import NotedVersion
from lakehouse.delta.content_digest import Digest
from lakehouse.engine import Changes, FlowOutput
from lakehouse.execute import call_flow as module
from lakehouse.execute.call_flow import call_flow
from tests.lakehouse.execute.executions import LINES, Session, driven, execution, target
from tests.lakehouse.lakes import note

OUTPUT = FlowOutput("rows", full=True)
CHANGES = Changes("changed rows")


@pytest.fixture
def fed(monkeypatch):
    """The change feed of all tables is complete, unless a test says otherwise."""
    monkeypatch.setattr(module, "has_feed", lambda table, first, last: True)


def called(tmp_path, session, **fields):
    one = execution(tmp_path, session, flow=driven(), **fields)
    last = note(LINES.name, inputs={LINES.name: -1}, digest=str(Digest(10, 9)))
    flow_plan = replace(one.flow_plan, inputs={LINES.name: 0}, last=NotedVersion(4, last))
    output = call_flow(replace(one, flow_plan=flow_plan))
    return output, [name for name, *_ in session.asked], session.asked


@pytest.mark.usefixtures("fed")
def test_the_changes_of_the_driving_input_are_enough(tmp_path):
    output, names, asked = called(tmp_path, Session(changes=CHANGES, apply=OUTPUT))
    assert names == ["changes", "apply"]
    assert asked[1][1][0].changes is CHANGES
    assert output is OUTPUT


@pytest.mark.usefixtures("fed")
@pytest.mark.parametrize(
    "fields", [{"causes": ("code",)}, {"state": target(replace_whole=True)}, {"causes": ("input", "params")}]
)
def test_whole_inputs_are_read_where_stored_rows_may_be_wrong(tmp_path, fields):
    _, names, asked = called(tmp_path, Session(apply=OUTPUT), **fields)
    assert names == ["apply"]
    assert asked[0][1][0].changes is None


def test_whole_inputs_are_read_where_the_feed_was_vacuumed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "has_feed", lambda table, first, last: False)
    assert called(tmp_path, Session(apply=OUTPUT))[1] == ["apply"]


@pytest.mark.usefixtures("fed")
def test_a_retraction_alone_calls_no_function(tmp_path):
    output, names, _ = called(tmp_path, Session(no_rows="none"), causes=("retraction",))
    assert names == ["no_rows"]
    assert output == FlowOutput("none", full=False)


@pytest.mark.usefixtures("fed")
def test_a_retraction_alone_processes_all_rows_where_the_digest_is_of_an_older_form(tmp_path):
    older = Digest.parse("10-" + "0" * 32)
    one = execution(tmp_path, Session(apply=OUTPUT), ("retraction",), state=target(digest=older), flow=driven())
    last = note(LINES.name, inputs={LINES.name: -1}, digest="10-" + "0" * 32)
    assert call_flow(replace(one, flow_plan=replace(one.flow_plan, last=NotedVersion(4, last)))) is OUTPUT
    assert [(name, args[0].changes) for name, args, _ in one.session.asked] == [("apply", None)]


@pytest.mark.usefixtures("fed")
def test_quarantined_rows_are_asked_for_again_on_a_retry(tmp_path):
    _, _, asked = called(tmp_path, Session(changes=CHANGES, apply=OUTPUT), causes=("quarantine_retry",))
    assert asked[0][2] == {"retry": True}


@pytest.mark.usefixtures("fed")
def test_lost_files_are_not_read(tmp_path):
    lost = target(replace_whole=True, lost_files=True)
    _, _, asked = called(tmp_path, Session(apply=OUTPUT), state=lost)
    assert asked[0][1][0].stored_version == -1
