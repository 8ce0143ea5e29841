from __future__ import annotations

import json

import pyarrow as pa

from tests.lakehouse.lakes import note, write


def test_show_tells_columns_rows_and_first_rows(call, lake):
    write(lake, "gold.samples", lake.table("gold.samples"), note("gold.samples", "run-7"))
    found = json.loads(call("show", "gold.samples@0", "-n", "2", "--json"))
    assert (found["version"], found["rows"], len(found["first"])) == (0, 3, 2)
    assert {"column": "license", "type": "string"} in found["columns"]
    text = call("show", "gold.samples")
    assert "version 1, 6 rows" in text
    assert "GPL-3.0-only" in text
    assert "declared, never written" in call("show", "ledger.quarantine")


def test_show_prints_maps_whose_keys_are_structs(call, lake):
    kind = pa.map_(pa.struct([("x", pa.int64())]), pa.string())
    write(lake, "gold.maps", pa.table({"m": pa.array([[({"x": 1}, "a")]], kind)}), note("gold.maps", "run-7"))
    assert json.loads(call("show", "gold.maps", "--json"))["first"] == [{"m": [[{"x": 1}, "a"]]}]
    assert '[[{"x": 1}, "a"]]' in call("show", "gold.maps")
    assert json.loads(call("sql", "FROM gold.maps", "--format", "json")) == [{"m": [[{"x": 1}, "a"]]}]
    assert '[[{"x": 1}, "a"]]' in call("sql", "FROM gold.maps")


def test_show_tells_the_columns_and_first_rows_of_a_view(call, lake):
    text = call("show", "cost", "-n", "1")
    assert text.startswith("cost, a view over ledger.runs: What each flow cost")
    assert "Seconds up to the commits" in text
    found = json.loads(call("show", "cost", "-n", "1", "--json"))
    assert (found["name"], found["version"], len(found["first"])) == ("cost", None, 1)
    assert "cost is a view, which has no versions" in call("show", "cost@1", status=2)
    assert "did you mean cost" in call("show", "cosst", status=1)
