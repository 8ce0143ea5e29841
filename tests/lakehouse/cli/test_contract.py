from __future__ import annotations

import json


def test_contract_shows_columns_and_checks(call):
    found = json.loads(call("contract", "ledger.runs", "--json"))
    assert found["key"] == ["table", "version"]
    assert found["columns"][0]["column"] == "run_id"
    assert "One execution of one flow" in call("contract", "ledger.runs")
