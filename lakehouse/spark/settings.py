"""The Spark settings that mixlake chooses, each with its reason. A user's own, in ``spark:``, win over all of them.

Everywhere
    Delta's extension and catalogue; UTC; timestamps in microseconds, which Arrow and delta-rs read.
    *Adaptive execution* on, with its skew join: stages are planned again from the sizes that were measured, partitions
    too small are merged, one that is five times the median is split.
    *Arrow batches* hold at most 2,048 rows (a flow's ``batch_rows`` overrides) and 64 MiB, whichever is less: rows of
    text are many, rows of media are large, and a worker holds a batch in and a batch out.
    MERGE shuffles its rows by partition before it writes, for fewer and larger files.

One machine (``local``)
    Few shuffle partitions, no web interface, a JIT that is quick rather than thorough, the driver on loopback.

A cluster
    *Shuffle partitions*: a stage starts with 1,000 and adaptive execution merges them to 64 MiB or more. It merges
    only, and splits none but skewed ones, so that the number is an upper limit: for shuffles of many TB raise
    ``spark.sql.adaptive.coalescePartitions.initialPartitionNum`` to their size over 200 MB.
    *Input splits* of 64 MiB: operators are Python and work at a few MB a second, so that a task takes about a minute
    and a lost one costs that.
    *Memory overhead* of 0.4 of an executor's heap: Arrow batches, models and Numba are in Python workers outside the
    JVM, where YARN and Kubernetes count them as overhead (Spark's own 0.1 gets such containers killed). A
    standalone worker does not count it: give executors less than the machine has.
    ``spark.executor.memory`` and cores stay Spark's (1 GiB, all cores of a standalone worker): they are the cluster's.
    *Broadcast limits* stay Spark's: 10 MB by statistics, which Delta gives. Frames that a flow broadcasts are its own
    business; ``spark.driver.maxResultSize`` (1 GiB) stops what should not have been collected.
    *Start* waits, 30 s at most, for four fifths of the executors, or else the first stages run on few.
    *Speculation* stays off: Delta itself would bear it, as a task's files count only when the driver commits them; but
    landing flows fetch from others, and an operator's time and counts would be counted twice.
    *Serialiser* stays Java's: rows move in Spark's own binary format and Python's in pickles, so that Kryo would serve
    only what the engine never ships.
    *Dynamic allocation* stays off. It works (shuffle tracking keeps executors that hold shuffles, and those that hold a
    flow's staged rows are kept for as long), but a lost executor costs a stage again, and a flow that cuts its
    plan by a local checkpoint fails with it and is repeated by the next run. Set ``spark.checkpoint.dir`` to a shared
    place where executors come and go: iterative flows then checkpoint there.
    *Local disks*: staged rows and shuffles are in ``spark.local.dir`` of each worker, which should be a fast disk with
    room for the largest table that is written.

A lake on S3
    See `lakehouse.delta.store.s3`.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
from collections.abc import Mapping
from pathlib import Path

from lakehouse.declare.config import Config
from lakehouse.delta.store import s3
from lakehouse.scratch_folder import new_scratch_folder

PACKAGES = "spark.jars.packages"
EXCLUDES = "spark.jars.excludes"
JARS = "spark.jars"
MASTER = "spark.master"
_LISTS = (PACKAGES, EXCLUDES, JARS)

_EVERYWHERE = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.skewJoin.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Delta looks back no further than this for changes; versions are kept for good.
    "spark.databricks.delta.properties.defaults.enableChangeDataFeed": "true",
    "spark.databricks.delta.merge.repartitionBeforeWrite.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "2048",
    "spark.sql.execution.arrow.maxBytesPerBatch": "64m",
    "spark.sql.execution.pythonUDF.arrow.enabled": "true",
    # Spark's own value; left out, Spark 4.2 works it out from the environment for each element that an interpreted
    # function (transform, exists, filter) reads.
    "spark.sql.types.framework.enabled": "false",
}

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
    "spark.local.dir": "{scratch}",
    "spark.log.level": "WARN",
}

_CLUSTER = {
    "spark.executorEnv.LC_ALL": "C.UTF-8",  # or the JVM finds no file whose name is not ASCII
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "4g",  # for logs of tables with a million files
    "spark.sql.adaptive.coalescePartitions.initialPartitionNum": "1000",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.files.maxPartitionBytes": "64m",
    "spark.executor.memoryOverheadFactor": "0.4",
    "spark.scheduler.minRegisteredResourcesRatio": "0.8",
    "spark.log.level": "WARN",
}


def is_local(master: str) -> bool:
    """Whether a master is this process: ``local``, ``local[4]``."""
    return master == "local" or master.startswith("local[")


@functools.cache
def _scratch(process: int) -> Path:  # noqa: ARG001 - one a process
    return new_scratch_folder("spark")


def settings(config: Config, submitted: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the settings of a session: the engine's, and over them the configuration's.

    Args:
        config: Its ``spark:`` wins; its lake decides what Spark needs to reach it.
        submitted: What ``spark-submit`` was given, None where it did not start this process. It wins over both, and
            where Spark runs and what it loaded can no longer change.

    Raises:
        ConfigError: If the options of the lake's store are wrong.
    """
    master = (submitted or config.spark).get(MASTER, "local[*]")
    chosen = dict(_EVERYWHERE)
    if is_local(master):
        scratch = _scratch(os.getpid())
        chosen.update({key: value.format(scratch=scratch) for key, value in _LOCAL.items()})
        chosen["spark.sql.shuffle.partitions"] = str(2 * (os.cpu_count() or 2))
    else:
        chosen.update(_CLUSTER)
    if s3.is_s3(config.lake):
        chosen.update(s3.s3a_settings(config.lake, config.storage, os.environ))
    chosen.update(config.spark)
    if submitted is None:
        return {**chosen, **merged(loaded(config), config.spark)}
    fixed = {MASTER, *_LISTS, *submitted}
    return {
        key: value
        for key, value in chosen.items()
        if key not in fixed and not key.startswith(("spark.driver.", "spark.ui."))
    }


def loaded(config: Config) -> dict[str, str]:
    """Return the settings that name what the JVM loads when it starts: ``spark.jars`` and its like."""
    lists = {PACKAGES: delta_package()}
    if s3.is_s3(config.lake):
        lists[PACKAGES] += "," + ",".join(s3.PACKAGES)
        lists[EXCLUDES] = ",".join(s3.EXCLUDES)
        lists[JARS] = str(s3.LOG_STORE_JAR)
    return lists


def merged(ours: Mapping[str, str], users: Mapping[str, str]) -> dict[str, str]:
    """Unite lists of jars. A user's version of a package replaces ours.

    One who names hadoop-aws chooses its AWS SDK, too.
    """
    lists = {}
    for key in _LISTS:
        mine, own = _items(ours.get(key, "")), _items(users.get(key, ""))
        if key == PACKAGES:
            taken = {_unversioned(item) for item in own}
            mine = [item for item in mine if _unversioned(item) not in taken]
        if _names_s3a(users):
            mine = [item for item in mine if "awssdk" not in item]
        if mine or own:
            lists[key] = ",".join(dict.fromkeys([*mine, *own]))
    return lists


def delta_package() -> str:
    """Return Delta's Maven coordinates that fit the installed Spark."""
    import pyspark

    release = ".".join(pyspark.__version__.split(".")[:2])
    return f"io.delta:delta-spark_{release}_2.13:{importlib.metadata.version('delta-spark')}"


def _names_s3a(users: Mapping[str, str]) -> bool:
    return any(_unversioned(item) == "org.apache.hadoop:hadoop-aws" for item in _items(users.get(PACKAGES, "")))


def _unversioned(package: str) -> str:
    return package.rpartition(":")[0]


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
