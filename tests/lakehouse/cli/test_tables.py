from __future__ import annotations

import json
import re


def test_tables_json_has_the_documented_keys(call, lake):
    found = {table["name"]: table for table in json.loads(call("tables", "--json"))}
    assert set(found["gold.samples"]) == {"name", "uri", "version", "rows", "bytes", "updated"}
    assert (found["gold.samples"]["rows"], found["gold.samples"]["version"]) == (3, 0)
    assert found["gold.samples"]["bytes"] > 0
    assert re.search(r"(?m)^gold\.samples .* \d\d:\d\d:\d\d\+00:00$", call("tables"))


def test_an_empty_lake_says_so(call):
    assert "has no tables yet" in call("tables")
    assert "no release" in call("release", "list")
