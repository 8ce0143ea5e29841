from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_a_folder_of_ones_own_does_not_stand_in_for_an_installed_package(tmp_path):
    for name in ("jobs", "schemas"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('another jobs than mixlake has')\n")
    # The installed command, which finds the project as it is installed.
    told = subprocess.run(
        [Path(sys.executable).with_name("mixlake"), "--lake", str(tmp_path / "lake"), "plan", "--json"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "gold.mixture" in {item["writes"] for item in json.loads(told.stdout)}
