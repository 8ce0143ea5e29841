from __future__ import annotations

import pytest

from lakehouse.engine import OTHER_REASONS
from lakehouse.engine.keys import KeyOrigins
from lakehouse.errors import CheckFailedError
from lakehouse.execute.checks import (
    refuse_duplicate_keys,
    refuse_foreign_rows,
    refuse_rejected_rows,
    refuse_stored_keys,
)
from tests.lakehouse.execute.executions import Session, checked, driven, execution


def refused(tmp_path, rows):
    session = Session(rejected_examples=[{"id": "x", "text": "", "other": None}, {"id": "y"}])
    refuse_rejected_rows(execution(tmp_path, session), rows)
    return session


def test_a_check_tolerates_its_share_of_the_rows_of_a_run(tmp_path):
    refused(tmp_path, checked(5, 0, **{"it has text": 5}))
    with pytest.raises(CheckFailedError, match=r"6 of the 11 rows .* refused, 0.5 of them may: it has text") as error:
        refused(tmp_path, checked(5, 0, **{"it has text": 6}))
    assert error.value.message.endswith("text is '' for id 'x'; id 'y'")
    assert (error.value.reasons, error.value.rows) == ({"it has text": 6}, 11)


def test_a_check_that_fails_the_flow_tolerates_nothing(tmp_path):
    with pytest.raises(CheckFailedError, match=r"1 of the 1001 rows .* none may: it is short"):
        refused(tmp_path, checked(1000, 0, **{"it is short": 1}))


def test_other_reasons_share_the_tolerance_of_the_flow(tmp_path):
    refused(tmp_path, checked(95, 0, **{"too old": 2, "too new": 3}))
    with pytest.raises(CheckFailedError, match=r"6 of the 100 rows .* were refused, 0.05 of them may be: too new"):
        refused(tmp_path, checked(94, 0, **{"too old": 2, "too new": 4}))


def test_of_many_reasons_one_that_is_named_is_shown(tmp_path):
    with pytest.raises(CheckFailedError, match=r"95 of the 100 rows .*: too old"):
        refused(tmp_path, checked(5, 0, **{"too old": 2, OTHER_REASONS: 93}))


def test_rows_that_share_a_key_are_refused_by_name(tmp_path):
    rows = checked(3)
    refuse_duplicate_keys(execution(tmp_path), rows)
    doubled = type(rows)(rows.rows, rows.digest, {}, 2)
    session = Session(duplicate_key=KeyOrigins({"id": "a"}, (), 2))
    with pytest.raises(CheckFailedError, match=r"made 2 rows of bronze.lines with one key: id='a' "):
        refuse_duplicate_keys(execution(tmp_path, session), doubled)
    session = Session(duplicate_key=KeyOrigins({"id": "a"}, ("u1", "u3"), 2))
    with pytest.raises(CheckFailedError, match=r"one key: id='a', made from id='u1' and id='u3'"):
        refuse_duplicate_keys(execution(tmp_path, session, flow=driven()), doubled)


def test_a_stored_key_of_another_origin_is_refused_with_both_origins(tmp_path):
    own = driven()
    refuse_stored_keys(execution(tmp_path, flow=own), checked())
    session = Session(stored_key=KeyOrigins({"id": "a"}, ("u3", "u1")))
    with pytest.raises(
        CheckFailedError,
        match=r"second row of bronze.lines with the key id='a': .* of id='u3', the stored one of id='u1'",
    ):
        refuse_stored_keys(execution(tmp_path, session, flow=own), checked())


def test_a_row_of_an_origin_that_was_not_given_is_refused(tmp_path):
    session = Session(foreign_row=KeyOrigins({"id": "a"}, ("u2",)))
    with pytest.raises(CheckFailedError, match=r"\(id='a'\) of id='u2', which is not among the rows") as error:
        refuse_foreign_rows(execution(tmp_path, session, flow=driven()), checked())
    assert "source_key_sql must give the id" in error.value.hint
    with pytest.raises(CheckFailedError, match="surplus") as error:
        refuse_foreign_rows(execution(tmp_path, session, flow=driven(kind="frame", refresh="merge")), checked())
    refuse_foreign_rows(execution(tmp_path, Session(foreign_row=None), flow=driven()), checked())
    # A full flow has no origins, and a one-to-one operator's rows were compared with those that it was given.
    refuse_foreign_rows(execution(tmp_path), checked())
    refuse_foreign_rows(execution(tmp_path, flow=driven(rows="one-to-one")), checked())
