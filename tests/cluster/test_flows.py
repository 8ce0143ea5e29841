"""The flows of `jobs` on a standalone cluster, with the lake in a folder and on S3, against one machine."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import yaml

from lakehouse.declare.config import load_config
from lakehouse.delta.history import newest_note
from lakehouse.lake import Lake
from tests.cluster.standalone import FEW_TASKS, Cluster

pytestmark = [pytest.mark.slow, pytest.mark.network]

REPOSITORY = Path(__file__).parents[2]
MODULES = [
    "argparse",
    "ast",
    "asyncio",
    "collections",
    "csv",
    "datetime",
    "decimal",
    "difflib",
    "email",
    "functools",
    "heapq",
    "json",
    "logging",
    "math",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder of real English text and real code, and its declaration."""
    folder = tmp_path_factory.mktemp("flows")
    (folder / "texts").mkdir()
    for name in MODULES:
        module = importlib.import_module(name)
        said = [inspect.getdoc(module) or "", *(inspect.getdoc(value) or "" for value in vars(module).values())]
        (folder / "texts" / f"{name}.txt").write_text(
            "\n\n".join(dict.fromkeys(text for text in said if len(text) > 40))
        )
    common = {"connector": "folder", "license": "PSF-2.0"}
    text = {**common, "title": "Manuals", "path": str(folder / "texts"), "modality": "text", "kind": "manual"}
    code = {**common, "title": "Code", "path": str(Path(json.__file__).parent), "modality": "code"}
    sources = {
        "manuals": {**text, "language": "en", "include": ["*.txt"]},
        "code": {**code, "kind": "source-code", "language": "python", "include": ["*.py"]},
    }
    (folder / "sources.yaml").write_text(yaml.safe_dump({"sources": sources}))
    body = {
        "params": {"bronze.sources": {"files": ["sources.yaml"], "packaged": False}},
        "spark": {"spark.master": "local[2]", **FEW_TASKS},
    }
    (folder / "mixlake.yaml").write_text(yaml.safe_dump(body))
    return folder


def run(root, *words, lake, **variables):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MIXLAKE_LAKE", "SPARK_"))}
    ended = subprocess.run(
        [sys.executable, "-m", "lakehouse.cli.main", "--lake", lake, "run", "+gold.sequences", "--json", *words],
        cwd=root,
        env=environment | {"PYTHONPATH": str(REPOSITORY), "SPARK_LOCAL_IP": "127.0.0.1"} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    return json.loads(ended.stdout)


def digests(root, lake):
    opened = Lake(lake, load_config(root))
    notes = {
        name: newest_note(opened.catalog.open(name))
        for name in opened.catalog.names()
        if not name.startswith("ledger.")
    }
    return {name: (note[1].digest, note[1].counts["rows"]) for name, note in notes.items()}


def test_the_flows_of_the_project_are_the_same_on_a_cluster_and_on_s3(root, s3, tmp_path):
    seconds = {"local": run(root, lake=str(root / "local"))["seconds"]}
    here = digests(root, str(root / "local"))
    assert here["gold.sequences"][1] > 0
    # Workers of the same image: the project's libraries, and the code as the driver sends it.
    with Cluster(tmp_path / "cluster", memory="1500m") as cluster:
        master = ["--master", cluster.master]
        try:
            seconds["cluster"] = run(root, *master, lake=str(root / "cluster"))["seconds"]
            assert digests(root, str(root / "cluster")) == here
            (root / "mixlake.yaml").write_text(
                yaml.safe_dump(yaml.safe_load((root / "mixlake.yaml").read_text()) | {"storage": s3.storage})
            )
            lake = f"s3://{s3.bucket}/{uuid.uuid4().hex}"
            seconds["cluster, lake on S3"] = run(root, *master, lake=lake)["seconds"]
            assert digests(root, lake) == here
        except AssertionError:
            print(cluster.logs()[-8000:])
            raise
    print(json.dumps({"seconds": seconds, "tables": here}))
