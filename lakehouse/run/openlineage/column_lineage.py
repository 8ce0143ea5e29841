"""Column lineage: which input columns a written column is made from, where that is known.

SQL flows are resolved against the declared columns of their inputs, see `sql_column_lineage`. Of an
operator, and of a frame that refreshes by merge, the declaration states one thing: ``origin`` over the written row
is the driving row's key. Nothing is guessed: what is not known is left out.

Kinds are OpenLineage's (ColumnLineageDatasetFacet): DIRECT, whose value goes into the column, as IDENTITY,
TRANSFORMATION or AGGREGATION; INDIRECT, which decides about it, as JOIN, FILTER, GROUP_BY, SORT, WINDOW or
CONDITIONAL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow

Kind = Literal[
    "IDENTITY", "TRANSFORMATION", "AGGREGATION", "JOIN", "FILTER", "GROUP_BY", "SORT", "WINDOW", "CONDITIONAL"
]
DIRECT = frozenset({"IDENTITY", "TRANSFORMATION", "AGGREGATION"})


@dataclass(frozen=True, order=True, slots=True)
class Source:
    """One input column, and what it does.

    Args:
        table: Name of the input table.
        column: Its column, as declared.
        kind: What becomes of it.
    """

    table: str
    column: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Lineage:
    """What is known of a written table's columns.

    Args:
        fields: Written column to its sources; a column of which nothing is known, or that no input column goes
            into, is not there.
        dataset: Sources that decide which rows there are, and so about every column.
    """

    fields: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    dataset: tuple[Source, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return bool(self.fields or self.dataset)


def declared(flow: Flow, sources: Sequence[Table]) -> Lineage:
    """Return what the declaration of an operator or frame states about its columns.

    Args:
        flow: The flow.
        sources: The tables of its driving input.
    """
    if not flow.incremental or flow.kind == "sql" or not sources:
        return Lineage()
    try:
        origin = sqlglot.parse_one(flow.origin, dialect="spark")
    except SqlglotError:
        return Lineage()
    kind: Kind = "IDENTITY" if isinstance(origin, exp.Column) else "TRANSFORMATION"
    found = tuple(Source(t.name, flow.driving_key, kind) for t in sources if flow.driving_key in t)
    written = {column.name for column in origin.find_all(exp.Column) if column.name in flow.writes}
    return Lineage(dict.fromkeys(sorted(written), found)) if len(written) == 1 and found else Lineage()
