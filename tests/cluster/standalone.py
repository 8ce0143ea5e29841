"""A Spark standalone cluster on this machine: a master and workers, each a process of its own, on loopback.

    python tests/cluster/standalone.py --folder ./cluster            # runs until Ctrl-C
    mixlake run --master spark://127.0.0.1:PORT                       # in another terminal

It is the installed pyspark's own cluster: executors are further processes, and reach the driver by network only.
Logs and work folders lie in the given folder. All processes are stopped when this one ends, however it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"
_STARTED = re.compile(r"Starting Spark master at (spark://\S+)")
_REGISTERED = "Successfully registered with master"
_PATIENCE = 120.0
# Each look at a small table's log is 50 tasks by default, which is most of the time of flows as small as the tests'.
FEW_TASKS = {"spark.databricks.delta.snapshotPartitions": "2"}
# What would let workers find code or an interpreter that they are not meant to have.
_NOT_HANDED_ON = ("PYTHONPATH", "PYSPARK_", "SPARK_", "MIXLAKE_", "VIRTUAL_ENV")


class ClusterError(RuntimeError):
    """The cluster did not come up."""


@dataclass
class Cluster:
    """One master and some workers.

    Args:
        folder: Where logs, work folders and local disks lie.
        workers: How many workers there are.
        cores: Cores of each.
        memory: Memory of each that executors may take, e.g. "1g".
        environment: Further variables of the workers, which executors inherit.
    """

    folder: Path
    workers: int = 2
    cores: int = 1
    memory: str = "1g"
    environment: dict[str, str] = field(default_factory=dict)
    master: str = ""
    _processes: list[subprocess.Popen] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the master, then the workers, and wait until all are there."""
        try:
            log = self._launch("master", MASTER, "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
            self.master = self._wait_for(log, _STARTED)
            logs = []
            for number in range(1, self.workers + 1):
                name = f"worker-{number}"
                sizes = ["--cores", str(self.cores), "--memory", self.memory]
                ports = ["--host", "127.0.0.1", "--webui-port", "0", "--work-dir", str(self.folder / name)]
                logs.append(self._launch(name, WORKER, *sizes, *ports, self.master))
            for log in logs:
                self._wait_for(log, re.compile(f"({_REGISTERED})"))
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all processes: politely, so that workers take their executors along, then by force."""
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def logs(self) -> str:
        """Return the ends of all logs, for a message about what went wrong."""
        files = [*self.folder.glob("*.log"), *self.folder.glob("worker-*/app-*/*/std*")]
        return "\n".join(f"== {path}\n{path.read_text(errors='replace')[-2000:]}" for path in sorted(files))

    def _launch(self, name: str, role: str, *arguments: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "conf").mkdir(exist_ok=True)
        home = Path(importlib.util.find_spec("pyspark").origin).parent
        log = self.folder / f"{name}.log"
        environment = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_HANDED_ON)}
        environment |= {
            "SPARK_HOME": str(home),
            "SPARK_CONF_DIR": str(self.folder / "conf"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.folder / f"{name}-local"),
            "SPARK_DAEMON_MEMORY": "256m",
            **self.environment,
        }
        with log.open("wb") as out:
            process = subprocess.Popen(
                [str(home / "bin" / "spark-class"), role, *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - it calls the kernel only
            )
        self._processes.append(process)
        return log

    def _wait_for(self, log: Path, pattern: re.Pattern[str]) -> str:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if found := pattern.search(log.read_text(errors="replace")):
                return found[1]
            if any(process.poll() is not None for process in self._processes):
                break
            time.sleep(0.1)
        raise ClusterError(f"{log.stem} did not start; its log:\n{log.read_text(errors='replace')[-3000:]}")


def _die_with_parent() -> None:
    """Have the kernel end the process when the one that started it is killed (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def main(argv: list[str] | None = None) -> int:
    """Run a cluster until interrupted."""
    parser = argparse.ArgumentParser(
        description="Run a Spark standalone cluster on this machine until Ctrl-C.",
        epilog="example: python tests/cluster/standalone.py --workers 2 --memory 2g",
    )
    parser.add_argument("--folder", type=Path, help="where logs and work folders lie (default: a temporary folder)")
    parser.add_argument("--workers", type=int, default=2, help="workers (default: 2)")
    parser.add_argument("--cores", type=int, default=1, help="cores of each worker (default: 1)")
    parser.add_argument("--memory", default="1g", help="memory of each worker (default: 1g)")
    given = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mixlake-cluster-")))
        cluster = Cluster(folder.absolute(), given.workers, given.cores, given.memory)
        stack.enter_context(cluster)
        print(f"master {cluster.master}, {given.workers} workers, logs in {folder}; Ctrl-C stops it", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
