"""Flows and checked rows for the tests of the embedded engine's parts."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.flow import REJECT, Flow
from lakehouse.declare.reads import Read
from lakehouse.declare.registry import Registry
from lakehouse.delta.append import create
from lakehouse.embedded import checked_rows
from lakehouse.embedded.row_file import Stream
from lakehouse.engine.rules import BROKEN, REASON
from lakehouse.project import Project
from tests.lakehouse.lakes import lake_at


def project_of(path, *tables) -> Project:
    """Return a project of some tables, which exist and are empty."""
    project = Project(lake_at(path / "lake").config)
    project.__dict__["registry"] = Registry({table.name: table for table in tables}, {})
    for table in tables:
        create(project.catalog, table)
    return project


def operator(writes, reads=None, **fields) -> Flow:
    """Return an operator flow."""
    own = {
        "id": "flows.f",
        "kind": "operator",
        "file": "flows.py",
        "reads": {"rows": reads or Read(table=writes.name)},
        "driving": "rows",
    }
    return Flow(writes=writes, **{**own, **fields})


def batch(table, rows, *reasons) -> pa.RecordBatch:
    """Return rows, one tuple each, in a table's types, with the reasons why some are rejected."""
    arrays = [pa.array([row[place] for row in rows], column.type) for place, column in enumerate(table.columns)]
    found = [*reasons, *[None] * (len(rows) - len(reasons))]
    counted = [reason if reason is None else reason.split(":", 1)[0] for reason in found]
    broken = pa.array([[]] * len(rows), pa.list_(pa.int32()))
    marks = [pa.array(found, pa.string()), pa.array(counted, pa.string()), broken]
    return pa.record_batch([*arrays, *marks], schema=conformed_schema(table))


def conformed_schema(table) -> pa.Schema:
    """Return the schema of conformed rows."""
    marks = [(REJECT, pa.string()), (REASON, pa.string()), (BROKEN, pa.list_(pa.int32()))]
    return pa.schema([*((column.name, column.type) for column in table.columns), *marks])


def checked(folder, table, *batches):
    """Return checked rows."""
    return checked_rows.check(table, Stream(conformed_schema(table), batches), folder)
