from __future__ import annotations

import json


def test_contract_shows_columns_and_checks(call):
    found = json.loads(call("contract", "ledger.runs", "--json"))
    assert found["key"] == ["table", "version"]
    assert found["columns"][0]["column"] == "run_id"
    assert "One execution of one flow" in call("contract", "ledger.runs")


def test_contract_of_a_view_has_its_columns_and_what_it_reads(call, lake):
    found = json.loads(call("contract", "cost", "--json"))
    assert set(found) == {"name", "doc", "columns", "reads", "file"}
    assert found["reads"] == ["ledger.runs"]
    assert found["columns"][0] == {"column": "flow", "type": "string", "meaning": "The flow."}
    assert "view over: ledger.runs" in call("contract", "cost")


def test_an_unknown_name_is_compared_with_views_too(call):
    assert "did you mean quota" in call("contract", "qouta", status=1)


def test_the_tolerance_of_each_check_is_shown(call):
    checks = json.loads(call("contract", "gold.document_tokens", "--json"))["checks"]
    assert [(check["tolerance"], check["allowed"]) for check in checks] == [(None, 0.0), (None, 0.0), (None, 0.05)]
    lines = call("contract", "gold.document_tokens").splitlines()
    assert lines[-3].split()[-2:] == ["quarantine", "0.05"]
    assert lines[-1] == "where a check states no tolerance, that of the flow counts: 0.05"
