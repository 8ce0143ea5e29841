"""Deliver events to a file of JSON lines and to an endpoint, by the transports of openlineage-python.

Neither class raises: a failed delivery is logged once and never fails a run. The client's ``async_http`` transport is
not used: it sends a run's COMPLETE before the events of its flows, logs a traceback with the URL's password for every
event that fails, and keeps trying a dead server. Its ``composite`` transport would let a slow endpoint delay the
file.
"""

from __future__ import annotations

import logging
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.declare.openlineage_config import has_client_config
from lakehouse.errors import first_line
from lakehouse.project import Project
from lakehouse.run.openlineage.worker import Worker

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent

log = logging.getLogger("mixlake.openlineage")

# An endpoint that has accepted events is dropped after this many failures in a row; one that has not, after the first.
_MAX_FAILURES = 3
_RETRIES = 2
_THREAD = "openlineage-remote"


def events_file(project: Project, run_id: str) -> Path | None:
    """Return the file that a run's events go to, None if they go to none."""
    file = project.config.openlineage.file
    if file is None:
        return project.log_folder / f"openlineage-{run_id}.jsonl"
    return Path(file.replace("{run}", run_id)) if file else None


class EventFile:
    """Append events to a file, one JSON line each.

    Args:
        path: The file; its folder is created if missing.
    """

    def __init__(self, path: Path) -> None:
        from openlineage.client.transport.file import FileConfig, FileTransport

        self.path = path
        self._transport = FileTransport(FileConfig(str(path), append=True))
        self._failed = False

    def write(self, event: RunEvent) -> None:
        """Append an event in one write, so that runs that share a file keep their lines apart."""
        if self._failed:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._transport.emit(event)
        except (OSError, RuntimeError) as error:
            self._failed = True
            log.warning("OpenLineage events cannot be written to %s: %s", self.path, error)


class Remote:
    """Send events to an endpoint from a thread of its own, in their order.

    Args:
        url: The server; empty if the environment alone configures the client.
        file: Where else the events are, for warnings; empty for nowhere.
    """

    def __init__(self, url: str, file: str) -> None:
        self.url = url
        self._target = url.rpartition("@")[2] if url else "the transport that the environment configures"
        self._file = f"; {file} has them" if file else ""
        self._accepted = False
        self._failures = 0
        self._dropped = False
        self._warned = False
        logging.getLogger("urllib3.connectionpool").addFilter(_not_ours)
        self._worker = Worker(_THREAD, self._failed)

    def send(self, event: RunEvent) -> None:
        """Queue an event."""
        self._worker.put(lambda: self._emit(event))

    def close(self, seconds: float) -> None:
        """Wait for the queued events, at most that many seconds."""
        self._worker.put(lambda: None if self._dropped else self._client.close(seconds))
        pending = self._worker.close(seconds) - 1  # without the client's own close
        if pending > 0 and not self._dropped:
            self._warn(
                f"{pending} OpenLineage events were not accepted by {self._target} within {seconds:g} s{self._file}"
            )

    @cached_property
    def _client(self) -> OpenLineageClient:
        return _client(self.url)

    def _emit(self, event: RunEvent) -> None:
        if not self._dropped:
            self._client.emit(event)
            self._accepted, self._failures = True, 0

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._dropped = not self._accepted or self._failures >= _MAX_FAILURES
        reason = f"{type(error).__name__}: {first_line(error)}"
        self._warn(f"OpenLineage events do not reach {self._target}: {reason}{self._file}")

    def _warn(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            log.warning("%s", message)


def _not_ours(record: logging.LogRecord) -> bool:
    """Drop urllib3's warning about each retry of ours."""
    return record.threadName != _THREAD


def _client(url: str) -> OpenLineageClient:
    """Return a client for a server, or as the environment configures it.

    The client reads what else the environment sets (headers, timeouts, TLS) itself; what is given here wins.
    """
    from openlineage.client import OpenLineageClient

    # `source_code` reports the repository of a flow's file; the client would report that of the working directory.
    config: dict[str, Any] = {"facets": {"source_code_location": {"disabled": True}}}
    if not has_client_config():
        config["transport"] = {"type": "http", "url": url}
        if key := os.environ.get("OPENLINEAGE_API_KEY"):
            config["transport"]["auth"] = {"type": "api_key", "apiKey": key}
        if endpoint := os.environ.get("OPENLINEAGE_ENDPOINT"):
            config["transport"]["endpoint"] = endpoint
        if not any(name.startswith("OPENLINEAGE__TRANSPORT__RETRY") for name in os.environ):
            config["transport"]["retry"] = {"total": _RETRIES}
    return OpenLineageClient(config=config)
