"""Rows of samples in all tables, and what they were made from: read from the tables, or from ``ledger.edges``.

Rows tell their own lineage: ``sample_id`` names a sample through all one-to-one steps, ``parent_ids`` names what it
was cut, joined or generated from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.history import newest_note
from lakehouse.errors import ReleaseError, TableNotFoundError
from lakehouse.ledger import tables
from lakehouse.lineage.index.index_reader import IndexedSamples
from lakehouse.lineage.index.state import look
from lakehouse.lineage.reader import DETAILS, Samples, the_one
from lakehouse.project import Project
from lakehouse.query.connection import Connection
from lakehouse.query.time_travel import Pins

log = logging.getLogger("mixlake.samples")

_LEDGER = {table.name for table in tables.TABLES}


def open_samples(project: Project, connection: Connection, at: str | None = None) -> Samples:
    """Return a reader: of ``ledger.edges`` where it is up to date with the tables, else of the tables.

    Args:
        project: The project.
        connection: SQL over the lake, at `at`.
        at: What the user asked for; only the latest versions are in the index.
    """
    _versions_are_there(project.catalog, connection.pins)
    if at is None or not at.strip():
        state = look(project.catalog)
        if state.current:
            return IndexedSamples(state)
        log.info("%s is behind the tables, which are read instead; the next run brings it up", tables.edges.name)
    return ScannedSamples(project, connection)


def _versions_are_there(catalog: Catalog, pins: Pins) -> None:
    """Refuse versions that a user asks for and that are not there; a release tells its own."""
    if not pins.release:
        for name in pins.versions:
            if catalog.has(name):
                catalog.open(name, pins.versions[name])
    if pins.every is not None:
        latest = {name: catalog.log(name).version for name in catalog.names() if name not in _LEDGER}
        highest = max(latest, key=lambda name: latest[name], default="")
        if highest and latest[highest] < pins.every:
            raise TableNotFoundError(
                f"no table has a version {pins.every}",
                f"the highest is {highest}@{latest[highest]}; see mixlake tables",
            )


@dataclass
class ScannedSamples:
    """The lineage columns of all tables that have them, as one relation of DuckDB's."""

    project: Project
    connection: Connection
    truncated: bool = False
    relation: str = field(init=False)
    _tables: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the tables that carry lineage columns."""
        parts = []
        self._tables = []
        for name in self.project.catalog.names():
            if name in _LEDGER:
                continue
            try:
                columns = self.connection.columns(name)
            except (TableNotFoundError, ReleaseError):
                continue  # not part of the release, or made later
            if "sample_id" not in columns:
                continue
            self._tables.append(name)
            layer, table = name.split(".", 1)
            parents = "parent_ids" if "parent_ids" in columns else "NULL::VARCHAR[] AS parent_ids"
            rest = [c if c in columns else f"NULL::VARCHAR AS {c}" for c in DETAILS]
            parts.append(
                f'SELECT sample_id, {parents}, {", ".join(rest)}, \'{name}\' AS "table" FROM "{layer}"."{table}"'  # noqa: S608
            )
        self.relation = f"({' UNION ALL '.join(parts)})"

    @property
    def versions(self) -> Mapping[str, int]:
        """Version of each table at which it is read."""
        return {name: self.connection.versions[name] for name in self._tables}

    def inputs(self, table: str) -> frozenset[str]:
        """Return the tables that a table was made from; see `Samples.inputs`."""
        note = newest_note(self.project.catalog.open(table, self.connection.versions[table]))
        return frozenset(note[1].inputs if note else ())

    def resolve(self, sample: str) -> str:
        """Return the one sample id that begins so; see `Samples.resolve`."""
        if not self._tables:
            return the_one(sample, [])
        rows = self.connection.rows(
            f"SELECT DISTINCT sample_id FROM {self.relation} "  # noqa: S608 - table names of the lake
            "WHERE sample_id >= $1 AND sample_id < $2 ORDER BY ALL LIMIT 6",
            [sample, sample + "\U0010ffff"],
        )
        return the_one(sample, [row["sample_id"] for row in rows])

    def read(self, ids: Iterable[str], parents: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """Return the rows of some samples, and the rows that have one of some parents; see `Samples.read`."""
        if not self._tables:
            return []
        rows: list[dict[str, Any]] = self.connection.rows(
            f"SELECT DISTINCT * FROM {self.relation} "  # noqa: S608 - table names of the lake
            "WHERE sample_id IN (SELECT unnest($1::VARCHAR[])) OR list_has_any(parent_ids, $2::VARCHAR[]) "
            # Where there are too many, those that are asked for are nearer than what was made from them.
            'ORDER BY sample_id NOT IN (SELECT unnest($1::VARCHAR[])), sample_id, "table" '
            f"LIMIT {int(limit)}",
            [sorted(ids), sorted(parents)],
        )
        return rows
