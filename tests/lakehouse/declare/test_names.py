from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.names import name_problem, table_name_problem
from lakehouse.errors import ContractError

GOOD = [
    "x",
    "Z9",
    "a_b",
    "größe",
    "Übermaß",
    "μήκος",
    "Длина",
    "长度",
    "数据2",
    "طول",
    "लंबाई",
    "मूल्य",
    "길이",
    "ความยาว",
]
BAD = [
    "",
    "_x",
    "9x",
    "a b",
    "a-b",
    "a.b",
    "a`b",
    'a"b',
    "a/b",
    "a%b",
    "a\n",
    "😀",
    "a\u200d",
    "\u200ea",
    "²a",
    "a²",
    "ा",
    None,
    3,
]


@pytest.mark.parametrize("name", GOOD)
def test_letters_of_any_script_are_names(name):
    assert name_problem(name) is None
    assert table_name_problem(f"{name}.{name}".lower()) is None


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_letter_is_refused(name):
    assert name_problem(name) is not None


def test_a_name_is_written_in_the_composed_form():
    with pytest.raises(ContractError) as raised:
        Column(unicodedata.normalize("NFD", "größe"), pa.int64(), "")
    assert "größe" in raised.value.hint


@pytest.mark.parametrize("names", [("Größe", "größe"), ("Μήκος", "μήκοσ"), ("Ä", "ä"), ("I", "ı")])
def test_names_that_differ_in_case_alone_are_refused(names):
    with pytest.raises(ContractError, match="declared twice"):
        Table("q.t", doc="", columns=[Column(name, pa.int64(), "") for name in names])
    with pytest.raises(ContractError, match="differ in case alone"):
        Column("box", pa.struct([(name, pa.int64()) for name in names]), "")


def test_names_of_other_letters_are_others():
    columns = [Column(name, pa.int64(), "") for name in ("straße", "strasse")]
    assert Table("q.t", doc="", columns=columns).columns == tuple(columns)
    assert Column("box", pa.struct([(column.name, pa.int64()) for column in columns]), "").name == "box"


@pytest.mark.parametrize("name", ["Größen.a", "a.Größen", "größen", "a.b.c", "a.", ".a", "a.größe n", "a.größen@1"])
def test_a_tables_name_is_two_names_without_capital_letters(name):
    assert table_name_problem(name) is not None
