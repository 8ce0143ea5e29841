from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lakehouse.errors import LakeError
from lakehouse.ledger.retractions import Retractions
from lakehouse.plan.table_state import TableStates
from tests.lakehouse.lakes import lake_at, note, rows, write


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    write(made, "silver.texts", rows(["a"]), note("silver.texts", "run-1"))
    return made


def test_a_table_that_is_not_there_has_no_version_and_no_note(tmp_path):
    states = TableStates(lake_at(tmp_path / "lake").project)
    assert (states.version("silver.texts"), states.data_version("silver.texts")) == (-1, -1)
    assert (states.identity("silver.texts"), states.last_note("silver.texts")) == ("", None)
    assert states.external_writes("silver.texts") == ()
    assert states.retractions == Retractions()


def test_versions_notes_and_writes_by_hand_are_told_apart(lake):
    write(lake, "silver.texts", rows(["b"]))
    lake.catalog.open("silver.texts").optimize.compact()
    states = TableStates(lake.project)
    assert (states.version("silver.texts"), states.data_version("silver.texts")) == (2, 1)
    version, last = states.last_note("silver.texts")
    assert (version, last.run_id) == (0, "run-1")
    assert [commit.version for commit in states.external_writes("silver.texts")] == [1]
    assert states.identity("silver.texts") == lake.catalog.open("silver.texts").metadata().id


def test_a_state_stays_as_it_was_read_until_it_is_invalidated(lake):
    states = TableStates(lake.project)
    states.prefetch(["silver.texts", "silver.others", "silver.texts"])
    write(lake, "silver.texts", rows(["b"]), note("silver.texts", "run-2"))
    write(lake, "silver.others", rows(["c"]))
    assert (states.version("silver.texts"), states.version("silver.others")) == (0, -1)
    for name in ("silver.texts", "silver.others", "silver.never"):
        states.invalidate(name)
    assert (states.version("silver.texts"), states.version("silver.others")) == (1, 0)
    assert states.last_note("silver.texts")[1].run_id == "run-2"
    shutil.rmtree(lake.catalog.table_uri("silver.texts"))
    assert states.version("silver.texts") == 1
    states.invalidate("silver.texts")
    assert states.version("silver.texts") == -1


def test_a_damaged_log_is_named_with_the_ways_back(lake):
    log = Path(lake.catalog.table_uri("silver.texts"), "_delta_log", f"{0:020d}.json")
    log.write_text("{ not json")
    with pytest.raises(LakeError, match=r"silver\.texts has a damaged log") as raised:
        TableStates(lake.project).version("silver.texts")
    assert "restore that file from a copy" in raised.value.hint
    states = TableStates(lake.project)
    states.prefetch(["silver.others", "silver.texts"])
    assert states.problem("silver.others") is None
    assert states.problem("silver.texts") == states.problem("silver.texts")
    with pytest.raises(LakeError, match=r"silver\.texts"):
        states.last_note("silver.texts")
    log.unlink()
    log.parent.rmdir()
    states.invalidate("silver.texts")
    assert states.problem("silver.texts") is None
