from __future__ import annotations

import datetime as dt

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.engine.rules import (
    FIRST_DAY,
    LAST_DAY,
    LAST_MICROSECOND,
    Into,
    Part,
    first_check,
    first_unreadable,
    map_steps,
    maps,
    most_bytes,
    never_null,
    rule_names,
    text_partitions,
    texts,
    with_times,
)


def test_rules_are_columns_that_are_never_null_then_checks():
    columns = [
        Column("id", pa.string(), "Identity."),
        Column("n", pa.int64(), "Number.", nullable=False),
        Column("run_id", pa.string(), "Run.", nullable=False, volatile=True, lineage=True),
    ]
    table = Table("silver.a", doc="x", columns=columns, key=["id"], checks=[Check("n: is odd", "n % 2 = 1")])
    assert {field.path for field in never_null(table)} == {"id", "n"}
    invalid = "column id has a text that is not valid UTF-8"
    assert sorted(rule_names(table)) == [invalid, "column id is null", "column n is null", "n: is odd"]
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
        "column lang has a text that is not valid UTF-8",
        "odd",
    ]
    assert (first_unreadable(table), first_check(table)) == (2, 3)


def test_the_ends_of_what_readers_know():
    assert (dt.date(1970, 1, 1) + dt.timedelta(FIRST_DAY), LAST_DAY) == (dt.date.min, 2_932_896)
    assert str(pa.scalar(LAST_MICROSECOND, pa.timestamp("us"))) == "9999-12-31 23:59:59.999999"
    assert most_bytes("lang") == 250
    assert most_bytes("言語") == 248


def test_nested_fields_that_are_never_null_are_rules_of_their_own():
    def never(name, kind):
        return pa.field(name, kind, nullable=False)

    place = pa.struct([never("lat", pa.float64()), ("lon", pa.float64())])
    columns = [
        Column("id", pa.string(), "Id."),
        Column("place", place, "Struct.", nullable=False),
        Column("rows", pa.list_(never("item", pa.struct([never("x", pa.list_(pa.int64()))]))), "List."),
        Column("tags", pa.map_(place, never("value", pa.list_(never("item", pa.int64())))), "Map."),
    ]
    table = Table("a.b", doc="B.", columns=columns, key=["id"])
    names = ["id", "place", "place.lat", "rows[]", "rows[].x", "tags{key}.lat", "tags{value}", "tags{value}[]"]
    values = ["column id has a text that is not valid UTF-8", "column tags has a map with a key twice"]
    assert rule_names(table) == [*(f"column {name} is null" for name in names), *values]
    assert never_null(table)[4] == Part("rows[].x", "rows", pa.list_(pa.int64()), (Into("element"), Into("field", "x")))
    assert first_check(table) == len(names) + 2


def test_texts_and_maps_are_found_at_any_depth():
    inner = pa.map_(pa.string(), pa.struct([("name", pa.string())]))
    table = Table("a.b", doc="B.", columns=[Column("rows", pa.list_(inner), "R."), Column("n", pa.int64(), "N.")])
    assert [part.path for part in texts(table)] == ["rows[]{key}", "rows[]{value}.name"]
    assert [part.path for part in maps(table)] == ["rows[]"]
    assert map_steps(pa.list_(inner)) == [(Into("element"),)]
