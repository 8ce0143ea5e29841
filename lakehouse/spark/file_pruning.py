"""Read only the files that hold the given keys.

Where keys are scattered, as digests are, statistics do not show which files contain them. The table's key columns
do: they are a small part of its bytes. Files that contain none of the keys are then not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.delta.catalog import Catalog
from lakehouse.engine import AffectedKeys
from lakehouse.spark.key_range import within

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Bytes below which a table is read whole, which is cheaper than to look first.
LARGE = 128 << 20
# Files at most that are read by name; the driver learns their names.
_FILES = 1000
# Characters with a special meaning in a Parquet reader's path.
_GLOB = frozenset("*?[]{}\\%")
# Names of files that a Parquet reader passes over, as Hadoop does.
_HIDDEN = ("_", ".")
_ORIGIN = "_origin"


@dataclass(frozen=True)
class KeysOf:
    """Keys, and what of a row is compared with them.

    Args:
        own: An expression over a row.
        wanted: The keys.
    """

    own: Column
    wanted: AffectedKeys


def rows_with_keys(whole: DataFrame, catalog: Catalog, name: str, version: int, keys: KeysOf) -> DataFrame:
    """Return the rows of a table at a version whose key is among some.

    Args:
        whole: The table at that version.
        catalog: The lake's catalog.
        name: The table's name.
        version: The version.
        keys: The keys, and what is compared with them.
    """
    from pyspark.sql import functions as F

    own, bounds = keys.own, keys.wanted.key_range
    wanted = keys.wanted.rows.toDF(_ORIGIN)
    # Another type has another order: numbers, and texts of numbers.
    if bounds is not None and whole.select(own).dtypes[0][1] != wanted.dtypes[0][1]:
        bounds = None

    def matching(rows: DataFrame) -> DataFrame:
        return rows.join(wanted, own.eqNullSafe(F.col(_ORIGIN)), "left_semi")

    def in_range(rows: DataFrame) -> DataFrame:
        return rows.where(within(own, bounds)) if bounds is not None else rows

    names = _files(catalog, name, version)
    max_files = min(_FILES, len(names) // 2)
    if not max_files:
        return matching(in_range(whole))
    located = in_range(whole).select(own.alias("_own"), F.col("_metadata.file_name").alias("_file"))
    matched = located.join(wanted, F.col("_own").eqNullSafe(F.col(_ORIGIN)), "left_semi").select("_file").distinct()
    files = [row["_file"] for row in matched.limit(max_files + 1).collect()]
    if len(files) > max_files or not names.issuperset(files):
        return matching(in_range(whole))
    if not files:
        return whole.limit(0)
    paths = [f"{catalog.table_uri(name)}/{file}" for file in sorted(files)]
    return matching(in_range(whole.sparkSession.read.schema(whole.schema).parquet(*paths)))


def _files(catalog: Catalog, name: str, version: int) -> set[str]:
    """Return the names of a large table's data files, none where it is small or is more than what its files hold."""
    opened = catalog.open(name, version)
    uri = catalog.table_uri(name)
    # What requires more of readers, such as deletion vectors and column mapping, is not in single files.
    if opened.protocol().min_reader_version > 1 or opened.metadata().partition_columns or _GLOB & set(uri):
        return set()
    added = pa.table(opened.get_add_actions())
    if int(pc.sum(added["size_bytes"]).as_py() or 0) < LARGE:
        return set()
    names = added["path"].to_pylist()
    plain = not any("/" in path or path.startswith(_HIDDEN) or _GLOB & set(path) for path in names)
    return set(names) if plain else set()
