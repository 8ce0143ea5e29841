"""Rows of samples in all tables, and what they were made from: read from the tables, or from ``ledger.edges``.

Rows carry their own lineage: ``sample_id`` names a sample through all one-to-one steps, ``parent_ids`` names what it
was cut, joined or generated from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from lakehouse.declare.contract import is_ledger
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.history import input_versions
from lakehouse.errors import TableNotFoundError
from lakehouse.ledger import tables
from lakehouse.lineage.index.index_reader import IndexedSamples
from lakehouse.lineage.index.state import index_state
from lakehouse.lineage.reader import DETAILS, Samples, resolve_unique_prefix
from lakehouse.project import Project
from lakehouse.query.connection import Connection
from lakehouse.query.lineage_columns import create_lineage_view
from lakehouse.query.time_travel import Pins

log = logging.getLogger("mixlake.samples")


def open_samples(project: Project, connection: Connection, at: str | None = None) -> Samples:
    """Return a reader: of ``ledger.edges`` where it is up to date with the tables, else of the tables.

    Args:
        project: The project.
        connection: SQL over the lake, at `at`.
        at: What the user gave for ``--at``; only the latest versions are in the index.
    """
    _versions_are_there(project.catalog, connection.pins)
    if at is None or not at.strip():
        state = index_state(project)
        if state.current:
            return IndexedSamples(state)
        log.info("%s is behind the tables, which are read instead; the next run updates it", tables.edges.name)
    return ScannedSamples(project, connection)


def _versions_are_there(catalog: Catalog, pins: Pins) -> None:
    """Raise for pinned versions that do not exist; a release's pins are checked where they are read."""
    if not pins.release:
        for name in pins.versions:
            if catalog.has(name):
                catalog.open(name, pins.versions[name])
    if pins.every is not None:
        latest = {name: catalog.log(name).version for name in catalog.names() if not is_ledger(name)}
        highest = max(latest, key=lambda name: latest[name], default="")
        if highest and latest[highest] < pins.every:
            raise TableNotFoundError(
                f"no table has a version {pins.every}",
                f"the highest is {highest}@{latest[highest]}; see mixlake tables",
            )


class ScannedSamples:
    """The lineage columns of all tables, read from the tables.

    Args:
        project: The project.
        connection: SQL over the lake.
    """

    truncated = False

    def __init__(self, project: Project, connection: Connection) -> None:
        self._project = project
        self._connection = connection
        self._tables = create_lineage_view(connection, ("sample_id", "parent_ids", *DETAILS))

    @property
    def versions(self) -> Mapping[str, int]:
        """Version of each table at which it is read."""
        return {name: self._connection.versions[name] for name in self._tables}

    def inputs(self, table: str) -> frozenset[str]:
        """Return the tables that a table was made from; see `Samples.inputs`."""
        return frozenset(input_versions(self._project.catalog.open(table, self._connection.versions[table])))

    def resolve(self, sample: str) -> str:
        """Return the one sample id that begins so; see `Samples.resolve`."""
        rows = self._connection.rows(_BEGINNING, [sample, sample + "\U0010ffff"])
        return resolve_unique_prefix(sample, [row["sample_id"] for row in rows])

    def read(self, ids: Iterable[str], parents: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """Return the rows of some samples, and the rows that have one of some parents; see `Samples.read`."""
        return self._connection.rows(_ROWS, [sorted(ids), sorted(parents), limit])


_BEGINNING = """
SELECT DISTINCT sample_id FROM __lineage WHERE sample_id >= $1 AND sample_id < $2 ORDER BY ALL LIMIT 6
"""
# Where there are too many rows, those of the ids are nearer than what was made from them.
_ROWS = """
SELECT DISTINCT * FROM __lineage
WHERE sample_id IN (SELECT unnest($1::VARCHAR[])) OR list_has_any(parent_ids, $2::VARCHAR[])
ORDER BY sample_id NOT IN (SELECT unnest($1::VARCHAR[])), sample_id, "table" LIMIT $3
"""
