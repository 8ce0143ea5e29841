"""The Spark session: local by default; a standalone, YARN or Kubernetes cluster by configuration.

Under ``spark-submit`` the session that Spark was submitted with is used, and only missing settings are
added. Spark's and Ivy's own words go to a log file.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.config import Config
from lakehouse.errors import MachineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("mixlake.session")

_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Delta looks back no further than this for changes; versions are kept for good.
    "spark.databricks.delta.properties.defaults.enableChangeDataFeed": "true",
    "spark.databricks.delta.merge.repartitionBeforeWrite.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "2048",
    "spark.sql.execution.pythonUDF.arrow.enabled": "true",
}

# One machine: few shuffle partitions, no web interface, a JIT that is quick rather than thorough.
_LOCAL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "4g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "64",
    "spark.driver.extraJavaOptions": (
        # The first compiler alone gets too small a code cache by default: full, it would stop compiling.
        "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseParallelGC -Dderby.system.home={scratch}"
    ),
    "spark.sql.warehouse.dir": "{scratch}/warehouse",
    "spark.log.level": "WARN",
}


def start(config: Config, log_file: Path) -> SparkSession:
    """Start Spark, or return the session that runs already.

    Args:
        config: Its ``spark`` settings win over the defaults.
        log_file: Where Spark's own words go.

    Raises:
        MachineError: If pyspark, delta-spark or a fitting JDK is missing, or Spark did not start.
    """
    try:
        from delta import configure_spark_with_delta_pip
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MachineError(
            f"running a flow needs {error.name}", "pip install 'mixlake[spark]'; planning and SQL do without"
        ) from None
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not submitted:
        check_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        dict.fromkeys([str(config.root), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))])
    )
    settings = dict(_SETTINGS)
    master = config.spark.get("spark.master", "local[*]")
    builder = SparkSession.builder.appName("mixlake")
    if not submitted:
        builder = builder.master(master)
    if not submitted and master.startswith("local"):
        scratch = Path(tempfile.gettempdir()) / f"mixlake-{os.getpid()}"
        settings.update({key: value.format(scratch=scratch) for key, value in _LOCAL.items()})
        settings["spark.sql.shuffle.partitions"] = str(2 * (os.cpu_count() or 2))
    settings.update(config.spark)
    for key, value in settings.items():
        builder = builder.config(key, value)
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with quiet(log_file):
            session = builder.getOrCreate() if submitted else configure_spark_with_delta_pip(builder).getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        text = str(error).strip().split("\n", 1)[0]
        raise MachineError(
            f"Spark did not start: {text}", f"see {log_file}; mixlake doctor checks the machine"
        ) from error
    session.sparkContext.setLogLevel("WARN")
    return session


def ship(modules: tuple[str, ...], root: Path) -> None:
    """Send a team's own modules to the workers along with the functions that use them.

    Args:
        modules: Names of imported modules.
        root: Modules whose files lie below it are sent; installed ones are the cluster's business.
    """
    from pyspark import cloudpickle

    for name in modules:
        top = sys.modules.get(name.split(".", 1)[0])
        file = getattr(top, "__file__", None) if top else None
        if top and file and Path(file).resolve().is_relative_to(root) and ".venv" not in Path(file).parts:
            cloudpickle.register_pickle_by_value(top)  # type: ignore[no-untyped-call]


def stop() -> None:
    """Stop Spark, if it runs."""
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        active.stop()


def check_java() -> str:
    """Return the major version of the JDK.

    Raises:
        MachineError: If there is none, or it is older than 17.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java") or ""
    if not java or not Path(java).exists():
        raise MachineError(
            "no JDK found", "install one of version 17 or later (apt-get install openjdk-17-jre-headless)"
        )
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    digits = told.partition('"')[2].partition('"')[0].split(".")
    major = digits[1] if digits[0] == "1" and len(digits) > 1 else digits[0]
    if not major.isdigit() or int(major) < 17:
        raise MachineError(f"the JDK at {java} is version {major or 'unknown'}", "install version 17 or later")
    return major


@contextlib.contextmanager
def quiet(log_file: Path) -> Iterator[None]:
    """Send what this process and its children write to standard output and error to a file.

    A JVM that is started meanwhile keeps writing there for its life.
    """
    streams = {1: sys.stdout, 2: sys.stderr}
    kept = {}
    for number, stream in streams.items():
        stream.flush()
        kept[number] = os.dup(number)
    try:
        with log_file.open("ab") as file:
            for number in streams:
                os.dup2(file.fileno(), number)
            yield
    finally:
        for number, stream in streams.items():
            stream.flush()
            os.dup2(kept[number], number)
            os.close(kept[number])
