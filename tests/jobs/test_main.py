from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MAIN = Path(__file__).parent.parent.parent / "jobs" / "main.py"


def test_run_as_a_script_it_is_the_command_line_and_hides_no_module(tmp_path):
    # As spark-submit runs it: the folder's own names (tokenize) must not stand before the standard library's.
    ended = subprocess.run(
        [sys.executable, str(MAIN), "--lake", "lake", "run", "gold.vocabulary", "--dry-run"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stderr
    assert "gold.vocabulary" in ended.stdout
