"""How a vacuum is called and what it prints; `tests/lakehouse/release/test_vacuum.py` has what it deletes."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.release.create import create_release
from tests.lakehouse.lakes import lake_at, note, write

ROWS = pa.table({"n": [1, 2, 3]})


@pytest.fixture
def versions(tmp_path):
    """A table with four versions, of which a release pins the first."""
    lake = lake_at(tmp_path / "lake")
    write(lake, "gold.c", ROWS, note("gold.c"))
    create_release(lake.project, "mix-1")
    for number in range(2, 5):
        write(lake, "gold.c", ROWS, note("gold.c", f"run-{number}"), mode="overwrite")
    return lake


def stored(lake):
    return sorted(path.name for path in Path(lake.catalog.table_uri("gold.c")).glob("*.parquet"))


def test_a_dry_run_says_what_would_be_deleted_and_what_is_kept(call, versions):
    before = stored(versions)
    heading, row, summary = call("vacuum", "gold.c", "--dry-run").splitlines()
    assert heading.split()[0] == "table"
    assert row.split()[:2] == ["gold.c", "2"]
    assert row.endswith("3 latest; 0 release mix-1")
    assert summary.startswith("2 files (")
    assert summary.endswith(" would be deleted")
    assert stored(versions) == before


def test_a_vacuum_deletes_and_says_so(call, versions):
    assert " were deleted" in call("vacuum", "gold.c")
    assert len(stored(versions)) == 2
    assert call("vacuum", "gold.c").splitlines()[-1] == "0 files (0 B) were deleted"


def test_json_has_one_object_a_table(call, versions):
    found = {item["table"]: item for item in json.loads(call("vacuum", "--dry-run", "--json"))}
    assert {"gold.c", "ledger.releases"} <= set(found)
    assert set(found["gold.c"]) == {
        "table",
        "files",
        "bytes",
        "change_files",
        "change_bytes",
        "recent_orphans",
        "retained",
        "skipped",
    }
    assert found["gold.c"]["files"] == 2
    assert found["gold.c"]["retained"] == [{"version": 0, "why": "release mix-1"}, {"version": 3, "why": "latest"}]


def test_consecutive_versions_kept_for_one_reason_are_a_range(call, versions):
    write(versions, "gold.c", ROWS, note("gold.c", "run-5"), mode="overwrite")
    write(versions, "gold.d", ROWS, note("gold.d", inputs={"gold.c": 1}))
    row = call("vacuum", "gold.c", "--dry-run").splitlines()[1]
    assert "4 latest; 2-3 gold.d reads on from 1; 1 gold.d@0 was made from it" in row


def test_young_files_that_no_commit_names_are_counted(call, versions):
    pq.write_table(ROWS, Path(versions.catalog.table_uri("gold.c")) / "orphan.parquet")
    *_, summary, orphans = call("vacuum", "gold.c", "--dry-run").splitlines()
    assert summary.startswith("2 files")
    assert orphans == "1 files that no commit names are younger than 168 hours and are retained"
    printed = call("vacuum", "gold.c", "--dry-run", "--retention-hours", "0")
    assert printed.splitlines()[-1].startswith("3 files")


def test_an_empty_lake_has_nothing_to_delete(call):
    assert call("vacuum").splitlines()[-1] == "0 files (0 B) were deleted"
    assert json.loads(call("vacuum", "--json")) == []


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        (["gold.cc"], 1, "did you mean gold.c"),
        (["--retention-hours", "-1"], 2, "--retention-hours"),
        (["--retention-hours", "nan"], 2, "give a number of hours"),
    ],
)
def test_unknown_tables_and_hours_are_refused(call, versions, argv, status, says):
    message = call("vacuum", *argv, status=status)
    assert says in message
    assert message.count("\n") == 1
