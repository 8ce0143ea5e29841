"""What became of the rows that flows read, by key: kept, removed, quarantined or pruned.

Of an operator it is known without being declared: a row of its table is kept, a quarantined row has its reason, and a
key of its driving input, at the version that it last read, of which there is neither, is pruned. Of flows that choose
among rows by their own logic, views say it; see `lakehouse.query.outcome_views`. Of rows that land, there is only what
was kept and what was quarantined.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

from lakehouse.declare.contract import Table, is_ledger
from lakehouse.declare.flow import Flow
from lakehouse.declare.lineage_columns import SAMPLE_ID
from lakehouse.declare.portable_expression import to_duckdb
from lakehouse.declare.reads import Read
from lakehouse.delta.history import input_versions
from lakehouse.errors import FlowError, MixlakeError, ReleaseError, TableNotFoundError
from lakehouse.ledger import tables as ledger
from lakehouse.ledger.quarantine import attempts
from lakehouse.project import Project
from lakehouse.query.outcome_views import COUNTED, Views, outcome_columns, outcome_views, selected
from lakehouse.query.sql_guard import literal, quoted
from lakehouse.query.time_travel import Pins

log = logging.getLogger("mixlake.query")

NOTHING_MADE = "the flow made nothing of it"
_QUARANTINED = "__outcomes.quarantined"
_LIST = ", ".join(map(literal, COUNTED))


class Reader(Views, Protocol):
    """What is asked of a connection."""

    @property
    def project(self) -> Project:
        """The project."""

    @property
    def pins(self) -> Pins:
        """Which version of each table is meant."""

    def known(self) -> set[str]:
        """Return the names of all tables and views."""

    def rows_at(self, name: str, version: int) -> str:
        """Return a relation of a table's rows at a version."""


def quarantined_sql(reader: Reader) -> str:
    """Return the SQL of the rows that are quarantined as of the versions that are read.

    Its columns are those of ``ledger.quarantine`` and ``place``, which orders the attempts at a table's flow.
    """
    counted: list[str] = []
    catalog = reader.project.catalog
    if catalog.has(ledger.quarantine.name):
        for name in catalog.names():
            if is_ledger(name):
                continue
            try:
                counted.extend(attempts(catalog.open(name, reader.pins.version(catalog, name))))
            except (ReleaseError, TableNotFoundError):
                continue  # not part of the release, or created later
    reader.columns(ledger.quarantine.name)
    values = ", ".join(f"({literal(attempt)}, {place})" for place, attempt in enumerate(counted))
    return f"""
    SELECT * EXCLUDE marked FROM (
        SELECT quarantine.*, counted.place,
            max(counted.place) FILTER ("row" IS NULL) OVER (PARTITION BY "table", origin) AS marked
        FROM {ledger.quarantine.name} AS quarantine
        JOIN (VALUES {values or "('', -1)"}) AS counted(attempt, place) USING (attempt)
    ) WHERE "row" IS NOT NULL AND place >= coalesce(marked, 0)
    """  # noqa: S608 - quoted


def rows_sql(reader: Reader) -> str:
    """Return the SQL of the outcomes of all tables.

    Its columns are ``sample_id``, ``"table"``, ``outcome``, those of `outcome_views.OPTIONAL`, and ``made_from``: the
    table that was read, where it is known.
    """
    declared = list(_declared(reader))
    reader.columns(_QUARANTINED)
    parts = [
        f"SELECT *, NULL::VARCHAR AS made_from FROM ({text}) WHERE outcome IN ({_LIST})"  # noqa: S608 - names of ours
        for text in declared
    ]
    parts.append(
        f"""SELECT coalesce(sample_id, origin) AS sample_id, "table", 'quarantined' AS outcome, reason AS rule,
            json_extract_string("row", '$.source') AS source, 1 AS nth FROM {_QUARANTINED}"""  # noqa: S608 - a constant
    )
    registry = reader.project.registry
    for name, spec in sorted(registry.writers.items()):
        if spec.kind in {"operator", "landing"} and reader.project.catalog.has(name):
            try:
                parts.extend(_of_flow(reader, spec, declared))
            except (ReleaseError, TableNotFoundError) as error:
                log.debug("%s is not counted: %s", name, error)
    return " UNION ALL BY NAME ".join(parts)


def _declared(reader: Reader) -> Iterator[str]:
    """Yield the SQL of each view of outcomes; one that cannot be read is left out, with a warning."""
    for view in outcome_views(reader):
        try:
            columns = outcome_columns(reader, view)
        except MixlakeError as error:
            log.warning("the view %s is left out: %s", view, error)
            continue
        yield f"SELECT {selected(columns)} FROM {quoted(view)}"  # noqa: S608 - quoted


def _of_flow(reader: Reader, spec: Flow, declared: list[str]) -> Iterator[str]:
    """Yield the SQL of the rows that a flow kept, and of the keys that it made nothing of."""
    table = spec.writes
    own = reader.project.lineage_columns(table.name, reader.columns(table.name))
    yield f"""SELECT {_text(SAMPLE_ID, own)} AS sample_id, {literal(table.name)} AS "table", 'kept' AS outcome,
        {_text("source", own)} AS source, 1 AS nth FROM {quoted(table.name)}"""  # noqa: S608 - quoted
    if spec.kind != "operator":
        return
    catalog = reader.project.catalog
    read_versions = input_versions(catalog.open(table.name, reader.pins.version(catalog, table.name)))
    item = spec.reads[spec.driving]
    for given in reader.project.registry.sources(item):
        if given.name not in read_versions:
            continue
        try:
            yield _pruned(reader, spec, (item, given, read_versions[given.name]), declared)
        except (FlowError, MixlakeError) as error:
            log.debug("what %s pruned of %s is not counted: %s", spec.id, given.name, error)


def _pruned(reader: Reader, spec: Flow, read: tuple[Read, Table, int], declared: list[str]) -> str:
    """Return the SQL of the keys of an input that have no row in the flow's table, nor in quarantine, nor a rule."""
    item, given, version = read
    name = literal(spec.writes.name)
    origin = to_duckdb(spec.source_key_sql, {c.name: c.stored_type for c in spec.writes.columns})
    where = to_duckdb(item.where, {c.name: c.stored_type for c in given.columns}) if item.where else "true"
    key = f'"{spec.source_key}"'
    accounts = [f"SELECT {origin} AS key FROM {quoted(spec.writes.name)}"]  # noqa: S608 - quoted
    accounts.append(f'SELECT origin FROM {_QUARANTINED} WHERE "table" = {name}')  # noqa: S608 - quoted
    accounts += [f'SELECT sample_id FROM ({text}) WHERE "table" = {name}' for text in declared]  # noqa: S608 - quoted
    return f"""
    SELECT given.key::VARCHAR AS sample_id, {name} AS "table", 'pruned' AS outcome, {literal(NOTHING_MADE)} AS rule,
        given.source, 1 AS nth, {literal(given.name)} AS made_from
    FROM (
        SELECT {key} AS key, {_text("source", given.lineage)} AS source
        FROM {reader.rows_at(given.name, version)} WHERE {where}
    ) AS given
    ANTI JOIN ({" UNION ALL ".join(accounts)}) AS accounted ON accounted.key = given.key
    """  # noqa: S608 - quoted


def _text(name: str, present: frozenset[str]) -> str:
    return f'"{name}"' if name in present else "NULL::VARCHAR"
