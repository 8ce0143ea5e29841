"""Which tables and flows are declared: found by import, never registered by hand.

Installed packages name their modules under the entry points ``mixlake.modules`` and ``mixlake.sql``; a
``mixlake.yaml`` adds a team's own. Submodules of a named package are imported where they use
`lakehouse.declare.flow` or `lakehouse.declare.contract`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table, require_columns
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN, Flow
from lakehouse.declare.reads import Read
from lakehouse.declare.validation import reads_at, validate_checks, validate_condition, validate_source_key
from lakehouse.errors import FlowError, GraphError, did_you_mean


@dataclass(frozen=True)
class Registry:
    """What is declared.

    Args:
        tables: Contracts by table name.
        flows: Flows by id.
        roots: Top-level packages whose code counts towards a flow's fingerprint.
        views: Folders and files of SQL views.
    """

    tables: Mapping[str, Table]
    flows: Mapping[str, Flow]
    roots: frozenset[str] = frozenset()
    views: tuple[Path, ...] = ()
    writers: Mapping[str, Flow] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two writers of one table and inputs that no contract declares."""
        writers: dict[str, Flow] = {}
        for spec in self.flows.values():
            other = writers.setdefault(spec.writes.name, spec)
            if other is not spec:
                raise GraphError(
                    f"{spec.writes.name} has two writers, {other.id} ({other.place}) and {spec.id} ({spec.place})",
                    "let one of them write another table",
                )
        object.__setattr__(self, "writers", writers)
        for table in self.tables.values():
            validate_checks(table)
        for spec in self.flows.values():
            for name, item in spec.reads.items():
                if item.table and item.table not in self.tables:
                    raise FlowError(
                        f"{spec.id} reads {item.table} as {name!r}, which no contract declares",
                        "declare the table, or correct the name",
                        reads_at(spec, item),
                    )
                for table in self.sources(item):
                    self._require_columns(spec, item, table)
                    validate_condition(spec, item, table)
            self._require_source_key(spec)
            validate_source_key(spec)

    def _require_columns(self, spec: Flow, item: Read, table: Table) -> None:
        for name in item.names:
            if name not in table and name != TABLE_PSEUDO_COLUMN:
                raise FlowError(
                    f"{spec.id} reads the column {name!r} of {table.name}, which it does not have",
                    did_you_mean(name, (column.name for column in table.columns))
                    or f"mixlake contract {table.name} lists its columns",
                    spec.place,
                )

    def _require_source_key(self, spec: Flow) -> None:
        """Refuse a flow that processes changes by a key which its driving input lacks."""
        if not spec.incremental:
            return
        item = spec.reads[spec.driving]
        has = [set(item.names) or {column.name for column in table.columns} for table in self.sources(item)]
        if any(spec.source_key not in names for names in has):
            raise FlowError(
                f"{spec.id} reads {spec.driving!r} without its source key {spec.source_key!r}",
                "read that column too, or name another by source_key",
                spec.place,
            )

    def inputs(self, spec: Flow) -> tuple[str, ...]:
        """Return the names of all tables that a flow reads, sorted."""
        return tuple(sorted({table.name for item in spec.reads.values() for table in self.sources(item)}))

    def sources(self, item: Read) -> tuple[Table, ...]:
        """Return the tables of an input: one, or all that carry its tag.

        Raises:
            ContractError: If a tagged table lacks a column that the union needs.
        """
        if item.table:
            return (self.tables[item.table],)
        found = tuple(sorted((t for t in self.tables.values() if item.tag in t.tags), key=lambda t: t.name))
        wanted = [c for c in item.columns if isinstance(c, Column) and c.name != TABLE_PSEUDO_COLUMN]
        for table in found:
            require_columns(table, wanted, f"the tag {item.tag!r}")
        return found
