"""The Spark session: local by default; a standalone, YARN or Kubernetes cluster by configuration.

Under ``spark-submit`` what Spark was submitted with wins, and only missing settings are added; see
`lakehouse.spark.settings`. Spark's and Ivy's output goes to a log file.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.declare.config import Config
from lakehouse.delta.store import s3
from lakehouse.delta.store.conditional_put import require_atomic_commits
from lakehouse.errors import MachineError, first_line
from lakehouse.interruption import on_interrupt
from lakehouse.project import Project
from lakehouse.spark.settings import JARS, MASTER, PACKAGES, settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_HADOOP = "spark.hadoop."
# PySpark's loggers of errors in frames and in SQL; each has a handler of its own, for standard error.
_QUERY_LOGGERS = ("DataFrameQueryContextLogger", "SQLQueryContextLogger")


def start(config: Config, log_file: Path) -> SparkSession:
    """Start Spark, or return the session that runs already.

    Args:
        config: Its ``spark`` settings win over the defaults.
        log_file: Where Spark's output goes.

    Raises:
        MachineError: If pyspark, delta-spark or a fitting JDK is missing, or Spark did not start.
    """
    try:
        import delta  # noqa: F401 - the jar's version is that of the package
        from py4j.protocol import Py4JError
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MachineError(
            f"running a flow on Spark needs {error.name}",
            "pip install 'mixlake[spark]', or run it with --engine embedded where it can",
        ) from None
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    submitted = _submitted()
    if submitted is None:
        check_java()
        _log_queries_to(log_file)
    _choose_python(config)
    wanted = settings(config, submitted)
    # Not to Spark's command line, which all users of the machine can read.
    secrets = {key: wanted.pop(key) for key in list(wanted) if key.startswith(_HADOOP) and s3.is_secret(key)}
    if submitted is None:
        wanted.setdefault(MASTER, "local[*]")
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        log_file.touch()
    except OSError as error:
        raise MachineError(
            f"Spark's log {log_file} cannot be written: {error.strerror}", "check the place, its rights and free space"
        ) from None
    try:
        with quiet(log_file), _no_fork():
            if submitted is None:
                SparkContext._ensure_initialized(conf=SparkConf().setAll(list(wanted.items())))  # noqa: SLF001
                # The JVM made one list of the jars and of what the packages hold, which executors are sent. To name
                # the jars once more would put them in its place.
                wanted.pop(JARS, None)
            builder = SparkSession.builder.appName("mixlake")
            for key, value in wanted.items():
                builder = builder.config(key, value)
            session = builder.getOrCreate()
    except (PySparkException, Py4JError, RuntimeError, OSError) as error:
        raise MachineError(
            f"Spark did not start: {first_line(error)}", f"see {log_file}; mixlake doctor checks the machine"
        ) from error
    _require_utf8_names(session, config.lake)
    session.sparkContext.setLogLevel("WARN")
    hadoop = session.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001 - no public way
    for key, value in secrets.items():
        hadoop.set(key.removeprefix(_HADOOP), value)
    return session


def _log_queries_to(log_file: Path) -> None:
    """Send to a file what PySpark logs of each failed query in this process, by default as JSON on standard error."""
    from pyspark.logger import PySparkLogger

    for name in _QUERY_LOGGERS:
        logger = PySparkLogger.getLogger(name)
        for handler in [one for one in logger.handlers if type(one) in {logging.StreamHandler, _LogFile}]:
            logger.removeHandler(handler)
            handler.close()
        logger.addHandler(_LogFile(log_file, encoding="utf-8", delay=True))
        logger.propagate = False


class _LogFile(logging.FileHandler):
    """The handler that writes to Spark's log."""


def _submitted() -> Mapping[str, str] | None:
    """Return what ``spark-submit`` was given, None where it did not start this process."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return None
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()  # noqa: SLF001 - the JVM holds the settings
    return dict(SparkConf().getAll())


def _choose_python(config: Config) -> None:
    """Let workers run the interpreter that the configuration names, by default this one."""
    chosen = config.spark.get("spark.pyspark.python")
    if chosen:
        os.environ["PYSPARK_PYTHON"] = chosen
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def require_ready(session: SparkSession, project: Project) -> None:
    """Tell a session how to reach a lake, and refuse one that cannot write it, or not without danger to its commits.

    Raises:
        MachineError: If Delta, or for a lake on S3 S3A or a log store that commits atomically, was not loaded.
        LakeError: If the lake's store does not honour conditional puts.
    """
    needed = {"io.delta.sql.DeltaSparkSessionExtension": PACKAGES}
    if s3.is_s3(project.catalog.uri):
        require_atomic_commits(project.catalog.uri, project.config.storage)
        context = session.sparkContext
        hadoop = context._jsc.hadoopConfiguration()  # noqa: SLF001 - no public way
        for key, value in s3.s3a_settings(project.catalog.uri, project.config.storage, os.environ).items():
            if key.startswith(_HADOOP):  # a session that was started for another lake now has this one's bucket
                hadoop.setIfUnset(key.removeprefix(_HADOOP), value)
        chosen = context.getConf().get(s3.LOG_STORE_SETTING, "") or ""
        if not chosen or chosen.endswith("S3SingleDriverLogStore"):
            raise MachineError(
                f"this Spark could lose commits of other writers to {project.catalog.uri}: its log store is not atomic",
                f"start it with {s3.LOG_STORE_SETTING}={s3.LOG_STORE}; mixlake package writes a spark.conf that does",
            )
        needed |= {"org.apache.hadoop.fs.s3a.S3AFileSystem": PACKAGES, chosen: JARS}
    _require_classes(session, needed)


def _require_classes(session: SparkSession, needed: Mapping[str, str]) -> None:
    from py4j.protocol import Py4JError

    loader = session._jvm.java.lang.Thread.currentThread().getContextClassLoader()  # type: ignore[union-attr]  # noqa: SLF001
    for name, setting in needed.items():
        try:
            loader.loadClass(name)
        except Py4JError:
            raise MachineError(
                f"this Spark was started without {name}",
                f"name it in {setting}; mixlake package writes a spark.conf that does, for spark-submit "
                "--properties-file",
            ) from None


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
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    digits = output.partition('"')[2].partition('"')[0].split(".")
    major = digits[1] if digits[0] == "1" and len(digits) > 1 else digits[0]
    if not major.isdigit() or int(major) < 17:
        raise MachineError(f"the JDK at {java} is version {major or 'unknown'}", "install version 17 or later")
    return major


def utf8_locale(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which a JVM reads file names as UTF-8; none where those that are set do.

    Args:
        environment: Variables of the process.
    """
    locale = next((environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), "")
    return {} if "utf8" in locale.lower().replace("-", "") else {"LC_ALL": "C.UTF-8"}


def _require_utf8_names(session: SparkSession, lake: str) -> None:
    """Refuse a JVM that was started by spark-submit and does not find the files of a lake.

    Raises:
        MachineError: If the lake's folder is not ASCII, and the JVM reads file names in another encoding than UTF-8.
    """
    encoding = str(session._jvm.java.lang.System.getProperty("sun.jnu.encoding"))  # type: ignore[union-attr]  # noqa: SLF001
    if "://" not in lake and not lake.isascii() and encoding.upper() != "UTF-8":
        raise MachineError(
            f"the lake's folder, {lake}, is not ASCII, and Spark's JVM reads file names as {encoding}",
            "set LC_ALL=C.UTF-8 where spark-submit is called",
        )


@contextlib.contextmanager
def _no_fork() -> Iterator[None]:
    """Start the JVM without a fork of this process, in whose child the threads of Arrow, DuckDB and others are gone.

    PySpark forks to have the JVM ignore Ctrl-C; in a process group of its own the JVM does not receive it. It reads
    names of files as UTF-8, as delta-rs and Python do, whatever the locale.
    """
    from pyspark import java_gateway

    module: Any = java_gateway
    popen = module.Popen

    def start_in_group(command: Sequence[str], **options: Any) -> Any:
        environment = {**(options.get("env") or os.environ), **utf8_locale(os.environ)}
        return popen(command, **{**options, "preexec_fn": None, "process_group": 0, "env": environment})

    module.Popen = start_in_group
    try:
        yield
    finally:
        module.Popen = popen


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

    def restore() -> None:
        for number, stream in streams.items():
            stream.flush()
            os.dup2(kept[number], number)

    try:
        # One who interrupts is told so on the terminal.
        with log_file.open("ab") as file, on_interrupt(restore):
            for number in streams:
                os.dup2(file.fileno(), number)
            yield
    finally:
        restore()
        for descriptor in kept.values():
            os.close(descriptor)


def spark_log_file(project: Project, run_id: str) -> Path:
    """Return the file of Spark's log of a run."""
    return project.log_folder / f"spark-{run_id}.log"
