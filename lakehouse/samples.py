"""Rows of samples in all tables, and what they were made from: read from the tables, or from ``ledger.edges``.

Rows tell their own lineage: ``sample_id`` names a sample through all one-to-one steps, ``parent_ids`` names what it
was cut, joined or generated from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from lakehouse import ledger
from lakehouse.errors import QueryError, ReleaseError, TableNotFoundError
from lakehouse.history import newest_note
from lakehouse.query import Connection
from lakehouse.snapshot import Pins

if TYPE_CHECKING:
    from lakehouse.lake import Lake

log = logging.getLogger("mixlake.samples")

DETAILS = ("run_id", "source", "license", "uri")
_LEDGER = {table.name for table in ledger.TABLES}


class Samples(Protocol):
    """What a trace reads."""

    @property
    def versions(self) -> Mapping[str, int]:
        """Version of each table at which it is read."""

    @property
    def truncated(self) -> bool:
        """Whether an answer lacked rows."""

    def inputs(self, table: str) -> frozenset[str]:
        """Return the tables that one of `versions` was made from, as its last commit note tells it."""

    def resolve(self, sample: str) -> str:
        """Return the one sample id that begins so.

        Raises:
            QueryError: If none or several do.
        """

    def read(self, ids: Iterable[str], parents: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """Return the rows of some samples, and after them the rows that have one of some parents.

        Args:
            ids: Sample ids.
            parents: Sample ids, too.
            limit: Rows at most.

        Returns:
            One dictionary a row: sample_id, table, parent_ids and, None where the table does not say, run_id,
            source, license and uri.
        """


def open_samples(lake: Lake, connection: Connection, at: str | None = None) -> Samples:
    """Return a reader: of ``ledger.edges`` where it is up to date with the tables, else of the tables.

    Args:
        lake: The lake.
        connection: SQL over the lake, at `at`.
        at: What the user asked for; only the latest versions are in the index.
    """
    _versions_are_there(lake, connection.pins)
    if at is None or not at.strip():
        from lakehouse.edges.samples import IndexedSamples
        from lakehouse.edges.state import look

        state = look(lake)
        if state.current:
            return IndexedSamples(state)
        log.info("%s is behind the tables, which are read instead; the next run brings it up", ledger.edges.name)
    return ScannedSamples(lake, connection)


def _versions_are_there(lake: Lake, pins: Pins) -> None:
    """Refuse versions that a user asks for and that are not there; a release tells its own."""
    if not pins.release:
        for name in pins.versions:
            if lake.has(name):
                lake.open(name, pins.versions[name])
    if pins.every is not None:
        latest = {name: lake.log(name).version for name in lake.names() if name not in _LEDGER}
        highest = max(latest, key=lambda name: latest[name], default="")
        if highest and latest[highest] < pins.every:
            raise TableNotFoundError(
                f"no table has a version {pins.every}",
                f"the highest is {highest}@{latest[highest]}; see mixlake tables",
            )


def the_one(sample: str, found: Sequence[str]) -> str:
    """Choose from the ids that begin so.

    Args:
        sample: The beginning.
        found: Some of the ids, sorted.

    Raises:
        QueryError: If there is none or several, and none of them is the beginning itself.
    """
    if sample in found:
        return sample
    if not found:
        raise QueryError(f"no sample begins with {sample}", 'see mixlake sql "SELECT sample_id FROM ..."')
    if len(found) > 1:
        raise QueryError(f"several samples begin with {sample}: {', '.join(found[:5])}", "give more digits")
    return found[0]


@dataclass
class ScannedSamples:
    """The lineage columns of all tables that have them, as one relation of DuckDB's."""

    lake: Lake
    connection: Connection
    truncated: bool = False
    relation: str = field(init=False)
    _tables: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Find the tables that carry lineage columns."""
        parts = []
        self._tables = []
        for name in self.lake.names():
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
        note = newest_note(self.lake.open(table, self.connection.versions[table]))
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
