"""Delete Spark's logs and error messages of events, which may quote a row at which a flow failed."""

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
    """Delete Spark's logs of earlier runs, empty this run's, and remove error messages from all runs' events.

    Args:
        project: The project.
        own: This run's file of Spark's log.
    """
    for path in _files(own.parent, "spark-*.log"):
        if path == own:
            os.truncate(path, 0)  # Spark still appends to it
        else:
            path.unlink(missing_ok=True)
    events = events_file(project, "*")
    for path in _files(events.parent, events.name) if events is not None else ():
        _remove_errors(path)


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    return (path for path in sorted(folder.glob(pattern)) if path.is_file())


def _remove_errors(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        before = path.read_bytes()
        after = b"".join(_without_error(line) if _ERROR in line else line for line in before.splitlines(keepends=True))
        if after != before:
            temporary = path.with_name(f".{path.name}.tmp")
            temporary.write_bytes(after)
            temporary.replace(path)


def _without_error(line: bytes) -> bytes:
    try:
        event = json.loads(line)
    except ValueError:  # cut off by a kill
        return b""
    event.get("run", {}).get("facets", {}).pop("errorMessage", None)
    return (json.dumps(event) + "\n").encode()
