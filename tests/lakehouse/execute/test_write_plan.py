from __future__ import annotations

from dataclasses import replace

import pytest

from lakehouse.delta.content_digest import Digest
from lakehouse.engine import AffectedKeys, FlowOutput, StoredRows
from lakehouse.errors import CheckFailedError
from lakehouse.execute.write_plan import plan_write
from lakehouse.ledger.retractions import Retractions
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
    plan = plan_write(execution(tmp_path, Session(difference=changed)), FULL, checked(3, 8))
    assert (plan.write.mode, plan.write.difference) == (mode, changed)
    assert plan.digest == Digest(3, 8)
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


def test_a_key_that_another_origin_holds_is_refused(tmp_path):
    session = Session(stored_key={"id": "a"})
    own = replace(driven(), writes=replace(LINES, name="silver.others", key=("id", "text")))
    with pytest.raises(CheckFailedError, match=r"second row of silver.others with the key id='a'"):
        plan_write(execution(tmp_path, session, flow=own), NEW, checked(1, 1))
