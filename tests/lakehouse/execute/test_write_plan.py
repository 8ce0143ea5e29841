from __future__ import annotations

from dataclasses import replace

import pytest

from lakehouse.delta.content_digest import Digest
from lakehouse.engine import AffectedKeys, FlowOutput, StoredRows
from lakehouse.engine.keys import KeyOrigins
from lakehouse.errors import CheckFailedError
from lakehouse.execute.write_plan import plan_write
from lakehouse.ledger.retractions import Retractions
from lakehouse.project import Project
from tests.lakehouse.execute.executions import LINES, Session, checked, difference, driven, execution, target

FULL = FlowOutput("rows", full=True)
NEW = FlowOutput("rows", full=False)
SOME = FlowOutput("rows", full=False, affected=AffectedKeys("keys"))


def test_only_new_rows_are_appended_and_the_digest_is_carried_forward(tmp_path):
    plan = plan_write(execution(tmp_path), NEW, checked(2, 5))
    assert (plan.write.mode, plan.write.difference, plan.full) == ("append", None, False)
    assert plan.digest == Digest(12, 14)
    assert plan.counts == {"inserted": 2, "updated": 0, "deleted": 0, "rows": 12}
    assert plan.changed


def test_no_new_row_is_no_change(tmp_path):
    assert not plan_write(execution(tmp_path), NEW, checked(0, 0)).changed


def test_an_empty_table_is_appended_to(tmp_path):
    empty = target(digest=Digest(), version=0)
    plan = plan_write(execution(tmp_path, last=False, state=empty), FULL, checked(2, 5))
    assert (plan.write.mode, plan.inserted, plan.full) == ("append", 2, True)


def test_equal_content_leaves_all_rows_as_they_are(tmp_path):
    plan = plan_write(execution(tmp_path), FULL, checked(10, 9))
    assert plan.write.unchanged
    assert not plan.changed
    assert plan.digest == Digest(10, 9)


@pytest.mark.parametrize("distrust", [{"state": target(external_writes=True)}, {"causes": ("forced",)}])
def test_equal_content_by_the_note_is_not_trusted_where_something_else_wrote_or_the_user_forces(tmp_path, distrust):
    session = Session(difference=difference())
    plan = plan_write(execution(tmp_path, session, **distrust), FULL, checked(10, 9))
    assert [name for name, *_ in session.asked] == ["rows_with_duplicate_keys", "difference"]
    assert plan.write.unchanged


def test_duplicate_stored_keys_are_replaced_with_the_whole_table_and_that_is_a_change(tmp_path):
    session = Session(rows_with_duplicate_keys=12)
    plan = plan_write(execution(tmp_path, session, state=target(external_writes=True)), FULL, checked(10, 9))
    assert (plan.write.mode, plan.inserted, plan.deleted, plan.changed) == ("overwrite", 10, 12, True)


@pytest.mark.parametrize(
    ("changed", "mode"), [(difference(1, 1), "merge"), (difference(0, 0, 1), "merge"), (difference(3), "append")]
)
def test_a_full_result_is_written_as_its_difference(tmp_path, changed, mode):
    after = Digest(10, 9) + changed.gained - changed.lost
    plan = plan_write(execution(tmp_path, Session(difference=changed)), FULL, checked(after.rows, after.total))
    assert (plan.write.mode, plan.write.difference) == (mode, changed)
    assert plan.digest == after
    assert (plan.inserted, plan.updated, plan.deleted) == (changed.inserted, changed.updated, changed.deleted)


def test_affected_keys_are_compared_with_their_stored_rows_alone(tmp_path):
    session = Session(difference=difference(2, 1, 1))
    plan = plan_write(execution(tmp_path, session), SOME, checked(3, 8))
    (_, (_, stored), _) = session.asked[-1]
    assert stored == StoredRows(4, SOME.affected, None)
    # Ten rows, three of which come in and two of which go out.
    assert plan.digest == Digest(10 + 3 - 2, 9 + 3 - 1)


def test_a_retraction_deletes_stored_rows_of_no_affected_key(tmp_path):
    session = Session(difference=difference(0, 0, 2))
    plan = plan_write(execution(tmp_path, session, causes=("retraction",)), NEW, checked(0, 0))
    (_, (_, stored), _) = session.asked[-1]
    assert stored == StoredRows(4, None, Retractions())
    assert (plan.write.mode, plan.deleted) == ("merge", 2)


@pytest.mark.parametrize("state", [{"fits_contract": False}, {"lost_files": True}, {"external_writes": True}])
def test_rows_that_cannot_be_compared_are_replaced_whole(tmp_path, state):
    whole = target(replace_whole=True, **state)
    plan = plan_write(execution(tmp_path, state=whole), FULL, checked(10, 9))
    assert (plan.write.mode, plan.inserted, plan.deleted, plan.changed) == ("overwrite", 10, 10, True)


def test_equal_rows_without_a_key_are_left_as_they_are(tmp_path):
    plan = plan_write(execution(tmp_path, state=target(replace_whole=True)), FULL, checked(10, 9))
    assert plan.write.unchanged


def test_stored_rows_that_are_not_those_of_the_note_are_replaced_whole(tmp_path):
    # An earlier mixlake stored one of ten keys twice: by key, nothing differs.
    session = Session(difference=difference())
    plan = plan_write(execution(tmp_path, session), FULL, checked(9, 8))
    assert (plan.write.mode, plan.inserted, plan.deleted, plan.digest) == ("overwrite", 9, 10, Digest(9, 8))


OTHERS = replace(LINES, name="silver.others", key=("id", "text"))
FOUND = KeyOrigins({"id": "a"}, ("u3", "u1"))


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({"writes": OTHERS}, NEW),
        ({}, NEW),  # a key of the same name as the source's, which no one-to-one operator keeps
        ({"rows": "one-to-one", "source_key_sql": "coalesce(text, id)"}, SOME),
        ({"source_key_sql": "text"}, SOME),
    ],
)
def test_a_key_that_another_origin_holds_is_refused(tmp_path, fields, output):
    session = Session(stored_key=FOUND, difference=difference())
    with pytest.raises(CheckFailedError, match=r"second row of .* with the key id='a'"):
        plan_write(execution(tmp_path, session, flow=driven(**fields)), output, checked(1, 1))
    # Where nothing comes in, nothing can meet.
    assert plan_write(execution(tmp_path, session, flow=driven(**fields)), output, checked(0, 0)).inserted == 0


@pytest.mark.parametrize(
    ("fields", "output"),
    [({"rows": "one-to-one"}, NEW), ({"rows": "one-to-one"}, SOME), ({"writes": OTHERS}, SOME), ({}, SOME)],
)
def test_keys_are_not_looked_up_where_the_engine_knows_that_they_cannot_meet(tmp_path, monkeypatch, fields, output):
    monkeypatch.setattr(Project, "only_flows_wrote", lambda *_: True)
    session = Session(stored_key=FOUND, difference=difference())
    plan_write(execution(tmp_path, session, flow=driven(**fields)), output, checked(1, 1))
    assert "stored_key" not in [name for name, *_ in session.asked]


def test_a_source_that_something_else_wrote_may_give_a_key_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(Project, "only_flows_wrote", lambda *_: False)
    one = execution(tmp_path, Session(stored_key=FOUND), flow=driven(rows="one-to-one"))
    with pytest.raises(CheckFailedError, match="second row"):
        plan_write(one, NEW, checked(1, 1))
