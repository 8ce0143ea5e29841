"""What a command costs: the seconds until it returns, and the CPU seconds of it and of all that it starts."""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

# A process that outlives its parent, as the JVM does, is inherited by this one, which adds up its CPU time.
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """What a command cost.

    Args:
        wall: Seconds until it returned.
        cpu: CPU seconds of it and of all processes that it started.
    """

    wall: float
    cpu: float


def adopt_children() -> None:
    """Have processes that outlive their parents counted here."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def cost(root: Path, *command: str) -> Cost:
    """Run a command in the project's folder and wait for all that it started."""
    began, before = time.monotonic(), _children_cpu()
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    wall = time.monotonic() - began
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return Cost(wall, _children_cpu() - before)


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system
