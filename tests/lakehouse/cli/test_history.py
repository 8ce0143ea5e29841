from __future__ import annotations

import json

from tests.lakehouse.lakes import write


def test_history_tells_what_the_notes_say(call, lake):
    write(lake, "gold.samples", lake.table("gold.samples"))
    found = json.loads(call("history", "gold.samples", "--json"))
    assert [(commit["version"], commit["run_id"]) for commit in found] == [(1, ""), (0, "run-2")]
    assert found[1]["inputs"] == {"silver.paragraphs": 0}
    printed = call("history", "gold.samples", "-n", "2")
    assert "flows.gold.samples" in printed
    # A time is printed as it can be given to --at: with its zone.
    assert found[1]["time"] in printed
    assert found[1]["time"].endswith("+00:00")
