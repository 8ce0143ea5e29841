"""Runs a project and kills itself with SIGKILL at a point: ``python -m tests.lakehouse.killed ROOT WHERE WHEN NUMBER [SELECT]...``.

WHERE is ``module:function`` of the engine, WHEN is before or after, NUMBER counts the calls from 1.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from lakehouse.declare import discovery
from lakehouse.declare.config import load_config
from lakehouse.lake import Lake
from tests.lakehouse.bindings import rebind

COMMAND = (sys.executable, "-m", "tests.lakehouse.killed")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def kill(project, where, when="before", number=1, *select):
    """Run a project in a process of its own that kills itself at a point."""
    ended = subprocess.run(
        [*COMMAND, str(project.root), where, when, str(number), *select],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=project.root,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr[-2000:]


def main(root, where, when, number, *select):
    discovery._entry_points = lambda group: []
    calls = 0
    lock = threading.Lock()

    def killing(original):
        def patched(*args, **kwargs):
            nonlocal calls
            with lock:
                calls += 1
                mine = calls
            if mine == int(number) and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = original(*args, **kwargs)
            if mine == int(number) and when == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return patched

    rebind(where, killing)
    Lake(str(Path(root, "lake")), load_config(Path(root))).run(select)


if __name__ == "__main__":
    main(*sys.argv[1:])
