"""A row's way up to its source and down to the training steps that saw it.

Rows tell their own lineage: ``sample_id`` names a sample through all one-to-one steps, ``parent_ids``
names what it was cut, joined or generated from. Tracing reads those columns alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakehouse import ledger
from lakehouse.errors import QueryError, ReleaseError, TableNotFoundError
from lakehouse.history import newest_note
from lakehouse.query import Connection, connect

if TYPE_CHECKING:
    from lakehouse.lake import Lake

NODE_LIMIT = 10_000

_FULL_ID = re.compile(r"^[0-9a-f]{32}$")
_ID = re.compile(r"^[0-9A-Za-z._:-]{4,200}$")
_LEDGER = {table.name for table in ledger.TABLES}


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """One row that a trace met.

    Args:
        id: Its sample id; for a training step ``RUN#STEP``.
        table: The table that holds it.
        version: The version at which the table was read.
        run_id: The run that wrote it, empty where the table does not say.
        source: Its source, empty where the table does not say.
        license: Its licence, empty where the table does not say.
    """

    id: str
    table: str
    version: int
    run_id: str = ""
    source: str = ""
    license: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One row was made from another; both ids are equal along a one-to-one step."""

    parent: str
    parent_table: str
    child: str
    child_table: str


@dataclass(frozen=True, slots=True)
class Trace:
    """A row's way up to its source and down to the training steps.

    Args:
        id: The sample that was asked for.
        nodes: The rows, sorted by table.
        edges: What was made from what.
        runs: The runs that wrote the rows: run_id to flow, table, code and input versions.
        truncated: Whether there are more rows than the limit.
    """

    id: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    runs: Sequence[Mapping[str, Any]] = ()
    truncated: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake trace --json`` prints."""
        return {
            "id": self.id,
            "nodes": [{name: getattr(node, name) for name in Node.__slots__} for node in self.nodes],
            "edges": [{name: getattr(edge, name) for name in Edge.__slots__} for edge in self.edges],
            "runs": [dict(run) for run in self.runs],
            "truncated": self.truncated,
        }


def trace(lake: Lake, sample: str, at: str | None = None, *, limit: int = NODE_LIMIT) -> Trace:
    """Follow a sample up over ``parent_ids`` to what was landed, and down to sequences and training steps.

    Args:
        lake: The lake.
        sample: A sample id, or enough of its beginning to name one sample.
        at: A release, a time or a version, see `lakehouse.query.connect`.
        limit: Rows at most.

    Raises:
        QueryError: If no sample or several begin so.
    """
    if not _ID.match(sample):
        raise QueryError(f"{sample!r} is no sample id", "give at least four of its 32 hex digits")
    from lakehouse.training import sightings

    with connect(lake, at) as connection:
        reader = Samples(lake, connection)
        full = sample if _FULL_ID.match(sample) else reader.resolve(sample)
        walk = _Walk(reader, limit)
        walk.start(full)
        if not walk.nodes:
            raise QueryError(f"there is no sample {full}", "correct the id, or look at another version with --at")
        for node, parents in sightings(lake, walk.below):
            walk.add(node, parents)
        found = sorted(walk.nodes.values(), key=lambda node: (node.table, node.id))
        edges = set(walk.edges(_table_inputs(lake, connection)))
        return Trace(full, tuple(found), tuple(sorted(edges)), _runs(connection, found), walk.truncated)


@dataclass
class Samples:
    """The lineage columns of all tables that have them, as one relation."""

    lake: Lake
    connection: Connection
    tables: list[str] = field(init=False)
    relation: str = field(init=False)

    def __post_init__(self) -> None:
        """Find the tables that carry lineage columns."""
        parts = []
        self.tables = []
        for name in self.lake.names():
            if name in _LEDGER:
                continue
            try:
                columns = self.connection.columns(name)
            except (TableNotFoundError, ReleaseError):
                continue  # not part of the release, or made later
            if "sample_id" not in columns:
                continue
            self.tables.append(name)
            layer, table = name.split(".", 1)
            parents = "parent_ids" if "parent_ids" in columns else "NULL::VARCHAR[] AS parent_ids"
            rest = [c if c in columns else f"NULL::VARCHAR AS {c}" for c in ("run_id", "source", "license")]
            parts.append(
                f'SELECT sample_id, {parents}, {", ".join(rest)}, \'{name}\' AS "table" FROM "{layer}"."{table}"'  # noqa: S608
            )
        self.relation = f"({' UNION ALL '.join(parts)})"

    def resolve(self, sample: str) -> str:
        """Return the one sample id that begins so."""
        found: list[str] = []
        if self.tables:
            rows = self.connection.rows(
                f"SELECT DISTINCT sample_id FROM {self.relation} "  # noqa: S608 - table names of the lake
                "WHERE sample_id >= $1 AND sample_id < $2 ORDER BY ALL LIMIT 6",
                [sample, sample + "\U0010ffff"],
            )
            found = [row["sample_id"] for row in rows]
        if sample in found:
            return sample
        if not found:
            raise QueryError(f"no sample begins with {sample}", 'see mixlake sql "SELECT sample_id FROM ..."')
        if len(found) > 1:
            raise QueryError(f"several samples begin with {sample}: {', '.join(found[:5])}", "give more digits")
        return found[0]

    def read(self, ids: Iterable[str], parents: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """Return the rows of some samples, and the rows that have one of some parents."""
        rows: list[dict[str, Any]] = self.connection.rows(
            f"SELECT DISTINCT * FROM {self.relation} "  # noqa: S608 - table names of the lake
            "WHERE sample_id IN (SELECT unnest($1::VARCHAR[])) OR list_has_any(parent_ids, $2::VARCHAR[]) "
            f"LIMIT {int(limit)}",
            [sorted(ids), sorted(parents)],
        )
        return rows


class _Walk:
    """Breadth first, both ways at once: each round reads the lineage columns once."""

    def __init__(self, reader: Samples, limit: int) -> None:
        self.reader = reader
        self.limit = limit
        self.nodes: dict[tuple[str, str], Node] = {}
        self.truncated = False
        self.below: set[str] = set()
        self._parents: dict[tuple[str, str], tuple[str, ...]] = {}

    def start(self, sample: str) -> None:
        above, below = {sample}, {sample}
        new_above, new_below = {sample}, {sample}
        while new_above or new_below:
            rows = self.reader.read(new_above | new_below, new_below, self.limit + 1 - len(self.nodes))
            up: set[str] = set()
            down: set[str] = set()
            for row in rows:
                self.keep(row)
                parents = set(row["parent_ids"] or ())
                if row["sample_id"] in above:
                    up |= parents - above
                if row["sample_id"] not in below and parents & below:
                    down.add(row["sample_id"])
            above |= up
            below |= down
            new_above, new_below = up, down
            if len(self.nodes) >= self.limit:
                self.truncated = True
                break
        self.below = below

    def edges(self, inputs: Mapping[str, frozenset[str]]) -> Iterable[Edge]:
        holders: dict[str, list[str]] = {}
        for sample, table in self.nodes:
            holders.setdefault(sample, []).append(table)
        for (sample, table), parents in self._parents.items():
            made_from = inputs.get(table, frozenset())
            before = [other for other in holders[sample] if other in made_from]
            if before:  # a one-to-one step carries the parents of its input along
                yield from (Edge(sample, other, sample, table) for other in before)
                continue
            for parent in parents:
                held = [other for other in holders.get(parent, ()) if (parent, other) != (sample, table)]
                near = [other for other in held if other in made_from] or held[:1]
                yield from (Edge(parent, other, sample, table) for other in near)

    def keep(self, row: Mapping[str, Any]) -> None:
        table = row["table"]
        told = [row[name] or "" for name in ("run_id", "source", "license")]
        node = Node(row["sample_id"], table, self.reader.connection.versions[table], *told)
        self.add(node, row["parent_ids"] or ())

    def add(self, node: Node, parents: Iterable[str]) -> None:
        key = (node.id, node.table)
        self.nodes.setdefault(key, node)
        self._parents[key] = tuple(dict.fromkeys((*self._parents.get(key, ()), *parents)))


def _table_inputs(lake: Lake, connection: Connection) -> dict[str, frozenset[str]]:
    found = {}
    for name, version in connection.versions.items():
        note = newest_note(lake.open(name, version))
        found[name] = frozenset(note[1].inputs if note else ())
    return found


def _runs(connection: Connection, nodes: Iterable[Node]) -> list[dict[str, Any]]:
    """Return what ``ledger.runs`` tells of the commits that wrote some rows."""
    wanted = {(node.run_id, node.table) for node in nodes if node.run_id}
    rows = connection.rows(
        """
        SELECT run_id, flow, "table", version, committed_at, code, inputs FROM ledger.runs
        WHERE run_id IN (SELECT unnest($1::VARCHAR[])) ORDER BY committed_at, "table"
        """,
        [sorted({run_id for run_id, _ in wanted})],
    )
    return [row for row in rows if (row["run_id"], row["table"]) in wanted]
