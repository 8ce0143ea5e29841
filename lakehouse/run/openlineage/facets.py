"""Make facets from contracts, plans, commit notes and Delta's log.

Their classes are those of openlineage-python, generated from the standard's JSON schemas.
"""

from __future__ import annotations

import importlib.metadata
import json
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.declare.sql_flow import parser_of
from lakehouse.delta.commit_note import CommitNote
from lakehouse.plan.plan import FlowPlan
from lakehouse.run.openlineage import source_code
from lakehouse.run.openlineage.client import LazyModule
from lakehouse.run.openlineage.column_lineage import DIRECT, Lineage, Source
from lakehouse.run.openlineage.dataset_names import Name, address

if TYPE_CHECKING:
    from openlineage.client import facet_v2 as ol
else:
    ol = LazyModule("openlineage.client.facet_v2")

VERSION = importlib.metadata.version("mixlake")
# Package URLs (ECMA-427): they name the producer and the schema of its own facet for good.
PRODUCER = f"pkg:generic/mixlake@{VERSION}"
_SCHEMA = f"{PRODUCER}#lakehouse/run/openlineage/commit_facet.json"
_INTEGRATION = "MIXLAKE"
_LANGUAGE = "PYTHON"
_TRACE = 10_000  # characters
Facets = dict[str, Any]


class Parent(NamedTuple):
    """A run above another: the namespace and name of its job, and its UUID."""

    namespace: str
    job: str
    run: str


def commit(item: FlowPlan, run_id: str, note: CommitNote | None = None) -> ol.BaseFacet:
    """Return the engine's own facet, whose schema is ``commit_facet.json``: the commit note of an execution.

    Args:
        item: The flow as planned.
        run_id: The run.
        note: The note; None before the commit.
    """
    now = item.fingerprints
    fields: dict[str, Any] = {
        "runId": run_id,
        "flow": item.flow.id,
        "kind": item.flow.kind,
        "code": now.code,
        "params": json.loads(now.params),
        "contract": now.contract,
        "models": dict(now.models),
        "external": now.external or None,
        "causes": [cause.as_dict() for cause in item.causes],
    }
    if note is not None:
        fields |= {
            "mode": note.mode,
            "changed": note.changed,
            "counts": dict(note.counts),
            "quarantine": note.quarantine or None,
            "reasons": dict(note.reasons),
            "digest": note.digest,
        }
    facet = ol.RunFacet(producer=PRODUCER).with_additional_properties(**fields)
    facet._schemaURL = _SCHEMA  # noqa: SLF001 - the name that the standard gives it
    return facet


def parent(above: Parent, root: Parent | None = None) -> ol.parent_run.ParentRunFacet:
    """Return the run above a run, and the root above that, by default the same.

    Raises:
        ValueError: If a run's id is not a UUID.
    """
    top = root or above
    return ol.parent_run.ParentRunFacet(
        run=ol.parent_run.Run(above.run),
        job=ol.parent_run.Job(above.namespace, above.job),
        root=ol.parent_run.Root(ol.parent_run.RootRun(top.run), ol.parent_run.RootJob(top.namespace, top.job)),
        producer=PRODUCER,
    )


def job_type(kind: str) -> ol.job_type_job.JobTypeJobFacet:
    """Return the type of a job: DAG for a run, TASK for a flow."""
    return ol.job_type_job.JobTypeJobFacet(
        processingType="BATCH", integration=_INTEGRATION, jobType=kind, producer=PRODUCER
    )


def code(flow: Flow) -> Facets:
    """Return the query or the source of a flow."""
    if flow.kind == "sql":
        return {"sql": ol.sql_job.SQLJobFacet(query=flow.sql, dialect=parser_of(flow.dialect), producer=PRODUCER)}
    text = source_code.text(flow)
    facet = ol.source_code_job.SourceCodeJobFacet
    return {"sourceCode": facet(language=_LANGUAGE, sourceCode=text, producer=PRODUCER)} if text else {}


def repository(flow: Flow) -> Facets:
    """Return the commit that has a flow's file, nothing if there is none."""
    place = source_code.place(flow.file)
    if place is None:
        return {}
    facet = ol.source_code_location_job.SourceCodeLocationJobFacet
    made = facet(type="git", url=place.url, repoUrl=place.url, path=place.path, version=place.commit, producer=PRODUCER)
    return {"sourceCodeLocation": made}


def documentation(text: str) -> Facets:
    """Return a flow's docstring, nothing if it has none."""
    facet = ol.documentation_job.DocumentationJobFacet
    return {"documentation": facet(description=text, producer=PRODUCER)} if text else {}


def engine(name: str, spark: str) -> ol.processing_engine_run.ProcessingEngineRunFacet:
    """Return the engine, with mixlake's version as the adapter's.

    Args:
        name: embedded or spark.
        spark: Spark's version.
    """
    shown, version = ("mixlake embedded", VERSION) if name == "embedded" else ("Spark", spark)
    return ol.processing_engine_run.ProcessingEngineRunFacet(
        version=version, name=shown, openlineageAdapterVersion=VERSION, producer=PRODUCER
    )


def error(cause: BaseException) -> ol.error_message_run.ErrorMessageRunFacet:
    """Return why a flow failed."""
    trace = "".join(traceback.format_exception(cause)) if cause.__traceback__ else None
    return ol.error_message_run.ErrorMessageRunFacet(
        message=str(cause),
        programmingLanguage=_LANGUAGE,
        stackTrace=trace[-_TRACE:] if trace else None,
        producer=PRODUCER,
    )


def place(name: Name, lake: str, table: str) -> Facets:
    """Return the store of a table, and its name in the lake."""
    identifier = ol.symlinks_dataset.Identifier(namespace=address(lake), name=table, type="TABLE")
    uri = "file:///" if name.namespace == "file" else name.namespace
    return {
        "dataSource": ol.datasource_dataset.DatasourceDatasetFacet(name=name.namespace, uri=uri, producer=PRODUCER),
        "symlinks": ol.symlinks_dataset.SymlinksDatasetFacet(identifiers=[identifier], producer=PRODUCER),
        "storage": ol.storage_dataset.StorageDatasetFacet(
            storageLayer="delta", fileFormat="parquet", producer=PRODUCER
        ),
    }


def version(number: int) -> ol.dataset_version_dataset.DatasetVersionDatasetFacet:
    """Return a Delta version as a dataset's version."""
    return ol.dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=str(number), producer=PRODUCER)


def contract(table: Table) -> Facets:
    """Return the columns of a contract with their documentation, and the table's."""
    fields = [
        _field(column.name, column.type, f"{column.doc} [{column.unit}]" if column.unit else column.doc, at)
        for at, column in enumerate(table.columns, 1)
    ]
    return {
        "schema": ol.schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER),
        "documentation": ol.documentation_dataset.DocumentationDatasetFacet(description=table.doc, producer=PRODUCER),
    }


def _field(
    name: str, kind: pa.DataType, doc: str = "", place: int | None = None
) -> ol.schema_dataset.SchemaDatasetFacetFields:
    """Return a column, with the parts of a nested one as the schema facet's documentation shows them."""
    parts: Iterable[tuple[str, pa.DataType]] = ()
    type_name = str(kind)
    if pa.types.is_struct(kind):
        type_name, parts = "struct", [(part.name, part.type) for part in kind]
    elif pa.types.is_map(kind):
        type_name, parts = "map", [("key", kind.key_type), ("value", kind.item_type)]
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        type_name, parts = "array", [("_element", kind.value_type)]
    return ol.schema_dataset.SchemaDatasetFacetFields(
        name=name,
        type=type_name,
        description=doc or None,
        ordinal_position=place,
        fields=[_field(part, inner) for part, inner in parts] or None,
    )


def statistics(
    commit_info: Mapping[str, Any],
) -> ol.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet:
    """Return what a commit wrote, by the writer's own metrics, of which delta-rs has fewer.

    The rows of a MERGE, or of what replaces rows, are those of the files that it rewrote.
    """
    metrics = commit_info.get("operationMetrics") or {}
    merge = commit_info.get("operation") == "MERGE"

    def number(*names: str) -> int | None:
        values = (str(metrics.get(name, "")) for name in names)
        return next((int(value) for value in values if value.isdigit()), None)

    return ol.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=number("numOutputRows", "num_added_rows"),
        size=number("numTargetBytesAdded" if merge else "numOutputBytes"),
        fileCount=number("numTargetFilesAdded" if merge else "numFiles", "num_added_files"),
        producer=PRODUCER,
    )


def lifecycle(change: str) -> ol.lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet:
    """Return what happened to a table as a whole: CREATE or OVERWRITE."""
    state = ol.lifecycle_state_change_dataset.LifecycleStateChange(change)
    return ol.lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet(state, producer=PRODUCER)


def assertions(
    made: list[ol.data_quality_assertions_dataset.Assertion],
) -> ol.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet:
    """Return a contract's conditions and how many rows broke each."""
    return ol.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=made, producer=PRODUCER)


def column_lineage(
    lineage: Lineage, name: Callable[[str], Name]
) -> ol.column_lineage_dataset.ColumnLineageDatasetFacet:
    """Return the lineage of a written table's columns.

    Args:
        lineage: What is known of it.
        name: Maps a table to the name of its dataset.
    """
    return ol.column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            column: ol.column_lineage_dataset.Fields(inputFields=_input_fields(sources, name))
            for column, sources in lineage.fields.items()
        },
        dataset=_input_fields(lineage.dataset, name),
        producer=PRODUCER,
    )


def _input_fields(sources: Iterable[Source], name: Callable[[str], Name]) -> list[ol.column_lineage_dataset.InputField]:
    steps: dict[tuple[str, str], list[ol.column_lineage_dataset.Transformation]] = {}
    for source in sources:
        kind = "DIRECT" if source.kind in DIRECT else "INDIRECT"
        steps.setdefault((source.table, source.column), []).append(
            ol.column_lineage_dataset.Transformation(type=kind, subtype=source.kind)
        )
    return [
        ol.column_lineage_dataset.InputField(*name(table), field=column, transformations=transformations)
        for (table, column), transformations in steps.items()
    ]
