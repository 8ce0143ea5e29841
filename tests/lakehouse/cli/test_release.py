from __future__ import annotations

import json

import pyarrow.compute as pc

from lakehouse.cli.main import main
from tests.lakehouse.lakes import note, write


def test_a_release_is_made_shown_compared_verified_and_dropped(call, lake):
    made = json.loads(call("release", "create", "mix-2", "--note", "again", "--json"))
    assert made["created_at"][:19].replace("T", " ") + "+00:00" in call("release", "list")
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


def test_a_comparison_prints_rows_and_measures_that_differ(call, lake, tmp_path):
    (tmp_path / "mixlake.yaml").write_text("views: [views/*.sql]\n")
    (tmp_path / "views").mkdir()
    measures = {
        "licences": "SELECT license, count(*) AS rows FROM gold.samples GROUP BY license",
        "wrong": "SELECT license FROM gold.samples",
    }
    for name, sql in measures.items():
        (tmp_path / "views" / f"measures.{name}.sql").write_text(sql)
    samples = lake.table("gold.samples")
    fewer = samples.filter(pc.equal(samples["license"], "MIT"))
    write(lake, "gold.samples", fewer, note("gold.samples", "run-7", key=["sample_id"], digest="x"), mode="overwrite")
    call("release", "create", "mix-2", "--table", "gold.samples")
    lines = call("release", "diff", "mix-1", "mix-2").splitlines()
    assert lines[0].split() == ["rows", "mix-1", "mix-2", "added", "removed", "changed"]
    assert ["gold.samples", "3", "1", "0", "2", "0"] in [line.split() for line in lines]
    assert "0 of 4 tables hold the same rows" in lines
    assert ["GPL-3.0-only", "2", "-2"] in [line.split() for line in lines]
    assert "wrong cannot be compared: mix-1: its last column, license, is not a number; mix-2" in "\n".join(lines)
