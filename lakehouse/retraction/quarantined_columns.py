"""Which values of a quarantined row, which is stored as JSON, are mixlake's own columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from lakehouse.declare.flow import Flow
from lakehouse.declare.lineage_columns import SAMPLE_ID, TYPES
from lakehouse.project import Project

ORIGIN = "origin"
_SCHEMA = pa.schema([("table", pa.string()), ("own", pa.list_(pa.string()))])


# Names of the tables of which rows are quarantined.
TABLES = 'SELECT DISTINCT "table" FROM {quarantine}'


def quarantined_columns(project: Project, names: Iterable[str]) -> pa.Table:
    """Return mixlake's columns of the rows that were meant for some tables.

    Args:
        project: The project.
        names: The tables.

    Returns:
        string ``table``, list of strings ``own``: with ``origin`` where that of a row is an id of mixlake's, not a key
        of the user's.
    """
    catalog, contracts = project.catalog, project.registry.tables
    rows = []
    for name in names:
        # A row that was quarantined has the types of its contract, or of one that is gone.
        declared = name in contracts or not catalog.has(name)
        stored: Mapping[str, object] = TYPES if declared else catalog.log(name).types
        own = set(project.lineage_columns(name, stored))
        writer = project.registry.writers.get(name)
        if SAMPLE_ID in own or (writer is not None and _is_of_samples(project, writer)):
            own.add(ORIGIN)
        rows.append({"table": name, "own": sorted(own)})
    return pa.Table.from_pylist(rows, _SCHEMA)


def _is_of_samples(project: Project, flow: Flow) -> bool:
    """Whether a flow's source key is mixlake's id of a row."""
    if not flow.incremental or flow.source_key != SAMPLE_ID:
        return False
    sources = project.registry.sources(flow.reads[flow.driving])
    return bool(sources) and all(SAMPLE_ID in table.lineage for table in sources)


def own_origin() -> str:
    """Return the SQL of a row's origin, null where it is no id of mixlake's."""
    return f"CASE WHEN list_contains(own, '{ORIGIN}') THEN origin END"


def own_text(column: str) -> str:
    """Return the SQL of a row's text under one of mixlake's columns, null where the value is not of such a column.

    Args:
        column: The column.
    """
    return f"""CASE WHEN list_contains(own, '{column}') THEN json_extract_string("row", '$.{column}') END"""


def own_list(column: str) -> str:
    """Return the SQL of a row's texts under one of mixlake's columns, none where the value is not of such a column."""
    listed = f"""coalesce(json_extract_string("row", '$.{column}[*]'), [])"""
    return f"CASE WHEN list_contains(own, '{column}') THEN {listed} ELSE [] END"


def own_column(column: str) -> str:
    """Return the SQL of a row's value under one of mixlake's columns, texts or a list of them."""
    return own_list(column) if pa.types.is_list(TYPES[column]) else own_text(column)
