"""How Spark starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

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
