from __future__ import annotations

import dataclasses
import re
import textwrap
from pathlib import Path

import polars as pl
import pytest
import yaml

from lakehouse.cli.help import TOPICS, page
from lakehouse.cli.main import VERBS
from lakehouse.declare import config, openlineage_config
from lakehouse.declare.config import load_config
from lakehouse.lake import Lake

ROOT = Path(__file__).parents[3]
PACKAGES = ("lakehouse", "jobs", "schemas", "trainer")


def blocks(topic):
    """The indented blocks of a page, each without its indent."""
    found = re.findall(r"(?:^    .*\n|^\n(?=\n*    ))+", page(topic), re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") + "\n" for block in found]


def test_a_topic_prints_its_page_and_a_verb_its_help(call):
    for topic in TOPICS:
        assert call("help", topic) == page(topic)
        assert topic in call("--help")
    assert "Usage: mixlake plan" in call("help", "plan")
    assert "mixlake help TOPIC" in call("help")
    assert "did you mean times?" in call("help", "tims", status=2)
    assert not TOPICS.keys() & VERBS.keys()


def test_each_key_of_the_configuration_is_on_its_page(tmp_path):
    lines = page("config").splitlines()
    for of, indent in ((config._File, 4), (openlineage_config._Options, 6)):
        for field in dataclasses.fields(of):
            assert any(line.startswith(f"{' ' * indent}{field.name} ") for line in lines), field.name
    example = next(block for block in blocks("config") if block.startswith("lake: "))
    (tmp_path / "mixlake.yaml").write_text(example)
    assert load_config(tmp_path).openlineage.url == "http://localhost:5000"


def test_each_environment_variable_that_the_code_reads_is_on_its_page():
    named = set(re.findall(r"[A-Z][A-Z0-9]+(?:_+[A-Z0-9]+)+", page("environment"))) | {"RANK"}
    read = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            read |= set(re.findall(r"\bMIXLAKE_[A-Z]+\b", text))
            read |= set(re.findall(r"environ(?:\.get\(|\.setdefault\(|\[)\"([A-Z_]+)\"", text))
    # Of a host program: a Python started for a check, the JVM's own gateway, and what the trainer sets itself.
    own = {"PYTHONHASHSEED", "PYTHONPATH", "PYSPARK_GATEWAY_PORT", "TORCHDYNAMO_DISABLE"}
    assert read - own <= named, sorted(read - own - named)


@pytest.fixture
def shown(lake, tmp_path):
    """The lake of the page's examples: ``./lake`` of the current folder."""
    return tmp_path


def run(block):
    space = {}
    exec(compile(block, "page", "exec"), space)
    return space


def test_the_lake_is_read_without_mixlake(shown, capsys):
    python = [block for block in blocks("read") if block.startswith(("import", "from"))]
    assert len(python) == 3
    for block in python:
        run(block)
        assert "GPL-3.0-only" in capsys.readouterr().out
    assert pl.scan_delta(shown / "lake" / "gold" / "samples").collect().height == 3


def test_a_table_of_ones_own_lands_as_the_page_says(call, tmp_path):
    settings, module, commands = blocks("land")
    (tmp_path / "mixlake.yaml").write_text(settings + "engine: embedded\n")
    (tmp_path / "shop.py").write_text(module)
    (tmp_path / "orders.csv").write_text("order_id,amount\n1,2.5\n2,-1\n3,4\n")
    assert yaml.safe_load(settings) == {"modules": ["shop"]}
    printed = [call(*line.split()[1:]) for line in commands.splitlines()]
    assert "1  the amount is negative" in printed[0]
    assert "shop.orders, version 1, 2 rows" in printed[1]
    assert "the amount is negative" in printed[2]
    (tmp_path / "orders.csv").write_text("order_id,amount\n1,2.5\n3,5\n4,4\n")
    assert "1 done" in call("run", "shop.orders")
    rows = Lake("lake", load_config(tmp_path)).sql("SELECT order_id, amount FROM shop.orders ORDER BY ALL").to_pylist()
    assert rows == [{"order_id": n, "amount": a} for n, a in (("1", 2.5), ("3", 5.0), ("4", 4.0))]
