"""The examples of ``--help`` and the README's commands parse, and those that end here run over a small lake."""

from __future__ import annotations

import gzip
import importlib
import io
import json
import os
import random
import re
import shlex
import shutil
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import click
import pyarrow as pa
import pytest
import yaml
from warcio.warcwriter import WARCWriter

import jobs.mix.policy
from lakehouse.cli.main import VERBS, cli, main
from lakehouse.declare.config import load_config
from lakehouse.delta.append import append_rows
from lakehouse.lake import Lake
from lakehouse.ledger import tables as ledger
from lakehouse.ledger.runs import sync_runs
from lakehouse.release.create import create_release
from tests.jobs.cli.conftest import sentences

ROOT = Path(__file__).parent.parent
PLUGINS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["mixlake.commands"]

# Commands that only have to parse, by the words that they begin with, and why.
NOT_RUN = {
    "mixlake --lake ./lake demo": "fetches packages and trains for minutes: make demo",
    "mixlake train": "trains a model: tests/trainer/cli/test_train.py",
    "mixlake run --watch": "runs until Ctrl-C: tests/lakehouse/run/test_watch.py",
    "mixlake doctor --master": "needs a cluster",
    "mixlake run +gold.sequences --master": "needs a cluster: tests/cluster",
    "mixlake check": "runs each flow several times, for minutes: tests/lakehouse/cli/test_check.py",
    "mixlake export -o samples --verify": "reads an export that another example makes: tests/lakehouse/export",
    "mixlake run +acme.opening_counts": "runs in a project of one's own: tests/test_own.py",
    "mixlake run && mixlake quota": "goes the whole way of a project of one's own: tests/test_own.py",
}
# Programs that are not mixlake's own.
OTHER = ("torchrun", "spark-submit", "--py-files", "make")

# What the examples name, and what stands for it in this lake: {sample}, a sample's id, and {short}, its beginning.
NAMES = {
    "3f2a91c0d4e5f60718293a4b5c6d7e8f": "{sample}",
    "3f2a91c0": "{short}",
    "SAMPLE_ID": "{sample}",
    "apt:sqlite3-doc/usr/share/doc/sqlite3/index.html": "folder:notes/long0.txt",
    "--source udhr": "--source notes",
    "--source fortunes-zh": "--source notes",
    "silver.documents@3": "silver.documents@1",
    "--stage hot": "--stage cold",
    "--at demo": "--at mix-1",
    "quarantine explain silver.documents --reason 'text is'": "quarantine explain bronze.documents --reason 'the file'",
    'quarantine explain silver.documents --reason "text is"': 'quarantine explain bronze.documents --reason "the file"',
    "quarantine retry silver.documents": "quarantine retry bronze.documents",
    "quarantine list silver.documents": "quarantine list bronze.documents",
    "--param gold.quotas.files=[new.yaml]": "--param gold.quotas.files=[more.yaml]",
}
# A release that an example makes has another name there than those that the lake has.
NAMED_ANEW = {"release create mix-1": "release create mix-9"}


# What stands in the lake after commands that write, by the words that they begin with: a query and its rows.
PROMISES = {
    "mixlake release create": (
        "SELECT state, cardinality(tables) > 10 FROM ledger.releases WHERE name = 'mix-9'",
        [["live", True]],
    ),
    "mixlake release drop": (
        "SELECT state FROM ledger.releases WHERE name = 'mix-0' AND state = 'dropped'",
        [["dropped"]],
    ),
    "mixlake retract --id": ("SELECT count(*) FROM ledger.retractions", [[1]]),
    "mixlake run": ("SELECT count(*) > 0 FROM gold.sequences", [[True]]),
}


def verbs():
    """Yield each command with the words that call it."""
    yield "mixlake", cli
    modules = {name: f"{module}:command" for name, (module, _) in VERBS.items()} | PLUGINS
    for name, place in modules.items():
        module, attribute = place.split(":")
        yield from below(f"mixlake {name}", getattr(importlib.import_module(module), attribute))


def below(path, command):
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from below(f"{path} {name}", child)


def in_help(text):
    """Return the lines of the examples at the end of a help text; one that ends in a backslash goes on."""
    lines = re.split(r"(?m)^\s*Examples?:\s*$", text)[1:]
    return [line.strip() for part in lines for line in re.sub(r"\\\n\s*", " ", part).splitlines() if line.strip()]


def in_readme():
    text = re.sub(r"```.*?```", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [
        re.split(r"\s+# ", line.strip())[0] for line in lines if re.match(r"    (mixlake|torchrun|spark-submit) ", line)
    ]


def python_in_readme():
    """Return the blocks that need no project of one's own: tests/test_own.py has the others."""
    parts = (ROOT / "README.md").read_text().split("\n## ")
    others = [part for part in parts if not part.startswith("A first table and flow of your own")]
    return [block for part in others for block in re.findall(r"```python\n(.*?)```", part, re.DOTALL)]


HELP = {path: in_help(command.help or "") for path, command in verbs()}
EXAMPLES = sorted({line for lines in HELP.values() for line in lines} | set(in_readme()))


def commands(example):
    """Return the commands of a line, each as its words, and the files that it reads and writes."""
    found = []
    for part in example.split(" && "):
        words = shlex.split(part)
        files = {sign: words[words.index(sign) + 1] for sign in ("<", ">") if sign in words}
        for sign in files:
            at = words.index(sign)
            words = words[:at] + words[at + 2 :]
        found.append((words, files))
    return [(words, files) for words, files in found if words[0] == "mixlake"]


def is_run(example):
    return example.startswith("mixlake") and not any(example.startswith(words) for words in NOT_RUN)


def test_each_command_that_is_no_group_has_an_example_of_its_own():
    for path, lines in HELP.items():
        command = dict(verbs())[path]
        own = (path, path.replace("mixlake", "mixlake --lake ./lake"))
        assert any(line.startswith(own) for line in lines) or isinstance(command, click.Group), path
        for line in lines:
            assert line.startswith(("mixlake ", *OTHER)), (path, line)


def test_each_reason_not_to_run_an_example_is_still_one():
    for words in NOT_RUN:
        assert any(example.startswith(words) for example in EXAMPLES), words


@pytest.mark.parametrize("example", [line for line in EXAMPLES if line.startswith("mixlake")])
def test_an_example_parses(example, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("strict.yaml").touch()
    Path("runs").mkdir()
    tree = dict(verbs())
    for words, _ in commands(example):
        rest = words[3:] if words[1] == "--lake" else words[1:]
        path = "mixlake"
        while rest and f"{path} {rest[0]}" in tree:
            path = f"{path} {rest.pop(0)}"
        tree[path].make_context(path, rest)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project and its lake: the whole way of a few documents, three releases and a training step."""
    root = tmp_path_factory.mktemp("examples")
    (root / "notes").mkdir()
    (root / "runs").mkdir()
    drawn = random.Random(5)
    for number in range(12):
        (root / "notes" / f"long{number}.txt").write_text(sentences(drawn, 10))
    (root / "notes" / "empty.txt").write_text("")
    source = {"connector": "folder", "path": "notes", "license": "MIT", "modality": "text", "kind": "note"}
    (root / "sources.yaml").write_text(
        yaml.safe_dump({"sources": {"notes": {**source, "language": "en", "include": ["*"]}}})
    )
    line = {"share": 1.0, "max_document_share": 1.0, "max_source_share": 1.0}
    stages = {"cold": {"share": 1.0, "cells": {"text/en/note": line}}}
    (root / "quota.yaml").write_text(yaml.safe_dump({"tokens": 400, "stages": stages}))
    more = {"stages": {"cold": {"cells": {"text/en/story": {"tokens": 50}}}}}
    (root / "more.yaml").write_text(yaml.safe_dump(more))
    params = {"bronze.sources": {"packaged": False, "files": ["sources.yaml"]}, "gold.quotas": {"quota": "quota.yaml"}}
    (root / "mixlake.yaml").write_text(yaml.safe_dump({"params": params, "engine": "embedded"}))
    (root / "question.sql").write_text("SELECT count(*) FROM gold.samples")
    (root / "dumps").mkdir()
    record = {"id": "1", "body": "A post of some words.", "title": "A post", "meta": {"lang": "en"}}
    with pa.output_stream(str(root / "dumps" / "posts.jsonl.zst"), compression="zstd") as dump:
        dump.write((json.dumps(record) + "\n").encode())
    with gzip.open(root / "crawl.warc.wet.gz", "wb") as crawl:
        writer = WARCWriter(crawl, gzip=False)
        text = io.BytesIO(b"A page of some words.")
        headers = {"Content-Type": "text/plain"}
        writer.write_record(
            writer.create_warc_record("https://example.org/", "conversion", payload=text, warc_headers_dict=headers)
        )
    shutil.copy(Path(jobs.mix.policy.__file__).with_name("policy.yaml"), root / "strict.yaml")
    lake = Lake(str(root / "lake"), load_config(root))
    report = lake.run()
    assert report.ok, [str(result.error) for result in report.results if result.error]
    for name in ("mix-0", "mix-1", "mix-2"):
        release = create_release(lake.project, name)
    step = {"training_run": "t1", "step": 12, "positions": [0], "release": "mix-1", "digest": release.digest}
    step |= {"stage": "cold", "seed": 0, "begin": 0, "end": 1, "at": datetime(2026, 1, 1, tzinfo=UTC)}
    schema = ledger.training_steps.schema
    append_rows(lake.catalog, ledger.training_steps, pa.Table.from_pylist([step], schema=schema))
    sync_runs(lake.catalog)
    (sample,) = lake.sql("SELECT sample_id FROM gold.mixture ORDER BY ALL LIMIT 1").column(0).to_pylist()
    return root, sample


READERS = {"contract", "doctor", "explain", "graph", "help", "history", "package", "plan", "policy", "quota", "show"}
READERS |= {"attrition", "sources", "sql", "tables", "trace", "why"}
READING = {
    ("quarantine", "list"),
    ("quarantine", "explain"),
    *(("release", w) for w in ("list", "show", "diff", "verify")),
}


def files_of(folder):
    """Return the files of a lake, with sizes and times of change."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def adapted(example, sample):
    for name, other in {**NAMES, **NAMED_ANEW}.items():
        example = example.replace(name, other)
    return example.replace("{sample}", sample).replace("{short}", sample[:8])


@pytest.mark.slow
@pytest.mark.parametrize("example", [line for line in EXAMPLES if is_run(line)])
def test_an_example_runs(example, made, tmp_path, monkeypatch, capsys):
    root, sample = made
    # Each starts from the same lake: some write.
    work = tmp_path / "work"
    shutil.copytree(root, work)
    monkeypatch.chdir(work)
    for name in [name for name in os.environ if name.startswith("MIXLAKE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("lakehouse.cli.main._plugins", plugins)
    for words, files in commands(adapted(example, sample)):
        if "<" in files:
            monkeypatch.setattr(sys, "stdin", io.StringIO((work / files["<"]).read_text()))
        reads = words[1] in READERS or tuple(words[1:3]) in READING or "--dry-run" in words
        before = files_of(work / "lake")
        status = main(words[1:])
        printed = capsys.readouterr()
        assert status == 0, printed.err
        assert "Traceback" not in printed.err
        if "--output" in words:
            assert (work / words[words.index("--output") + 1]).stat().st_size > 0
        else:
            assert printed.out.strip(), printed.err
        assert not reads or files_of(work / "lake") == before
        if "--json" in words:
            json.loads(printed.out)
        if "csv" in words:
            assert printed.out.splitlines()[0].count(",") == printed.out.splitlines()[1].count(",") > 0
        if "mermaid" in words:
            assert printed.out.startswith(("flowchart", "graph"))
    promise = next((promise for begin, promise in PROMISES.items() if example.startswith(begin)), None)
    if promise is not None and "--dry-run" not in example:
        statement, rows = promise
        assert [list(row.values()) for row in Lake("lake", load_config(work)).sql(statement).to_pylist()] == rows


@pytest.mark.slow
@pytest.mark.parametrize("block", python_in_readme())
def test_the_readmes_python_runs(block, made, monkeypatch):
    monkeypatch.chdir(made[0])
    space = {}
    exec(compile(block, "README.md", "exec"), space)
    if "batch" in space:
        batch = space["batch"]
        assert {"labels", "loss_mask", "position_ids"} <= {*vars(batch.full())} | {*dir(batch.full())}


def plugins():
    from importlib.metadata import EntryPoint

    return {name: EntryPoint(name, place, "mixlake.commands") for name, place in PLUGINS.items()}
