"""What is purged from a lake on S3 is in no object of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from tests.lakehouse.delta import pages
from tests.lakehouse.delta.pages import page
from tests.lakehouse.retraction.test_purge import HASHED, NAMED, NAMES, ROWS, WORD

# The project's own flows write a table of a name that the pages write, too.
MIXLAKE = """
import sys
from lakehouse.declare import discovery
from lakehouse.cli.main import main

discovery._entry_points = lambda group: []
sys.exit(main(sys.argv[1:]))
"""
pytestmark = [pytest.mark.slow, pytest.mark.network]


@pytest.fixture
def lake(project, s3):
    """The pages project, whose lake is on S3; its path in the bucket."""
    pages.write(project, ROWS)
    project.module("flows", pages.FLOWS.replace(NAMED, HASHED))
    path = uuid.uuid4().hex
    configuration = project.root / "mixlake.yaml"
    body = yaml.safe_load(configuration.read_text())
    configuration.write_text(yaml.safe_dump(body | {"lake": f"s3://{s3.bucket}/{path}", "storage": s3.storage}))
    return path


def mixlake(project, *words):
    ended = subprocess.run(
        [sys.executable, "-c", MIXLAKE, *words],
        cwd=project.root,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert ended.returncode == 0, f"{ended.stdout[-2000:]}\n{ended.stderr[-3000:]}"
    return ended.stdout


def holding(store, word):
    """The objects that hold a word: bytes as they are, Parquet also decoded."""
    found = []
    for listed in store.list().collect():
        data = bytes(store.get(listed["path"]).bytes())
        said = [data, listed["path"].encode()]
        if data.startswith(b"PAR1"):
            said.append(str(pq.read_table(io.BytesIO(data)).to_pylist()).encode())
        if any(word.encode() in text.lower() for text in said):
            found.append(listed["path"])
    return found


def test_what_is_purged_is_in_no_object_and_what_else_is_needed_stays(project, lake, s3):
    store = s3.store(lake)
    mixlake(project, "run", *NAMES)
    mixlake(project, "release", "create", "with")
    before = holding(store, WORD)
    assert {path.split("/", 1)[0] for path in before} >= {"bronze", "silver", "ledger"}
    assert not any("_delta_log" in path for path in before)

    mixlake(project, "retract", "--source", "alpha", "--reason", "a court ordered it", "--purge")
    report = json.loads(mixlake(project, "run", *NAMES, "--json"))
    assert report["ok"]
    assert holding(store, WORD) == []

    assert [done["blocked_by"] for done in report["purges"]] == [""]
    # Readers and Spark go on.
    counted = json.loads(mixlake(project, "sql", "SELECT source FROM gold.counts", "--format", "json"))
    assert counted == [{"source": "beta"}]
    pages.land(project, [row for row in ROWS if row["source"] != "alpha"] + [page("gamma", "a later page")])
    assert json.loads(mixlake(project, "run", *NAMES, "--json"))["ok"]
    counted = json.loads(mixlake(project, "sql", "SELECT source FROM gold.counts ORDER BY 1", "--format", "json"))
    assert counted == [{"source": "beta"}, {"source": "gamma"}]
    assert holding(store, WORD) == []
