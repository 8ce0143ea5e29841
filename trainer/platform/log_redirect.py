"""Send what libraries print, warn and log to a file."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def redirect_output(path: Path) -> Iterator[TextIO]:
    """Send what libraries print, warn and log to a file, and give the terminal to write to instead.

    Args:
        path: The log file; it is appended to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    terminal = sys.stdout
    try:
        own = sys.stdout.fileno()
    except (OSError, ValueError, AttributeError):
        own = -1
    saved = [(fd, os.dup(fd)) for fd in (1, 2)]
    if own == 1:
        terminal = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="replace")
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    with path.open("a", encoding="utf-8") as log, warnings.catch_warnings():
        handler = logging.StreamHandler(log)
        formatter = logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S+00:00")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
        root.handlers, root.level = [handler], logging.INFO
        logging.captureWarnings(capture=True)
        for fd in (1, 2):
            os.dup2(log.fileno(), fd)
        try:
            with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
                yield terminal
        finally:
            for fd, copy in saved:
                os.dup2(copy, fd)
                os.close(copy)
            logging.captureWarnings(capture=False)
            root.handlers, root.level = handlers, level
            if own == 1:
                terminal.close()
