"""Start Spark for a run, once and only if a flow needs it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.project import Project
from lakehouse.run.listener import Listener
from lakehouse.spark.code_archive import distribute_code
from lakehouse.spark.session import require_ready, start

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class SparkHandle:
    """Starts Spark when the first flow needs it.

    Args:
        project: The project.
        log_file: Where Spark's log goes.
        listener: Called once Spark is up.
        seconds: Time that its start took; 0 before it.
    """

    project: Project
    log_file: Path
    listener: Listener
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: SparkSession | None = None

    def get(self) -> SparkSession:
        """Return the session, started at the first call; threads share one."""
        with self._lock:
            if self._session is None:
                clock = time.monotonic()
                session = start(self.project.config, self.log_file)
                require_ready(session, self.project)
                distribute_code(session, self.project.config.modules, self.project.config.root)
                self._session = session
                self.seconds = time.monotonic() - clock
                self.listener.session(self.seconds)
            return self._session

    def cancel(self) -> None:
        """Cancel what runs on Spark, if it is up."""
        if self._session is not None:
            self._session.sparkContext.cancelAllJobs()

    @property
    def started(self) -> bool:
        """Whether Spark is up."""
        return self._session is not None
