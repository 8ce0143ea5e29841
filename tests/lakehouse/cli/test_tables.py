from __future__ import annotations

import json
import re
from pathlib import Path


def test_tables_json_has_the_documented_keys(call, lake):
    found = {table["name"]: table for table in json.loads(call("tables", "--json"))}
    assert set(found["gold.samples"]) == {"name", "uri", "version", "rows", "bytes", "updated", "error"}
    assert (found["gold.samples"]["rows"], found["gold.samples"]["version"]) == (3, 0)
    assert found["gold.samples"]["bytes"] > 0
    assert re.search(r"(?m)^gold\.samples .* \d\d:\d\d:\d\d\+00:00$", call("tables"))


def test_an_empty_lake_says_so(call):
    assert "has no tables yet" in call("tables")
    assert "no release" in call("release", "list")


def test_a_table_that_cannot_be_read_is_named_beside_the_others(call, lake, capsys):
    Path(lake.catalog.table_uri("gold.samples"), "_delta_log", f"{0:020d}.json").write_text("garbage")
    assert "gold.samples has a damaged log" in call("tables", status=1)
    from lakehouse.cli.main import main

    assert main(["tables", "--json"]) == 1
    found = {table["name"]: table for table in json.loads(capsys.readouterr().out)}
    assert found["gold.samples"]["rows"] is None
    assert "restore that file" in found["gold.samples"]["error"]
    assert (found["gold.sequences"]["rows"], found["gold.sequences"]["error"]) == (3, "")
