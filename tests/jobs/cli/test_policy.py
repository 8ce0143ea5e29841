from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from jobs.cli.policy import CELL_KEYS, EXAMPLE_KEYS, RULE_KEYS, command
from jobs.mix.policy import POLICY
from lakehouse.cli.context import Context
from lakehouse.errors import ConfigError
from tests.jobs.cli.conftest import LONG, SHORT


@pytest.fixture
def policy(tmp_path):
    """Write a policy that wants so much information of a text."""

    def write(least, **more):
        body = yaml.safe_load(Path(POLICY).read_text())
        rules = body["rules"]["documents"]
        next(rule for rule in rules if rule["name"] == "too short")["min"] = least
        path = tmp_path / "other.yaml"
        path.write_text(yaml.safe_dump({**body, "name": "other", **more}))
        return str(path)

    return write


def diff(lake, *words):
    context = Context(lake.uri)
    context.__dict__["project"] = lake.project
    return CliRunner().invoke(command, ["diff", *words], obj=context, catch_exceptions=False)


def test_what_a_stricter_policy_would_drop_is_told_by_cell_rule_and_example(mixed, policy):
    before = mixed.catalog.log("gold.samples").version
    answer = json.loads(diff(mixed, policy(400), "--json", "--examples", "2").stdout)
    total = answer["total"]
    assert (total["kept_before"], total["kept_after"]) == (LONG + SHORT, LONG)
    assert (total["gained"], total["lost"]) == (0, SHORT)
    (cell,) = answer["cells"]
    assert tuple(cell) == CELL_KEYS
    assert cell["cell"] == "text/en/note"
    assert cell["tokens_before"] - cell["tokens_after"] == cell["tokens_lost"] == total["tokens_lost"] > 0
    (rule,) = answer["rules"]
    assert tuple(rule) == RULE_KEYS
    assert (rule["rule"], rule["dropped_before"], rule["dropped_after"]) == ("too short", 0, SHORT)
    assert [(row["change"], row["reasons"]) for row in answer["examples"]] == [("lost", ["too short"])] * 2
    assert tuple(answer["examples"][0]) == EXAMPLE_KEYS
    assert mixed.catalog.log("gold.samples").version == before
    assert not mixed.plan(["gold.samples"]).stale


def test_a_policy_that_decides_alike_changes_nothing(mixed, policy):
    output = diff(mixed, policy(80)).stdout
    assert f"kept {LONG + SHORT} -> {LONG + SHORT} samples (+0 -0)" in output
    assert "too short" not in output


def test_what_the_policy_decides_among_copies_is_followed_when_asked_for(mixed, policy):
    answer = json.loads(diff(mixed, policy(400), "--json", "--thorough").stdout)
    assert answer["total"]["lost"] == SHORT


def test_a_broken_policy_is_refused_with_file_and_line(mixed, tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("name: x\nrules:\n  documents:\n    - {name: odd, column: nothing, min: 1}\n")
    with pytest.raises(ConfigError, match="nothing"):
        diff(mixed, str(path))
