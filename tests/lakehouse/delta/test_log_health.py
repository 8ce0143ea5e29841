"""A commit that is cut off, garbled, empty or missing: each command says so in one line that names the file."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from lakehouse.lake import Lake
from tests.lakehouse import words
from tests.lakehouse.broken import commits, say
from tests.lakehouse.lakes import note, write


def cut(log):
    log[-1].write_bytes(log[-1].read_bytes()[: log[-1].stat().st_size // 2])
    return log[-1]


def cut_in_the_last_line(log):
    log[-1].write_bytes(log[-1].read_bytes()[:-5])
    return log[-1]


def garbage(log):
    log[-1].write_bytes(bytes(range(256)) * 2)
    return log[-1]


def zeros(log):
    log[-1].write_bytes(bytes(log[-1].stat().st_size))
    return log[-1]


def nothing(log):
    log[-1].write_bytes(b"")
    return log[-1]


def cut_before(log):
    log[1].write_bytes(log[1].read_bytes()[:40])
    return log[1]


def missing(log):
    log[1].unlink()
    return log[1]


def first_missing(log):
    log[0].unlink()
    return log[0]


@pytest.fixture
def held(project, monkeypatch):
    """A lake that flows seem to have written, in three commits a table."""
    monkeypatch.chdir(project.root)
    words.write(project)
    lake = Lake(str(project.root / "lake"))
    for table in ("bronze.lines", "silver.shouts"):
        for at in range(3):
            rows = pa.table({"sample_id": [f"{at}"], "text": ["x"], "size": pa.array([1], pa.int32()), "run_id": ["r"]})
            kept = rows if table == "silver.shouts" else rows.drop_columns("size")
            write(lake, table, kept, note(table, f"r{at}", flow=f"{project.package}.flows.x"))
    return project


@pytest.mark.parametrize(
    "damage", [cut, cut_in_the_last_line, garbage, zeros, nothing, cut_before, missing, first_missing]
)
def test_a_damaged_log_is_named_in_one_line(held, capsys, damage):
    victim = damage(commits(held, "silver.shouts"))
    for args in (["plan"], ["tables"], ["sql", "SELECT * FROM silver.shouts"], ["run"], ["history", "silver.shouts"]):
        status, _, errors = say(held, capsys, *args)
        assert (args, status, len(errors)) == (args, 1, 1)
        # Of a run the flow's own line says what is wrong, and the last one what to do.
        if args != ["run"]:
            assert f"silver.shouts has a damaged log: _delta_log/{victim.name}" in errors[0]
        assert "restore that file" in errors[0]
        assert "mixlake run silver.shouts" in errors[0]
    status, out, errors = say(held, capsys, "doctor")
    assert (status, errors) == (1, [])
    assert f"_delta_log/{victim.name}" in out
    assert "1 unreadable" in out
    # What needs the table not is answered, and so is what was pinned before the damage.
    assert say(held, capsys, "sql", "SELECT count(*) FROM bronze.lines")[0] == 0
    if victim == commits(held, "silver.shouts")[-1]:
        assert held.lake().table("silver.shouts", 1).num_rows == 2


@pytest.mark.parametrize("blank", [b"", b"\n"])
def test_an_empty_commit_in_the_middle_is_found_by_all_that_read_the_table(held, capsys, blank):
    commits(held, "silver.shouts")[1].write_bytes(blank)
    for args in (["plan"], ["run"], ["sql", "SELECT * FROM silver.shouts"], ["show", "silver.shouts"]):
        status, _, errors = say(held, capsys, *args)
        assert (status, len(errors)) == (1, 1)
        assert ("silver.shouts failed" if args == ["run"] else "silver.shouts has a damaged log") in errors[0]
    assert "1.json is empty" in say(held, capsys, "doctor")[1]


def test_a_damaged_checkpoint_is_named(held, capsys):
    lake = held.lake()
    lake.catalog.open("silver.shouts").create_checkpoint()
    log = commits(held, "silver.shouts")[0].parent
    checkpoint = next(log.glob("*.checkpoint.parquet"))
    assert say(held, capsys, "tables")[0] == 0
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    for args in (["plan"], ["tables"], ["sql", "SELECT * FROM silver.shouts"]):
        status, _, errors = say(held, capsys, *args)
        assert (args, status, len(errors)) == (args, 1, 1)
        assert checkpoint.name in errors[0]


def test_a_table_moved_out_of_the_way_is_made_anew(project, capsys, monkeypatch):
    monkeypatch.chdir(project.root)
    words.write(project)
    project.run()
    before = {name: item.last[1].digest for name, item in project.plan().items()}
    cut(commits(project, "silver.shouts"))
    assert say(project, capsys, "run")[0] == 1
    (project.root / "lake" / "silver" / "shouts").rename(project.root / "aside")
    status, _, errors = say(project, capsys, "run")
    assert (status, errors) == (0, [])
    assert {name: item.last[1].digest for name, item in project.plan().items()} == before
    assert json.loads(say(project, capsys, "run", "--json")[1])["ok"]
