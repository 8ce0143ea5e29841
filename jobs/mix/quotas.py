"""The quota table: what each stage requests from each cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from jobs.mix.cells import Cell
from jobs.mix.quota import Quota, load_quota, spread
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read
from lakehouse.declare.relations import Relations, Rows
from schemas.mixture import quotas as quotas_table
from schemas.mixture import supply as supply_table


@dataclass(frozen=True, slots=True)
class QuotaParams:
    """Where the quota is declared.

    Args:
        quota: The quota file.
        files: Files that add lines or stages to it.
    """

    quota: str = field(default=str(Path(__file__).with_name("quota.yaml")), metadata={"file": True})
    files: tuple[str, ...] = field(default=(), metadata={"file": True})

    def check(self) -> None:
        """Read the quota; raises `ConfigError` where it is broken."""
        load_quota(self.quota, self.files)


@flow(
    id="jobs.mix.quotas.declare_quotas",
    writes=quotas_table,
    kind="relational",
    reads={"supply": read(supply_table, columns=["cell", "tokens"])},
    params=QuotaParams,
    tags=["mix"],
)
def declare_quotas(supply: Rows, relations: Relations, params: QuotaParams) -> Rows:
    """Write the declared quota; supply matters where a line has a temperature."""
    quota = load_quota(params.quota, params.files)
    # One row per cell: declared genres, not data.
    rows = relations.to_arrow(supply).to_pylist()
    return relations.from_arrow(quota_rows(quota, {Cell.parse(row["cell"]): row["tokens"] for row in rows}))


def quota_rows(quota: Quota, supply: Mapping[Cell, int]) -> pa.Table:
    """Return the rows of ``gold.quotas`` without ``run_id``."""
    rows = [
        {
            "stage": stage.name,
            "cell": str(line.cell),
            "modality": line.cell.modality,
            "language_group": line.cell.language_group,
            "kind": line.cell.kind,
            "ordinal": ordinal,
            "shared": stage.shared,
            "target": round(line.target),
            "max_epochs": line.max_epochs,
            "max_document_share": line.max_document_share,
            "max_source_share": line.max_source_share,
            "row_length": stage.row_length,
            "align": stage.align,
            "scale": quota.scale,
        }
        for ordinal, stage in enumerate(quota.stages)
        for line in spread(stage.lines, supply)
    ]
    columns = [column for column in quotas_table.columns if column.name != "run_id"]
    return pa.Table.from_pylist(rows, schema=pa.schema([pa.field(c.name, c.type) for c in columns]))
