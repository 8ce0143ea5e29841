from __future__ import annotations

import datetime as dt

import pyarrow as pa

from lakehouse.declare.contract import Check, Column, Table
from lakehouse.engine.rules import (
    FIRST_DAY,
    LAST_DAY,
    LAST_MICROSECOND,
    first_check,
    most_bytes,
    never_null,
    rule_names,
    text_partitions,
    with_times,
)


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


def test_rules_of_values_stand_between_them():
    columns = [
        Column("lang", pa.string(), "Language."),
        Column("n", pa.int64(), "Number."),
        Column("spans", pa.list_(pa.struct([("at", pa.timestamp("us", "UTC"))])), "Times."),
    ]
    table = Table("silver.a", doc="x", columns=columns, partition_by=["lang", "n"], checks=[Check("odd", "n % 2 = 1")])
    assert (with_times(table), text_partitions(table)) == (["spans"], ["lang"])
    assert rule_names(table) == [
        "column spans has a time outside of the years 1 to 9999",
        "column lang has a text that no partition holds",
        "odd",
    ]
    assert first_check(table) == 2


def test_the_ends_of_what_readers_know():
    assert (dt.date(1970, 1, 1) + dt.timedelta(FIRST_DAY), LAST_DAY) == (dt.date.min, 2_932_896)
    assert str(pa.scalar(LAST_MICROSECOND, pa.timestamp("us"))) == "9999-12-31 23:59:59.999999"
    assert most_bytes("lang") == 250
