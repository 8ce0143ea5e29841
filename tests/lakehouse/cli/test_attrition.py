from __future__ import annotations

import json

import pytest

from lakehouse.cli.main import main
from tests.lakehouse import words


@pytest.fixture
def lines(project, monkeypatch, capsys):
    words.write(project, "a:hello|b:two words|c:")
    project.run()
    project.unload()
    monkeypatch.chdir(project.root)

    def call(*argv, status=0):
        assert main(["attrition", *argv]) == status
        captured = capsys.readouterr()
        return captured.out if status == 0 else captured.err

    return call


def test_steps_that_lost_rows_are_listed(lines):
    out = lines().splitlines()
    assert out[0].split() == ["table", "outcome", "rule", "rows"]
    assert [line.split()[:2] for line in out[1:]] == [["bronze.lines", "kept"], ["bronze.lines", "quarantined"]]
    assert "silver.words" in lines("--all")


def test_one_step_as_json(lines):
    assert json.loads(lines("silver.words", "--json", "--by", "outcome")) == [{"outcome": "kept", "rows": 3}]


def test_a_word_that_is_no_column_is_a_usage_error(lines):
    assert "nothing to count by" in lines("--by", "sauce", status=2)


def test_a_lake_without_tables(project, monkeypatch, capsys):
    words.write(project)
    monkeypatch.chdir(project.root)
    assert main(["attrition"]) == 0
    assert "run the flows first" in capsys.readouterr().out
