"""Choose the engine of a flow: this process for what is small, Spark for all else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN, Flow
from lakehouse.declare.portable_expression import NotPortableError, to_duckdb
from lakehouse.declare.writer_options import spark_only
from lakehouse.delta.store.object_store import commits_through_dynamodb
from lakehouse.delta.writer_features import unsupported_feature
from lakehouse.errors import FlowError
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project

# Bytes of the files that a flow has to read, up to which it runs in this process. On two cores an operator and a SQL
# flow over 1 GiB of files took 0.8 of the time that Spark on the same machine took, over 123 MiB 0.4; the start of
# Spark weighs less, the more there is to read (tests/bench/engine_choice.py).
EMBEDDED_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine that runs a flow.

    Args:
        engine: embedded or spark.
        reason: Why.
    """

    engine: Literal["embedded", "spark"]
    reason: str

    def as_dict(self) -> dict[str, str]:
        """Return what ``mixlake plan --json`` prints of it."""
        return {"engine": self.engine, "engine_reason": self.reason}


def choose_engine(project: Project, item: FlowPlan) -> EngineChoice:
    """Choose the engine of a planned flow.

    Args:
        project: The project; its configuration may name one.
        item: The flow, with the input versions that it reads.

    Raises:
        FlowError: If an engine is requested that cannot run the flow.
    """
    requested = project.config.engine
    needs = spark_reason(project, item.flow)
    if item.flow.kind == "sql" and item.flow.dialect == "duckdb":
        return _only_embedded(item.flow, requested, needs)
    if requested == "spark":
        return EngineChoice("spark", "engine: spark")
    if requested == "embedded":
        if needs:
            raise FlowError(f"{item.flow.id} cannot run embedded: {needs}", "run it with --engine auto or spark")
        return EngineChoice("embedded", "engine: embedded")
    if "PYSPARK_GATEWAY_PORT" in os.environ or "spark.master" in project.config.spark:
        return EngineChoice("spark", "Spark's master is given")
    return EngineChoice("spark", needs) if needs else _by_size(project, item)


def _only_embedded(flow: Flow, requested: str, needs: str) -> EngineChoice:
    """Choose for a SQL flow of DuckDB's dialect."""
    if requested == "spark" or needs:
        raise FlowError(
            f"{flow.id} cannot run on Spark: its SQL is of DuckDB's dialect" + (f", but {needs}" if needs else ""),
            "run it with --engine auto, or write its SQL in Spark's dialect",
        )
    return EngineChoice("embedded", "its SQL is of DuckDB's dialect")


def _by_size(project: Project, item: FlowPlan) -> EngineChoice:
    size = _bytes_to_read(project, item)
    if size > EMBEDDED_BYTES:
        return EngineChoice("spark", f"it may read {size >> 20} MiB, more than {EMBEDDED_BYTES >> 20}")
    return EngineChoice("embedded", f"it reads {size >> 20} MiB at most")


def spark_reason(project: Project, flow: Flow) -> str:
    """Return why a flow can run on Spark alone, empty where it need not."""
    if flow.kind == "frame":
        return "it is a frame flow"
    if flow.kind == "sql" and flow.dialect == "spark":
        return "its SQL is of Spark's dialect"
    reason = _feature_reason(project, flow.writes.name) or _writing_reason(flow.writes)
    if reason:
        return reason
    types = {column.name: column.stored_type for column in flow.writes.columns}
    try:
        for check in flow.writes.checks:
            to_duckdb(check.sql, types)
        if flow.incremental:
            to_duckdb(flow.source_key_sql, types)
        for read in flow.reads.values():
            for source in project.registry.sources(read) if read.where else ():
                columns = {column.name: column.stored_type for column in source.columns}
                to_duckdb(read.where, {**columns, TABLE_PSEUDO_COLUMN: pa.string()})
    except NotPortableError as error:
        return error.message
    return ""


def _feature_reason(project: Project, name: str) -> str:
    """Return which feature of a stored table, or of its store, the embedded engine does not keep to."""
    if commits_through_dynamodb(project.catalog.uri, project.catalog.storage_options):
        return "its commits go through DynamoDB"
    if not project.catalog.has(name):
        return ""
    feature = unsupported_feature(project.catalog.log(name))
    return f"{name} uses the Delta feature {feature}" if feature else ""


def _writing_reason(table: Table) -> str:
    """Return why a table can be written by Spark alone."""
    if option := spark_only(table.writer_options):
        return f"{table.name} has the writer option {'='.join(option)}"
    for name in table.key:
        kind = table.column(name).type
        # Of NaN and of signed zeros Spark and Polars say differently what equals what.
        if pa.types.is_floating(kind) or pa.types.is_nested(kind) or pa.types.is_unsigned_integer(kind):
            return f"the key {name} of {table.name} is {kind}"
    return ""


def _bytes_to_read(project: Project, item: FlowPlan) -> int:
    """Return the bytes of the files of a flow's inputs, and of the table that it writes."""
    size = 0
    versions = {**item.inputs, **({item.writes: item.last.version} if item.last else {})}
    for name, version in versions.items():
        if version >= 0:
            # pa.table would load pandas, to see whether it is given a data frame.
            added = pa.RecordBatchReader.from_stream(project.catalog.open(name, version).get_add_actions()).read_all()
            size += int(pc.sum(added["size_bytes"]).as_py() or 0)
    return size
