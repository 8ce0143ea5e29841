"""Column lineage: the input columns from which a written column is made.

SQL flows are resolved against the declared columns of their inputs, see `sql_column_lineage`. The declaration of an
operator, and of a flow that refreshes by merge, states one thing: its source key over the written row is the driving
row's key. What is not known is left out.

Kinds are OpenLineage's (ColumnLineageDatasetFacet): DIRECT, whose value goes into the column, as IDENTITY,
TRANSFORMATION or AGGREGATION; INDIRECT, which influences it, as JOIN, FILTER, GROUP_BY, SORT, WINDOW or CONDITIONAL.
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
    """One input column of a written column.

    Args:
        table: Name of the input table.
        column: Its column, as declared.
        kind: How the column is used.
    """

    table: str
    column: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Lineage:
    """Sources of a written table's columns, as far as they are known.

    Args:
        fields: Written column to its sources; columns without a known source are left out.
        dataset: Sources that decide which rows there are, and so influence every column.
    """

    fields: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    dataset: tuple[Source, ...] = ()

    def __bool__(self) -> bool:
        """Whether any source is known."""
        return bool(self.fields or self.dataset)


def declared(flow: Flow, sources: Sequence[Table]) -> Lineage:
    """Return the lineage that the declaration of a flow that can process changes states.

    Args:
        flow: The flow.
        sources: The tables of its driving input.
    """
    if not flow.incremental or flow.kind == "sql" or not sources:
        return Lineage()
    try:
        origin = sqlglot.parse_one(flow.source_key_sql, dialect="spark")
    except SqlglotError:
        return Lineage()
    kind: Kind = "IDENTITY" if isinstance(origin, exp.Column) else "TRANSFORMATION"
    found = tuple(Source(t.name, flow.source_key, kind) for t in sources if flow.source_key in t)
    written = {column.name for column in origin.find_all(exp.Column) if column.name in flow.writes}
    return Lineage(dict.fromkeys(sorted(written), found)) if len(written) == 1 and found else Lineage()
