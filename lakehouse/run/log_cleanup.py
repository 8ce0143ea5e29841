"""Logs that runs leave: Spark's own words, and OpenLineage events. A row at which a flow failed may stand there."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from lakehouse.project import Project
from lakehouse.run.openlineage.transports import events_file

_ERROR = b'"errorMessage"'


def clean_logs(project: Project, own: Path) -> None:
    """Delete Spark's words of earlier runs, empty this run's, and take error messages out of all runs' events.

    Args:
        project: The project.
        own: This run's file of Spark's words.
    """
    for path in _places(own.parent, "spark-*.log"):
        if path == own:
            os.truncate(path, 0)  # Spark appends to it still
        else:
            path.unlink(missing_ok=True)
    events = events_file(project, "*")
    for path in _places(events.parent, events.name) if events is not None else ():
        _without_errors(path)


def _places(folder: Path, pattern: str) -> Iterator[Path]:
    return (path for path in sorted(folder.glob(pattern)) if path.is_file())


def _without_errors(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        before = path.read_bytes()
        after = b"".join(_event(line) if _ERROR in line else line for line in before.splitlines(keepends=True))
        if after != before:
            beside = path.with_name(f".{path.name}.tmp")
            beside.write_bytes(after)
            beside.replace(path)


def _event(line: bytes) -> bytes:
    try:
        event = json.loads(line)
    except ValueError:  # cut off by a kill
        return b""
    event.get("run", {}).get("facets", {}).pop("errorMessage", None)
    return (json.dumps(event) + "\n").encode()
