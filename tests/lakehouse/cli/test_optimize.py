"""How a compaction is called and what it prints; `tests/lakehouse/release/test_optimize.py` has what is compacted."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from lakehouse.cli.main import main
from lakehouse.delta.append import append_rows
from lakehouse.errors import CollisionError
from lakehouse.ledger import tables
from lakehouse.release import optimize as module
from tests.lakehouse.lakes import lake_at, write


@pytest.fixture
def small(tmp_path):
    """A lake whose table of the ledger has three small files, beside a table that no contract declares."""
    lake = lake_at(tmp_path / "lake")
    for number in range(3):
        row = {"retraction_id": "r", "kind": "sample", "id": f"{number:032x}"}
        append_rows(lake.catalog, tables.retracted, pa.Table.from_pylist([row], schema=tables.retracted.schema))
    write(lake, "gold.other", pa.table({"n": [1]}))
    return lake


def test_a_dry_run_says_what_would_be_compacted_and_why_not(call, small):
    heading, *rows = call("optimize", "--dry-run").splitlines()
    assert heading.split("  ")[0] == "table"
    found = {line.split()[0]: line for line in rows}
    assert found["ledger.retracted"].split()[1:3] == ["3", "1"]
    assert "no contract declares it" in found["gold.other"]
    assert small.catalog.open("ledger.retracted").version() == 3


def test_json_has_one_object_a_named_table(call, small):
    (found,) = json.loads(call("optimize", "ledger.retracted", "--dry-run", "--json"))
    assert set(found) == {"table", "files", "files_after", "bytes", "version", "reason", "failed"}
    assert (found["table"], found["files"], found["files_after"]) == ("ledger.retracted", 3, 1)
    assert (found["version"], found["reason"], found["failed"]) == (None, "", False)
    assert found["bytes"] > 0


def test_a_lake_with_nothing_to_gain_starts_no_spark(call, tmp_path):
    assert json.loads(call("optimize", "--json")) == []
    write(lake_at(tmp_path / "lake"), "gold.other", pa.table({"n": [1]}))
    assert "no contract declares it" in call("optimize")


def test_a_compaction_that_lost_each_time_is_status_1(small, monkeypatch, capsys):
    def replaced(*_):
        raise CollisionError("files were removed meanwhile", "it is planned again")

    class Session:
        def newSession(self):  # noqa: N802 - Spark's name
            return self

    monkeypatch.setattr(module, "replace_files", replaced)
    monkeypatch.setattr(module, "start", lambda *_: Session())
    assert main(["optimize", "ledger.retracted"]) == 1
    assert "other writers committed first each time" in capsys.readouterr().out
    assert main(["optimize", "ledger.retracted", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["failed"]


def test_unknown_tables_and_sizes_are_refused(call, small):
    assert "did you mean gold.other" in call("optimize", "gold.otter", status=1)
    assert "--target" in call("optimize", "--target", "0", status=2)
