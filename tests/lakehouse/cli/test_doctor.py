from __future__ import annotations

import json

from lakehouse.cli.main import main
from lakehouse.doctor import Finding


def examined(monkeypatch, *findings):
    monkeypatch.setattr("lakehouse.doctor.examine", lambda uri, master: list(findings))


def test_findings_are_printed_with_their_fix(monkeypatch, capsys):
    examined(monkeypatch, Finding("python", "ok", "3.12"), Finding("memory", "warning", "1 GiB", "add memory"))
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.split("\n", 1)[0].split() == ["state", "detail", "fix"]
    assert "add memory" in out


def test_something_broken_exits_with_1_and_json_names_the_fix(monkeypatch, capsys):
    examined(monkeypatch, Finding("java", "broken", "is missing", "install a JDK"))
    assert main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"name": "java", "state": "broken", "detail": "is missing", "fix": "install a JDK"}
    ]


def test_flows_are_not_its_business(capsys):
    assert main(["doctor", "silver.shouts"]) == 2
    assert "silver.shouts" in capsys.readouterr().err
