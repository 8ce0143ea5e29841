"""A folder of one's own, as the README shows it, goes the whole way; the README's own blocks are what is run."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lakehouse.declare.config import load_config
from lakehouse.lake import Lake
from lakehouse.release.create import create_release
from trainer.callbacks.metrics import FILE as METRICS
from trainer.cli import demo
from trainer.loader import PackedLoader

README = Path(__file__).parent.parent / "README.md"
MODULES = (
    "argparse",
    "ast",
    "asyncio",
    "calendar",
    "collections",
    "configparser",
    "contextlib",
    "copy",
    "csv",
    "datetime",
    "decimal",
    "difflib",
    "doctest",
    "email",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "inspect",
    "itertools",
    "json",
    "logging",
    "math",
    "mimetypes",
    "optparse",
    "os",
    "pathlib",
    "pdb",
    "pickle",
    "plistlib",
    "profile",
    "random",
    "re",
    "sched",
    "shlex",
    "smtplib",
    "sqlite3",
    "ssl",
    "statistics",
    "string",
    "subprocess",
    "tarfile",
    "textwrap",
    "threading",
    "tkinter",
    "tokenize",
    "traceback",
    "turtle",
    "typing",
    "unittest",
    "urllib.request",
    "uuid",
    "xml.sax",
    "zipfile",
    "zoneinfo",
)


def blocks(language):
    section = README.read_text().split("## A first table and flow of your own")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def manual(name):
    """Real English text: what a module of the standard library says of its members."""
    module = importlib.import_module(name)
    parts = [inspect.getdoc(module) or ""]
    parts += [inspect.getdoc(value) or "" for key, value in sorted(vars(module).items()) if not key.startswith("_")]
    return "\n\n".join(part for part in dict.fromkeys(parts) if len(part) > 40)


@pytest.fixture(scope="module")
def own(tmp_path_factory, spark):
    root = tmp_path_factory.mktemp("own")
    (root / "acme").mkdir()
    (root / "flows").mkdir()
    (root / "texts").mkdir()
    (root / "acme" / "__init__.py").write_text("")
    tables, flows = blocks("python")
    (root / "acme" / "tables.py").write_text(tables)
    (root / "acme" / "flows.py").write_text(flows)
    (root / "flows" / "acme.opening_counts.sql").write_text(blocks("sql")[0])
    config, quota = (yaml.safe_load(block) for block in blocks("yaml"))
    (root / "quota.yaml").write_text(yaml.safe_dump(quota))
    for name in MODULES:
        (root / "texts" / f"{name}.txt").write_text(manual(name))
    (root / "texts" / "binary.txt").write_bytes(bytes(range(256)) * 8)
    sources = {
        "sources": {
            "our-manuals": {
                "title": "Manuals",
                "connector": "folder",
                "path": str(root / "texts"),
                "license": "PSF-2.0",
                "modality": "text",
                "kind": "manual",
                "language": "en",
                "include": ["*.txt"],
            },
            "our-code": {
                "title": "Code",
                "connector": "folder",
                "path": str(Path(json.__file__).parent),
                "license": "PSF-2.0",
                "modality": "code",
                "kind": "source-code",
                "language": "python",
                "include": ["*.py"],
            },
        }
    }
    (root / "sources.yaml").write_text(yaml.safe_dump(sources))
    config["params"]["bronze.sources"] = {"files": ["sources.yaml"], "packaged": False}
    (root / "mixlake.yaml").write_text(yaml.safe_dump(config))
    for name in [n for n in sys.modules if n.split(".")[0] == "acme"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    yield root
    sys.path.remove(str(root))


def lake(root):
    return Lake(str(root / "lake"), load_config(root))


@pytest.fixture(scope="module")
def ran(own):
    report = lake(own).run()
    assert report.ok, [str(o.error) for o in report.results if o.error]
    return {outcome.writes: outcome for outcome in report.results}


def mixlake(root, *words, **env):
    return subprocess.run(
        [sys.executable, "-m", "lakehouse.cli.main", *words],
        cwd=root,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_rows_of_ones_own_table_reach_the_mixture(own, ran):
    drawn = (
        lake(own)
        .sql("SELECT cell, count(*) AS n FROM gold.mixture WHERE cell = 'text/en/opening' GROUP BY ALL")
        .to_pylist()
    )
    assert drawn
    assert drawn[0]["n"] > 1
    line = json.loads(mixlake(own, "quota", "--stage", "cold", "--json").stdout)
    opening = next(row for row in line if row["cell"] == "text/en/opening")
    assert opening["target"] == 3000
    assert abs(opening["error"]) <= 0.01


def test_ones_own_sql_flow_counts_them(own, ran):
    counts = lake(own).sql("SELECT sum(openings) AS n FROM acme.opening_counts").to_pylist()[0]["n"]
    assert counts == ran["acme.openings"].note.counts["rows"]


def test_a_file_that_is_no_text_is_set_aside_with_its_reason(own, ran):
    assert sum(ran["bronze.documents"].note.reasons.values()) == 1
    printed = mixlake(own, "sql", "SELECT reason FROM quarantine_visible WHERE \"table\" = 'bronze.documents'").stdout
    assert "not text" in printed


def test_a_second_run_does_nothing_and_a_new_file_lands_alone(own, ran):
    assert {o.status for o in lake(own).run().results} == {"fresh"}
    (own / "texts" / "new.txt").write_text(manual("http.client"))
    report = {o.writes: o for o in lake(own).run(["+gold.document_tokens"]).results}
    assert report["bronze.documents"].note.counts["read"] == 1
    assert report["gold.document_tokens"].note.counts["inserted"] in {1, 2}


def test_a_changed_threshold_recomputes_no_score(own, ran):
    import jobs.mix.policy

    policy = yaml.safe_load(Path(jobs.mix.policy.__file__).with_name("policy.yaml").read_text())
    next(rule for rule in policy["rules"]["documents"] if rule["name"] == "too short")["min"] = 2000
    (own / "strict.yaml").write_text(yaml.safe_dump(policy))
    lake(own).run(["+gold.samples"])
    changed = lake(own).run(["+gold.samples"], params={"gold.samples": {"policy": str(own / "strict.yaml")}})
    status = {o.writes: o.status for o in changed.results}
    assert status["gold.samples"] == "done"
    assert {status[n] for n in ("silver.document_scores", "silver.documents")} == {"fresh"}
    reasons = lake(own).sql("SELECT DISTINCT unnest(reasons) AS r FROM gold.samples").column("r").to_pylist()
    assert "too short" in reasons


def test_the_loader_reads_what_was_packed(own, ran):
    release = create_release(lake(own).project, "mix-1")
    loader = PackedLoader(str(own / "lake"), release="mix-1", stage="cold", global_batch=4)
    batch = next(iter(loader))
    assert batch.tokens.shape == (4, 4096)
    packed = (
        lake(own)
        .sql(
            "SELECT sum(n_tokens) / sum(octet_length(tokens) / 4) AS filled FROM gold.sequences WHERE stage = 'cold'",
            at=release.name,
        )
        .to_pylist()[0]["filled"]
    )
    assert packed > 0.9


def test_what_only_looks_starts_no_jvm(own, ran):
    (sample,) = lake(own).sql("SELECT sample_id FROM acme.openings ORDER BY ALL LIMIT 1").column(0).to_pylist()
    created = mixlake(own, "release", "create", "looked-at", JAVA_HOME="/nowhere", PATH="")
    assert created.returncode == 0, created.stderr
    for words in (
        ["plan"],
        ["plan", "--json"],
        ["tables"],
        ["show", "acme.openings"],
        ["history", "gold.mixture"],
        ["sql", "SELECT count(*) FROM gold.sequences"],
        ["quota"],
        ["trace", sample],
        ["release", "list"],
        ["release", "show", "looked-at"],
        ["explain", "gold.mixture"],
        ["graph"],
        ["quarantine", "list"],
    ):
        ended = mixlake(own, *words, JAVA_HOME="/nowhere", PATH="")
        assert (words, ended.returncode, ended.stderr) == (words, 0, ended.stderr)
        assert ended.stdout.strip()
    # And what has to start one says that there is none.
    ended = mixlake(own, "run", "gold.mixture", "--full", "--engine", "spark", JAVA_HOME="/nowhere", PATH="")
    assert ended.returncode != 0
    assert "no JDK found" in ended.stderr


def test_the_demos_end_tells_quota_packing_losses_and_five_answers(own, ran, tmp_path, capsys):
    release = create_release(lake(own).project, "shown")
    lines = [{"step": n, "loss": 9.0 - n, "loss.text": 8.0 - n, "targets.text": 100} for n in range(4)]
    (tmp_path / METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    demo._report(lake(own), release, tmp_path, [])
    printed = capsys.readouterr().out
    assert re.search(r"text/en/opening\s+3,?000", printed)
    assert re.search(r"(?m)^text\s+7\.000\s+6\.000", printed)
    assert re.search(r"(?m)^all\s+\d+ .*\d\d\.\d+%", printed)
    assert printed.count("  $ mixlake sql ") == len(demo.QUESTIONS) == 5
    for question, sql in demo.QUESTIONS:
        assert question in printed
        # The command is as it can be copied.
        assert f'mixlake sql "{sql}" --at shown' in printed or f"mixlake sql '{sql}' --at shown" in printed
    assert "PSF-2.0" in printed
    assert ran["gold.sequences"].note.run_id in printed


def test_what_a_user_can_get_wrong_is_one_line(own, ran):
    for words, status in ((["run", "gold.mixtur"], 2), (["sql", "SELEC 1"], 2), (["quota", "--at", "nothing"], 1)):
        ended = mixlake(own, *words)
        assert ended.returncode in {1, 2}, (words, status)
        assert ended.stderr.startswith("mixlake: ")
        assert "Traceback" not in ended.stderr
        assert len(ended.stderr.strip().splitlines()) == 1
