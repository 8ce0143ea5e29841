from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.errors import ContractError


def test_a_column_of_another_type_than_arrows_is_refused():
    with pytest.raises(ContractError, match="has the type 'string'"):
        Column("x", "string", "x")


@pytest.mark.parametrize(
    ("kind", "instead"),
    [
        (pa.large_string(), "pa.string()"),
        (pa.list_(pa.binary_view()), "pa.binary()"),
        (pa.map_(pa.string(), pa.uint8()), "signed"),
        (pa.struct([("a", pa.list_(pa.float16()))]), "float32"),
        (pa.timestamp("ns"), "timestamp"),
        (pa.duration("us"), "int64"),
        (pa.dictionary(pa.int32(), pa.string()), "values"),
        (pa.struct([]), "another"),
    ],
)
def test_types_that_some_reader_does_not_support_are_refused(kind, instead):
    with pytest.raises(ContractError, match="do not support") as raised:
        Column("x", kind, "x")
    assert instead in raised.value.hint


def test_fields_that_differ_in_case_alone_are_refused_where_they_are_declared():
    kind = pa.list_(pa.struct([("a", pa.int8()), ("A", pa.int8())]))
    with pytest.raises(ContractError, match="column 'box' has the fields 'a' and 'A', which differ in case alone"):
        Column("box", kind, "A box.")


def test_a_stored_type_lets_each_nested_field_be_null():
    kind = pa.struct([pa.field("x", pa.int8(), nullable=False)])
    assert Column("box", kind, "A box.", nullable=False).stored_type == pa.struct([("x", pa.int8())])


def test_former_names_are_names_of_other_columns():
    assert Column("b", pa.string(), "B.", renamed_from="a").former_names == ("a",)
    assert Column("b", pa.string(), "B.", renamed_from=["a", "c"]).former_names == ("a", "c")
    for wrong in ("b", "a b!", ["a", 3]):
        with pytest.raises(ContractError, match="renamed"):
            Column("b", pa.string(), "B.", renamed_from=wrong)
