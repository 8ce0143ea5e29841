from __future__ import annotations

import json

from lakehouse.cli.main import main


def test_a_release_is_made_shown_compared_verified_and_dropped(call, lake):
    made = json.loads(call("release", "create", "mix-2", "--note", "again", "--json"))
    assert json.loads(call("release", "show", "mix-2", "--json")) == made
    assert {"name", "digest", "tables"} <= set(made)
    assert made["tables"]["gold.samples"] == 0
    assert [release["name"] for release in json.loads(call("release", "list", "--json"))] == ["mix-1", "mix-2"]
    assert {row["status"] for row in json.loads(call("release", "diff", "mix-1", "mix-2", "--json"))["tables"]} == {
        "same"
    }
    assert "is whole" in call("release", "verify", "mix-2")
    call("release", "drop", "mix-2")
    assert "mix-2" not in call("release", "list")


def test_a_release_that_is_not_whole_is_status_1(call, lake, capsys):
    from pathlib import Path

    next(Path(lake.catalog.table_uri("gold.samples")).glob("*.parquet")).unlink()
    assert main(["release", "verify", "mix-1", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["whole"]
    assert found["problems"][0]["problem"] == "missing"
    assert main(["release", "verify", "mix-1"]) == 1
    assert found["problems"][0]["file"] in capsys.readouterr().out
