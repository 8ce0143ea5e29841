"""How Spark starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lakehouse.spark.session import utf8_locale

JARS_OF_A_SESSION = """
import json, sys
from pathlib import Path
from lakehouse.declare.config import load_config
from lakehouse.spark.session import start

session = start(load_config(Path.cwd()), Path("spark.log"))
jars = session.sparkContext._jsc.sc().listJars()
print(json.dumps([jars.apply(at).rpartition("/")[2] for at in range(jars.size())]))
session.stop()
"""


def test_executors_are_sent_the_jars_that_are_named_and_those_of_packages(tmp_path):
    with zipfile.ZipFile(tmp_path / "own.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n\n")
    (tmp_path / "mixlake.yaml").write_text(
        "spark: {spark.master: 'local[1]', spark.ui.enabled: 'false', spark.jars: '%s'}\n" % (tmp_path / "own.jar")
    )
    ended = subprocess.run(
        [sys.executable, "-c", JARS_OF_A_SESSION],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    jars = json.loads(ended.stdout.splitlines()[-1])
    assert "own.jar" in jars
    assert any("delta-spark" in jar for jar in jars)


FLOWS = """
from __future__ import annotations

import pyarrow as pa

from lakehouse import Column, Table, flow

X, RUN = Column("x", pa.int64(), "A number."), Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
source, failed, framed = (Table(f"q.{n}", doc="Rows.", columns=[X, RUN], key=["x"]) for n in ("source", "failed", "framed"))


@flow(writes=source, kind="landing", external=lambda params: "1")
def land(params):
    return pa.table({"x": [1]})


@flow(writes=framed, reads={"rows": source}, kind="frame")
def frame(rows, params):
    return rows.selectExpr("no_such_function(x) AS x")
"""


def test_an_error_of_a_query_is_mixlakes_own_lines_and_sparks_are_in_its_log(tmp_path):
    (tmp_path / "acme_quiet.py").write_text(FLOWS)
    (tmp_path / "q.failed.sql").write_text("SELECT no_such_function(x) AS x FROM q.source")
    (tmp_path / "mixlake.yaml").write_text(
        "modules: [acme_quiet]\nsql: [q.failed.sql]\nspark: {spark.master: 'local[1]', spark.driver.memory: 1g}\n"
    )
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "lakehouse.cli.main",
            "--lake",
            "lake",
            "run",
            "--engine",
            "spark",
            "+q.failed",
            "q.framed",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{Path(__file__).parents[3]}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    shown = ended.stdout + ended.stderr
    assert ended.returncode != 0, shown
    assert "no_such_function" in shown
    for line in shown.splitlines():
        assert not line.lstrip().startswith("{"), line
        assert "QueryContextLogger" not in line
    (log,) = (tmp_path / "lake" / "_logs").glob("spark-*.log")
    assert "QueryContextLogger" in log.read_text()


@pytest.mark.parametrize(
    ("variables", "added"),
    [
        ({}, {"LC_ALL": "C.UTF-8"}),
        ({"LANG": "en_GB.UTF-8"}, {}),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, {"LC_ALL": "C.UTF-8"}),
        ({"LC_ALL": "", "LC_CTYPE": "C.utf8"}, {}),
        ({"LANG": "de_DE.ISO-8859-1"}, {"LC_ALL": "C.UTF-8"}),
    ],
)
def test_the_jvm_reads_names_of_files_as_utf8_whatever_the_locale(variables, added):
    assert utf8_locale(variables) == added
