from __future__ import annotations

import json

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
