from __future__ import annotations

import pytest

from lakehouse.declare.config import Config
from lakehouse.declare.discovery import load_registry
from lakehouse.errors import ConfigError, GraphError
from lakehouse.ledger.tables import TABLES

TABLE = """
from lakehouse import Column, Table
import pyarrow as pa

things = Table("acme.things", doc="Things.", columns=[Column("id", pa.string(), "Identity.")], key=["id"])
"""


@pytest.fixture
def declared(tmp_path, monkeypatch, request):
    package = f"own_{abs(hash(request.node.name))}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("")

    def load(**modules):
        for name, text in modules.items():
            (tmp_path / package / f"{name}.py").write_text(text.replace("PACKAGE", package))
        return load_registry(Config(lake=str(tmp_path), root=tmp_path, modules=(package,)), TABLES)

    monkeypatch.syspath_prepend(str(tmp_path))
    return load


def test_modules_that_import_from_lakehouse_are_found_and_the_ledger_is_declared(declared):
    registry = declared(tables=TABLE, helper="raise RuntimeError('never imported')")
    assert "acme.things" in registry.tables
    assert {table.name for table in TABLES} <= set(registry.tables)


def test_a_table_has_one_contract(declared):
    other = TABLE.replace("Things.", "Other things.")
    with pytest.raises(GraphError, match=r"acme.things has two contracts"):
        declared(a=TABLE, b=other)


def test_a_module_that_fails_is_named_with_the_line_at_fault(declared):
    with pytest.raises(ConfigError, match=r"ZeroDivisionError: division by zero \(.*broken\.py:2\)"):
        declared(broken="from lakehouse import Table\nn = 1 / 0\n")
