from __future__ import annotations

import json

import click
import pytest

from lakehouse.cli.selection import parse_params


def test_parameters_are_yaml_and_name_flow_or_table():
    assert parse_params(["gold.samples.policy=strict.yaml", "acme.flows.f.n=3", "gold.samples.seed=[1, 2]"]) == {
        "gold.samples": {"policy": "strict.yaml", "seed": [1, 2]},
        "acme.flows.f": {"n": 3},
    }


@pytest.mark.parametrize("value", ["2026-02-30", "[" * 2000, "{a: 1, a: 2}", "{a: {b: 1, b: 2}}", "[1", '"\\0"', "*a"])
def test_bad_values_of_parameters_are_refused(value):
    with pytest.raises(click.BadParameter, match=r"gold\.samples\.policy: .* is not a YAML value: "):
        parse_params([f"gold.samples.policy={value}"])


def test_plan_explain_and_run_take_the_same_options(call, lake):
    for verb in ("plan", "explain", "run"):
        text = call(verb, "--help")
        assert all(option in text for option in ("--full", "--retry", "--param FLOW.KEY=VALUE", "--master URL"))
    given = ["gold.samples", "--full", "--retry", "--master", "local[2]", "--param", "gold.samples.caption_seed=3"]
    (planned,) = json.loads(call("plan", *given, "--json"))
    assert [planned] == json.loads(call("run", *given, "--dry-run", "--json"))
    assert {"kind": "forced", "detail": "--full"} in planned["causes"]
    assert any(cause["kind"] == "params" and "caption_seed" in cause["detail"] for cause in planned["causes"])
    explained = json.loads(call("explain", *given, "--json"))
    assert explained["next"]["mode"] == "full"
    assert [item["from"] for item in explained["params"] if item["name"] == "caption_seed"] == ["--param"]
    assert "is not FLOW.KEY=VALUE" in call("plan", "--param", "gold.samples.seed", status=2)
