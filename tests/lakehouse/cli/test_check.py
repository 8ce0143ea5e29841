from __future__ import annotations

import json

import pytest

from lakehouse.cli.main import main
from tests.lakehouse import words


@pytest.fixture
def lines(project, monkeypatch):
    words.write(project)
    monkeypatch.chdir(project.root)
    return project


def test_flows_without_rows_are_skipped_and_counted(lines, capsys):
    assert main(["check", "silver.*"]) == 0
    out = capsys.readouterr().out
    assert "silver.shouts" in out
    assert out.splitlines()[-1] == "2 skipped"


def test_json_has_one_object_a_flow(lines, capsys):
    assert main(["check", "silver.shouts", "--json"]) == 0
    (checked,) = json.loads(capsys.readouterr().out)
    assert (checked["writes"], checked["state"]) == ("silver.shouts", "skipped")


def test_a_flow_that_does_not_exist_is_a_usage_error(lines, capsys):
    assert main(["check", "silver.nothing"]) == 2
    assert "silver.nothing" in capsys.readouterr().err


def test_help_shows_how_flows_are_selected(capsys):
    assert main(["check", "--help"]) == 0
    out = capsys.readouterr().out
    assert "mixlake check silver.document_scores --rows 1000" in out
    assert "tag:clean" in out
