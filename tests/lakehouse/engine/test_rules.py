from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.contract import Check, Column, Table
from lakehouse.engine.rules import first_check, never_null, rule_names


def test_rules_are_columns_that_are_never_null_then_checks():
    columns = [
        Column("id", pa.string(), "Identity."),
        Column("n", pa.int64(), "Number.", nullable=False),
        Column("run_id", pa.string(), "Run.", nullable=False, volatile=True, lineage=True),
    ]
    table = Table("silver.a", doc="x", columns=columns, key=["id"], checks=[Check("n: is odd", "n % 2 = 1")])
    assert set(never_null(table)) == {"id", "n"}
    assert sorted(rule_names(table)) == ["column id is null", "column n is null", "n: is odd"]
    assert rule_names(table)[first_check(table)] == "n: is odd"
