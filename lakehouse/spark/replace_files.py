# ruff: noqa: SLF001 - pyspark reaches Delta's transactions through private members only
"""Replace data files of a table by fewer ones with the same rows, in one transaction of Delta's own classes.

The documented ways do not serve (``tests/lakehouse/spark/test_replace_files.py`` shows each):

- ``option("dataChange", "false").mode("overwrite")`` rewrites the whole table, with the files that are large enough
  already: each compaction of a few small files would copy terabytes, which releases and vacuums then retain twice;
- ``executeCompaction()`` concatenates files and does not merge their rows in the order of the clustering.

The classes are Delta's internals: a release of Delta counts as supported once that test passes with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lakehouse.declare.contract import Table
from lakehouse.delta.catalog import Catalog
from lakehouse.errors import CollisionError, LakeError
from lakehouse.spark.delta_writer import committing, writer_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def replace_files(session: SparkSession, catalog: Catalog, table: Table, paths: Sequence[str], files: int) -> int:
    """Replace data files of a table by fewer ones that hold the same rows, sorted by its clustering columns.

    The commit is one of OPTIMIZE: no rows change, and the change feed has no entries for it.

    Args:
        session: A Spark session of its own; the table's writer options become settings of it.
        catalog: The lake's catalog.
        table: The table's contract.
        paths: The files, as its log names them.
        files: How many to write.

    Returns:
        The version that holds the commit.

    Raises:
        CollisionError: If another writer removed one of the files meanwhile.
        LakeError: If the store refused.
    """
    writer_settings(session, table)
    with committing(table.name):
        delta = _Transaction(session, catalog.table_uri(table.name))
        old = delta.files(paths)
        rows = delta.rows(old)
        if table.cluster_by:
            ordered = rows.repartitionByRange(files, *table.cluster_by).sortWithinPartitions(*table.cluster_by)
        else:
            ordered = rows.coalesce(files)
        return delta.replace(old, ordered)


class _Transaction:
    """One Delta transaction, which the Python interface does not offer; see `OptimizeExecutor` in Delta's source."""

    def __init__(self, session: SparkSession, uri: str) -> None:
        jvm: Any = session._jvm
        self._session = session
        self._jvm = jvm
        self._delta = jvm.org.apache.spark.sql.delta
        self._log = self._delta.DeltaLog.forTable(session._jsparkSession, uri)
        self._transaction = self._log.startTransaction()

    def files(self, paths: Sequence[str]) -> list[Any]:
        """Return the actions that added some files.

        Raises:
            CollisionError: If one of them is no longer part of the table.
        """
        from pyspark.sql import functions as F

        wanted: Any = F.col("path").isin(list(paths))
        found = list(self._transaction.snapshot().allFiles().where(wanted._jc).collectAsList())
        if len(found) < len(paths):
            raise CollisionError("files were removed meanwhile", "it is planned again")
        return found

    def rows(self, added: Sequence[Any]) -> DataFrame:
        """Return the rows of some files."""
        from pyspark.sql import DataFrame

        why = self._jvm.scala.Option.apply("Optimize")
        frame = self._log.createDataFrame(self._transaction.snapshot(), self._sequence(added), False, why)
        return DataFrame(frame, self._session)

    def replace(self, removed: Sequence[Any], rows: DataFrame) -> int:
        """Write rows, and commit them in place of some files."""
        written = self._list(self._transaction.writeFiles(rows._jdf))
        before, after = (self._rows_of(files) for files in (removed, written))
        if before is not None and before != after:
            raise LakeError(f"{before} rows were read and {after} written, so that nothing was committed", "try again")
        now = int(time.time() * 1000)
        actions = [file.removeWithTimestamp(now, False) for file in removed]
        read = getattr(self._delta.actions, "Action$").__getattr__("MODULE$").fromJson
        for file in written:
            action = json.loads(file.json())
            action["add"]["dataChange"] = False
            actions.append(read(json.dumps(action)))
        none = self._sequence([])
        how = getattr(self._delta, "DeltaOperations$Optimize")(none, none, False, self._jvm.scala.Option.empty(), False)
        return int(self._transaction.commit(self._sequence(actions), how))

    def _rows_of(self, files: Sequence[Any]) -> int | None:
        """Return the row count of some files from their statistics, None where one has none."""
        counts = [json.loads(json.loads(file.json())["add"].get("stats") or "{}").get("numRecords") for file in files]
        return None if None in counts else sum(counts)

    def _sequence(self, items: Sequence[Any]) -> Any:
        return self._jvm.scala.jdk.javaapi.CollectionConverters.asScala(
            self._jvm.java.util.ArrayList(list(items))
        ).toSeq()

    def _list(self, sequence: Any) -> list[Any]:
        return list(self._jvm.scala.jdk.javaapi.CollectionConverters.asJava(sequence))
