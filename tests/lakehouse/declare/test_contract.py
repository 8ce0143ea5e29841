from __future__ import annotations

import dataclasses

import pyarrow as pa
import pytest

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table, require_columns
from lakehouse.errors import ContractError

ID = Column("id", pa.string(), "Identity.", nullable=False)


def table(**changes):
    fields = {"name": "silver.things", "doc": "A thing.", "columns": [ID, Column("n", pa.int64(), "Count.", unit="1")]}
    return Table(**{**fields, **changes})


def test_schema_and_lookup():
    made = table(key=["id"])
    assert made.schema == pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("n", pa.int64())])
    assert "n" in made
    assert made.column("n").unit == "1"
    assert made.required == ("id",)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Things"},
        {"name": "silver.Things; drop"},
        {"columns": [ID, ID]},
        {"key": ["nothing"]},
        {"cluster_by": ["nothing"]},
    ],
)
def test_contradictions_are_refused(changes):
    with pytest.raises(ContractError):
        table(**changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"checks": ["n > 1"]}, "silver.things: checks has 'n > 1', which must be a Check"),
        ({"checks": Check("n is positive", "n > 0")}, "checks is Check"),
        ({"columns": "x"}, "columns is 'x', which must be a list"),
        ({"columns": ["x"]}, "columns has 'x', which must be a Column"),
        ({"columns": []}, "silver.things has no columns"),
        ({"key": "id"}, "key is 'id', which must be a list"),
        ({"cluster_by": [ID]}, "cluster_by has Column"),
        ({"partition_by": None}, "partition_by is None"),
        ({"tags": "lineage"}, "tags is 'lineage'"),
        ({"properties": {"a": "b"}}, "properties is {'a': 'b'}"),
        ({"writer_options": ["compression"]}, "which must be a pair of texts"),
        ({"name": 5}, "table name 5 is not allowed"),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused(changes, says):
    with pytest.raises(ContractError) as raised:
        table(**changes)
    assert says in raised.value.message


@pytest.mark.parametrize("kind", [pa.binary(), pa.float64(), pa.decimal128(9, 2), pa.list_(pa.string())], ids=str)
def test_partitions_of_values_that_a_folder_does_not_give_back_are_refused(kind):
    with pytest.raises(ContractError, match=r"partition_by names 'part', which is") as error:
        table(columns=[ID, Column("part", kind, "Part.")], partition_by=["part"])
    assert error.value.hint.startswith("partition by a text")


def test_a_table_of_partition_columns_alone_is_refused():
    with pytest.raises(ContractError, match="partition_by names all columns"):
        table(partition_by=["n", "id"])


def test_a_volatile_column_is_no_key():
    columns = [ID, Column("at", pa.int64(), "When.", volatile=True)]
    with pytest.raises(ContractError, match="key names 'at', which is volatile"):
        table(columns=columns, key=["id", "at"])


def test_names_that_differ_in_case_alone_are_refused():
    with pytest.raises(ContractError, match="'ID' and 'id' is declared twice"):
        table(columns=[ID, Column("ID", pa.string(), "x")])


def test_declarations_are_frozen_values():
    with pytest.raises(dataclasses.FrozenInstanceError):
        table().name = "x.y"
    assert table(key=["id"]) == table(key=("id",))


def test_fingerprint_follows_what_makes_rows_and_not_the_words():
    assert table().fingerprint() == table(doc="Another text.").fingerprint()
    assert table().fingerprint() != table(key=["id"]).fingerprint()
    assert table().fingerprint() != table(checks=[Check("positive", "n > 0")]).fingerprint()


def test_logs_state_values_of_key_and_clustering_columns_only():
    def stated(**fields):
        columns = [ID, Column("n", pa.int32(), "N."), Column("text", pa.string(), "T."), Column("b", pa.binary(), "B.")]
        return table(columns=columns, **fields).table_properties()["delta.dataSkippingStatsColumns"]

    assert stated() == ""
    assert stated(key=["id"]) == "id"
    assert stated(key=["id"], cluster_by=["n", "id"]) == "id,n"
    assert stated(key=["id", "b"]) == "id"
    assert stated(key=["id", "n"], partition_by=["n"]) == "id"


def test_values_of_payload_columns_are_never_stated():
    made = table(columns=[ID, Column("text", pa.string(), "t", payload=True)], key=["id", "text"])
    assert made.table_properties()["delta.dataSkippingStatsColumns"] == "id"


def test_a_tagged_table_must_carry_the_unions_columns():
    with pytest.raises(ContractError, match="lacks the column 'x'"):
        require_columns(table(), [Column("x", pa.string(), "x")], "the tag")
    with pytest.raises(ContractError, match="int64"):
        require_columns(table(), [Column("n", pa.string(), "x")], "the tag")


def test_a_former_name_is_of_one_column_that_is_gone():
    a, b = Column("a", pa.string(), "A."), Column("b", pa.string(), "B.", renamed_from="a")
    c = Column("c", pa.string(), "C.", renamed_from=["z", "a"])
    with pytest.raises(ContractError, match="column 'b' is renamed from 'a', which is another of its columns"):
        Table("acme.t", doc="T.", columns=[a, b])
    with pytest.raises(ContractError, match="columns 'b' and 'c' are renamed from 'a'"):
        Table("acme.t", doc="T.", columns=[b, c])
    table = Table("acme.t", doc="T.", columns=[c])
    assert (table.present_name("z"), table.present_name("other")) == ("c", "other")
    assert table.describe()[0]["meaning"] == "C. (renamed from z, a)"
    assert table.fingerprint() == Table("acme.t", doc="T.", columns=[Column("c", pa.string(), "C.")]).fingerprint()
