"""Flows on a lake in S3, and commits that Spark and delta-rs race for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import yaml

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.history import newest_note
from tests.cluster.on_s3 import TABLES
from tests.lakehouse import words

pytestmark = [pytest.mark.slow, pytest.mark.network]


@pytest.fixture
def project(project, s3):
    """The words project, whose lake is on S3."""
    words.write(project)
    configuration = project.root / "mixlake.yaml"
    body = yaml.safe_load(configuration.read_text())
    body |= {"lake": f"s3://{s3.bucket}/{uuid.uuid4().hex}", "storage": s3.storage}
    configuration.write_text(yaml.safe_dump(body))
    return project


def test_a_run_on_s3_equals_a_run_in_a_folder_and_no_commit_is_lost(project, s3, spark):
    before = s3.puts()
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("on_s3.py")), str(project.root), "60"],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["errors"] == []
    assert found["again"] == ["fresh"]
    assert not found["secret_shown"]

    project.run(lake="folder")
    here = {name: newest_note(Catalog(str(project.root / "folder")).open(name))[1].digest for name in TABLES}
    assert found["digests"] == here

    # Of two that create one version, one wins, and what is held is the winner's; both win some.
    assert found["log"]["wrong"] == []
    assert sum(found["log"]["won"].values()) == 60
    assert min(found["log"]["won"].values()) > 0

    # Whole tables: every acknowledged commit is there once.
    tables = found["tables"]
    assert (tables["lost"], tables["unknown"], tables["doubled"], tables["refused"]) == ([], [], 0, [])
    assert tables["spark"] == 6
    assert tables["version"] == tables["spark"] + tables["delta_rs"]

    # Spark and delta-rs made every commit under the condition, and each met the other's at least once.
    made = s3.puts() - before
    assert {condition for _, condition, _ in made} == {"*"}
    assert {client for client, _, _ in made} == {"Hadoop", "object_store"}
    assert made["Hadoop", "*", "412"] > 0
    (project.root / "found.json").write_text(json.dumps(found))
