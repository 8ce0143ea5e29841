"""Where events go: a file of JSON lines, and an HTTP endpoint. Needs the package openlineage-python.

Neither raises: a lake is worked on whether or not somebody listens. What goes wrong is warned of once.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import RunEvent
from openlineage.client.serde import Serde

from lakehouse.declare.openlineage_config import foreign_transport
from lakehouse.run.openlineage.worker import Worker

log = logging.getLogger("mixlake.openlineage")

# An endpoint that has taken events is given up after so many failures in a row; one that has not, after the first.
_PATIENCE = 3
_RETRIES = 2


class File:
    """Appends events to a file, a line each.

    Args:
        path: The file; its folder is made where it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._failed = False

    def write(self, event: RunEvent) -> None:
        """Append an event in one write, so that runs that share a file keep their lines apart."""
        if self._failed:
            return
        line = (Serde.to_json(event) + "\n").encode()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            place = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(place, line)
            finally:
                os.close(place)
        except OSError as error:
            self._failed = True
            log.warning("OpenLineage events cannot be written to %s: %s", self.path, error.strerror or error)


class Remote:
    """Sends events to an endpoint, from a thread of its own.

    Args:
        url: The server; empty where the environment alone says where events go.
        place: Where else the events are, for warnings; empty for nowhere.
    """

    def __init__(self, url: str, place: str) -> None:
        self.url = url
        self.place = f"; {place} has them" if place else ""
        self._client: OpenLineageClient | None = None
        self._taken = 0
        self._failures = 0
        self._warned = False
        self._given_up = False
        self._quiet = _Quiet()
        logging.getLogger("urllib3.connectionpool").addFilter(self._quiet)
        self._worker: Worker[Callable[[], None]] = Worker("openlineage-remote", self._guarded)

    def send(self, event: RunEvent) -> None:
        """Hand an event over."""
        self._worker.put(lambda: self._send(event))

    def close(self, seconds: float) -> None:
        """Wait for what is under way, at most so long."""
        self._worker.put(lambda: self._flush(seconds))
        left = self._worker.close(seconds)
        logging.getLogger("urllib3.connectionpool").removeFilter(self._quiet)
        # One of what is left is the flush.
        if left > 1 and not self._given_up:
            self._warn(
                f"{left - 1} OpenLineage events were not taken by {self._named()} within {seconds:g} s{self.place}"
            )

    def _send(self, event: RunEvent) -> None:
        if self._client is None:
            self._client = _client(self.url)
        self._client.emit(event)
        self._taken += 1
        self._failures = 0

    def _flush(self, seconds: float) -> None:
        """Let a transport that collects events send them."""
        if self._client is not None:
            self._client.close(seconds)

    def _guarded(self, step: Callable[[], None]) -> None:
        if self._given_up:
            return
        self._quiet.thread = threading.get_ident()
        try:
            step()
        except Exception as error:  # noqa: BLE001 - whatever a transport raises
            self._failures += 1
            self._given_up = not self._taken or self._failures >= _PATIENCE
            first = str(error).split("\n", 1)[0][:200]
            self._warn(f"OpenLineage events do not reach {self._named()}: {type(error).__name__}: {first}{self.place}")

    def _warn(self, text: str) -> None:
        if not self._warned:
            self._warned = True
            log.warning("%s", text)

    def _named(self) -> str:
        return self.url.rpartition("@")[2] if self.url else "the transport that the environment names"


class _Quiet(logging.Filter):
    """Keeps urllib3 from telling of each try, where it tries for us."""

    thread: int | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread is None or record.thread != self.thread


def _client(url: str) -> OpenLineageClient:
    """Return a client for a server, or as the environment sets it up.

    The client reads what else the environment holds (headers, timeouts, TLS) itself; what is given here wins.
    """
    # Where code is kept is told of the flow's own file, not of the folder in which mixlake was started.
    config: dict[str, Any] = {"facets": {"source_code_location": {"disabled": True}}}
    if not foreign_transport():
        config["transport"] = {"type": "http", "url": url}
        if key := os.environ.get("OPENLINEAGE_API_KEY"):
            config["transport"]["auth"] = {"type": "api_key", "apiKey": key}
        if endpoint := os.environ.get("OPENLINEAGE_ENDPOINT"):
            config["transport"]["endpoint"] = endpoint
        if not any(name.startswith("OPENLINEAGE__TRANSPORT__RETRY") for name in os.environ):
            config["transport"]["retry"] = {"total": _RETRIES}
    return OpenLineageClient(config=config)
