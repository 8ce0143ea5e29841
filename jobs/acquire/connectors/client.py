"""Running a package client (apt-get, pip, npm): by name, without a shell, with a time limit and retries."""

from __future__ import annotations

import logging
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from jobs.acquire.connectors.base import SourceSkippedError

log = logging.getLogger("mixlake.acquire")

_MESSAGE_CHARACTERS = 300


def require_client(program: str, hint: str) -> str:
    """Return the path of a program.

    Raises:
        SourceSkippedError: If the machine has none.
    """
    path = shutil.which(program)
    if path is None:
        raise SourceSkippedError(f"{program} is not on this machine", hint)
    return path


def run_client(
    command: Sequence[str],
    *,
    cwd: Path,
    timeout: float = 600.0,
    attempts: int = 3,
    pause: float = 2.0,
) -> str:
    """Run a client and return its standard output.

    Args:
        command: Program and arguments.
        cwd: Folder to run in.
        timeout: Limit of one attempt, in seconds.
        attempts: How often to try; a registry that did not answer may answer the next time.
        pause: Seconds before the second attempt; doubled each time.

    Raises:
        SourceSkippedError: If the last attempt failed.
    """
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            done = subprocess.run(
                list(command),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            reason = f"no end after {timeout:.0f} s"
            continue
        except OSError as error:
            reason = str(error)
            continue
        if done.returncode == 0:
            return done.stdout.decode("utf-8", "replace")
        reason = _last_words(done.stderr.decode("utf-8", "replace")) or f"exit status {done.returncode}"
        log.debug("%s failed (attempt %d of %d): %s", command[0], attempt + 1, attempts, reason)
    raise SourceSkippedError(f"{Path(command[0]).name} failed: {reason}", "look at the network and the package's name")


def _last_words(stderr: str) -> str:
    """Return the lines of a client's complaint that say what went wrong, shortened to one line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "e:", "npm error code", "npm err! code"))]
    return "; ".join(errors or lines[-1:])[:_MESSAGE_CHARACTERS]
