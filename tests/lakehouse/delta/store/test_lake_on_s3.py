"""Every verb that starts no JVM, on a lake that lies on S3."""

from __future__ import annotations

import json
import uuid

import pyarrow.parquet as pq
import pytest
import yaml

from lakehouse.cli.main import VERBS, main
from lakehouse.declare.config import load_config
from lakehouse.lake import Lake
from lakehouse.ledger.runs import sync_runs
from tests.lakehouse.lakes import note, trained, write

SPARKS = {"run", "package"}  # elsewhere


@pytest.fixture
def lake(s3, tmp_path, monkeypatch):
    """The lake of a folder whose configuration names it."""
    body = {"lake": f"s3a://{s3.bucket}/{uuid.uuid4().hex}", "storage": s3.storage}
    (tmp_path / "mixlake.yaml").write_text(yaml.safe_dump(body))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)
    made = Lake(config=load_config(tmp_path))
    trained(made)
    sync_runs(made.catalog)
    return made


@pytest.fixture
def call(lake, capsys):
    def run(*argv, status=0):
        found = main(list(argv))
        captured = capsys.readouterr()
        assert found == status, captured.err
        return captured.out if status == 0 else captured.err

    return run


def answers(call, *argv):
    return json.loads(call(*argv, "--json"))


def test_every_verb_answers_over_an_object_store(call, lake, tmp_path):
    asked = set()

    def ask(*argv):
        asked.add(argv[0])
        return answers(call, *argv)

    tables = {table["name"]: table for table in ask("tables")}
    assert tables["gold.samples"]["rows"] == 3
    assert tables["gold.samples"]["uri"] == f"{lake.uri}/gold/samples"
    assert lake.uri.startswith("s3://")
    assert len(ask("show", "gold.samples")["first"]) == 3
    assert ask("history", "gold.samples")[0]["run_id"] == "run-2"
    assert ask("contract", "ledger.runs")["key"] == ["table", "version"]
    assert {"t1#1", "t1#2"} <= {node["id"] for node in ask("trace", "aaaa")["nodes"]}
    assert len(ask("trace", "--step", "1")["rows"]) == 2
    assert ask("why", "aaaa")["id"] == "aa" * 16
    assert isinstance(ask("attrition"), list)
    assert isinstance(ask("plan", "gold.vocabulary"), list)
    assert ask("explain", "gold.vocabulary")["writes"]["table"] == "gold.vocabulary"
    assert "gold.vocabulary" in call("graph", "gold.vocabulary", "--format", "json")
    assert {item["table"] for item in ask("optimize", "gold.samples", "--dry-run")} == {"gold.samples"}
    assert {item["table"] for item in ask("vacuum", "gold.samples", "--dry-run")} == {"gold.samples"}
    assert ask("quarantine", "list") == []
    assert [item["state"] for item in ask("check", "gold.vocabulary")] == ["skipped"]
    found = {finding["name"]: finding for finding in ask("doctor")}
    assert found["store"]["state"] == found["lake"]["state"] == "ok"
    assert "conditional puts" in found["store"]["detail"]
    count = ["sql", "SELECT license, count(*) AS n FROM gold.samples GROUP BY ALL ORDER BY n", "--format", "json"]
    assert json.loads(call(*count)) == [{"license": "MIT", "n": 1}, {"license": "GPL-3.0-only", "n": 2}]
    call("export", "gold.samples", "--output", str(tmp_path / "out"))
    assert pq.read_table(tmp_path / "out").num_rows == 3
    assert "release" in VERBS
    assert asked | {"export", "graph", "help", "sql", "release", "retract"} | SPARKS >= set(VERBS)


def test_releases_live_on_an_object_store(call, lake, s3):
    made = answers(call, "release", "create", "mix-2")
    write(lake, "gold.samples", lake.table("gold.samples"), note("gold.samples", "run-7"))
    count = ["sql", "SELECT count(*) AS n FROM gold.samples", "--format", "json"]
    assert json.loads(call(*count)) == [{"n": 6}]
    assert json.loads(call(*count, "--at", "mix-2")) == [{"n": 3}]
    assert answers(call, "release", "show", "mix-2") == made
    assert [release["name"] for release in answers(call, "release", "list")] == ["mix-1", "mix-2"]
    assert {row["status"] for row in answers(call, "release", "diff", "mix-1", "mix-2")["tables"]} == {"same"}
    assert "is whole" in call("release", "verify", "mix-2")
    lost = lake.catalog.open("gold.samples", 0).file_uris()[0].removeprefix(f"s3://{s3.bucket}/")
    s3.store().delete(lost)
    assert main(["release", "verify", "mix-2"]) == 1
    call("release", "drop", "mix-2")


def test_a_retraction_is_recorded_on_an_object_store(call, lake):
    call("retract", "--license", "GPL-3.0-only", "--reason", "asked")
    assert lake.sql("SELECT count(*) AS n FROM ledger.retractions").column("n").to_pylist() == [1]


def test_a_store_that_is_not_there_is_one_line(tmp_path, monkeypatch, capsys):
    storage = {"endpoint_url": "http://127.0.0.1:9", "allow_http": True, "access_key_id": "a", "secret_access_key": "b"}
    (tmp_path / "mixlake.yaml").write_text(yaml.safe_dump({"lake": "s3://lake/x", "storage": storage}))
    monkeypatch.chdir(tmp_path)
    assert main(["tables"]) == 1
    message = capsys.readouterr().err
    assert "s3://lake/x cannot be reached" in message
    assert message.count("\n") == 1
