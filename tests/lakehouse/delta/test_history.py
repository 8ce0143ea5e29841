from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.delta.data_version import changed_version
from lakehouse.delta.history import commit_at, commit_time, commits_with_notes, history, newest_note
from tests.lakehouse.lakes import lake_at, note, write

ROWS = pa.table({"n": [1]})


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "a lake")
    for number in range(4):
        write(made, "gold.c", ROWS, note("gold.c", f"run-{number}", changed=number != 3))
    return made


def runs(table, limit=None):
    return [(version, found.run_id) for version, _, found in commits_with_notes(table, limit)]


def test_commits_carry_their_own_version_also_from_an_older_one(lake):
    assert runs(lake.catalog.open("gold.c")) == [(3, "run-3"), (2, "run-2"), (1, "run-1"), (0, "run-0")]
    assert runs(lake.catalog.open("gold.c", 1)) == [(1, "run-1"), (0, "run-0")]
    assert newest_note(lake.catalog.open("gold.c", 1))[1].run_id == "run-1"
    assert runs(lake.catalog.open("gold.c"), 2) == [(3, "run-3"), (2, "run-2")]


def test_a_commit_made_meanwhile_does_not_shift_the_numbers(lake):
    table = lake.catalog.open("gold.c")
    write(lake, "gold.c", ROWS, note("gold.c", "run-4"))
    assert runs(table, 1) == [(3, "run-3")]


def test_the_last_change_is_that_of_rows(lake):
    assert changed_version(lake.catalog.open("gold.c")) == 2
    write(lake, "gold.plain", ROWS)
    write(lake, "gold.plain", ROWS)
    assert changed_version(lake.catalog.open("gold.plain")) == 1
    assert newest_note(lake.catalog.open("gold.plain")) is None


def test_versions_whose_log_is_gone_are_left_out(lake):
    table = lake.catalog.open("gold.c")
    log = Path(lake.catalog.table_uri("gold.c")) / "_delta_log"
    (log / f"{1:020d}.json").unlink()
    assert [commit["version"] for commit in history(table)] == [3, 2, 0]


def test_a_note_behind_a_long_list_of_files_is_found(lake):
    log = Path(lake.catalog.table_uri("gold.c")) / "_delta_log" / f"{3:020d}.json"
    info, *rest = log.read_text().splitlines()
    log.write_text("\n".join([*rest, *(f'{{"txn":{{"appId":"{i:0100d}","version":1}}}}' for i in range(1000)), info]))
    assert newest_note(lake.catalog.open("gold.c"))[1].run_id == "run-3"


def test_one_commit_is_read_alone(lake):
    uri = lake.catalog.table_uri("gold.c")
    found = commit_at(uri, 2)
    assert found == next(iter(history(lake.catalog.open("gold.c", 2))))
    assert (found["version"], commit_time(found).year >= 2026) == (2, True)
    with pytest.raises(FileNotFoundError):
        commit_at(uri, 9)
