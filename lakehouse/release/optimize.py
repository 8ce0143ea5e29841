"""Compact small files into fewer, in the order of a table's clustering.

No rows change, and neither do content digests, the change feed and the states of flows. Replaced files stay until a
vacuum, for the versions that reference them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import ADDRESSES_FILES, Table
from lakehouse.delta.data_files import addresses_files
from lakehouse.delta.history import input_versions
from lakehouse.delta.retry import retry
from lakehouse.delta.schema_drift import compare_schema
from lakehouse.errors import CollisionError, LakeError, UsageError, unknown_table
from lakehouse.project import Project
from lakehouse.spark.replace_files import replace_files
from lakehouse.spark.session import spark_log_file, start

log = logging.getLogger("mixlake.optimize")

TARGET_BYTES = 128 << 20
# A file of nearly the target size is left alone, so that it is not rewritten each time that a small one is added.
_LARGE = 0.75
# Bytes that one commit rewrites, so that a kill loses no more than this.
_STEP_BYTES = 64 << 30
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of a compaction.

    Args:
        paths: Files to replace, as the log names them, in the order of the first clustering column.
        bytes: Their bytes.
        files: How many take their place.
    """

    paths: tuple[str, ...]
    bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class TableOptimize:
    """The compaction of one table.

    Args:
        table: The table.
        files: Its data files.
        steps: The commits to make, none where nothing is gained.
        reason: Why nothing is done, empty where something is.
        version: Version afterwards; None where nothing was committed.
        failed: Whether it was attempted without success.
    """

    table: str
    files: int
    steps: tuple[Step, ...] = ()
    reason: str = ""
    version: int | None = None
    failed: bool = False

    @property
    def files_after(self) -> int:
        """Data files afterwards."""
        return self.files - sum(len(step.paths) - step.files for step in self.steps)

    @property
    def bytes(self) -> int:
        """Bytes to rewrite."""
        return sum(step.bytes for step in self.steps)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake optimize --json`` prints."""
        return {
            "table": self.table,
            "files": self.files,
            "files_after": self.files_after,
            "bytes": self.bytes,
            "version": self.version,
            "reason": self.reason,
            "failed": self.failed,
        }


def optimize(
    project: Project, tables: Iterable[str] | None = None, *, target_bytes: int = TARGET_BYTES, dry_run: bool = False
) -> list[TableOptimize]:
    """Compact the small files of tables.

    Args:
        project: The project.
        tables: The tables; by default all but those whose files another table's rows name: of these, both the
            old files and the new ones are retained until the other is rewritten.
        target_bytes: About the size of a compacted file.
        dry_run: Change nothing, and start no JVM.

    Returns:
        What was done, or would be, one entry per table.

    Raises:
        TableNotFoundError: If a table does not exist.
        UsageError: If the size is not positive.
    """
    if target_bytes <= 0:
        raise UsageError(f"a target of {target_bytes} bytes is not possible", "give a size above 0")
    names = project.catalog.names()
    chosen = names if tables is None else list(dict.fromkeys(tables))
    for name in chosen:
        if name not in names:
            raise unknown_table(name, names)
    addressed = {} if tables is not None else _addressed(project, names)
    planned = []
    for name in chosen:
        try:
            planned.append(_plan_table(project, name, addressed.get(name, ""), target_bytes))
        except LakeError as error:
            planned.append(TableOptimize(name, 0, reason=str(error), failed=True))
    if dry_run or not any(item.steps for item in planned):
        return planned
    return [_compact_table(project, item, target_bytes) if item.steps else item for item in planned]


def _addressed(project: Project, names: Iterable[str]) -> dict[str, str]:
    """Return the tables whose files another table's rows name, with that table."""
    found = {}
    for name in names:
        contract = project.registry.tables.get(name)
        try:
            table = project.catalog.open(name)
        except LakeError:
            continue  # what its rows name is unknown, and they cannot be read in any case
        if addresses_files(table) or (contract is not None and (ADDRESSES_FILES, "true") in contract.properties):
            found.update(dict.fromkeys(input_versions(table), name))
    return found


def _plan_table(project: Project, name: str, addressed_by: str, target_bytes: int) -> TableOptimize:
    table = project.catalog.open(name)
    actions = pa.table(table.get_add_actions(flatten=True))
    plain = TableOptimize(name, actions.num_rows)
    contract = project.registry.tables.get(name)
    if contract is None:
        return replace(plain, reason="no contract declares it, so that its layout is unknown")
    if contract.partition_by:
        return replace(plain, reason="its writer determines its files")
    steps = tuple(_steps(actions, contract, target_bytes))
    if not steps:
        return replace(plain, reason="there is nothing to gain")
    if addressed_by:
        return replace(plain, reason=f"{addressed_by} names its files; name {name} to compact it anyway")
    change = compare_schema(table, contract)
    if change.added or change.incompatible or change.renamed:
        return replace(plain, reason=f"its contract has changed; run its flow first: mixlake run {name}")
    return replace(plain, steps=steps)


def _steps(actions: pa.Table, contract: Table, target_bytes: int) -> Iterator[Step]:
    """Cut the small files into neighbours that one commit rewrites."""
    small = actions.filter(pc.less(actions["size_bytes"], int(target_bytes * _LARGE)))
    order = f"min.{contract.cluster_by[0]}" if contract.cluster_by else ""
    if order in small.column_names:
        small = small.sort_by(order)
    paths, sizes = small["path"].cast(pa.string()), small["size_bytes"].cast(pa.int64())
    place = pc.subtract(pc.cumulative_sum(sizes), sizes) if small.num_rows else sizes
    step = pc.divide(place, max(_STEP_BYTES, target_bytes))
    for number in pc.unique(step).to_pylist():
        here = pc.equal(step, number)
        total = int(pc.sum(sizes.filter(here)).as_py())
        names = tuple(paths.filter(here).to_pylist())
        files = max(1, round(total / target_bytes))
        if files < len(names):
            yield Step(names, total, files)


def _compact_table(project: Project, item: TableOptimize, target_bytes: int) -> TableOptimize:
    """Compact one table; where another writer comes in between, plan it again."""
    contract = project.registry.tables[item.table]
    root = start(project.config, spark_log_file(project, f"optimize-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
    version: int | None = None
    steps = list(item.steps)

    def compact() -> TableOptimize | None:
        nonlocal version, steps
        try:
            for step in steps:
                version = replace_files(root.newSession(), project.catalog, contract, step.paths, step.files)
        except CollisionError as error:
            log.info("%s", error)
            steps = list(_plan_table(project, item.table, "", target_bytes).steps)
            return None
        return replace(item, version=version)

    try:
        return retry(compact, CollisionError("other writers committed first each time", "try again"), _ATTEMPTS)
    except CollisionError as error:
        return replace(item, version=version, failed=True, reason=error.message)
