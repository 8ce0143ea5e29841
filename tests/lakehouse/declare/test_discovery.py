from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from lakehouse.declare.config import Config
from lakehouse.declare.discovery import load_registry
from lakehouse.errors import ConfigError, ContractError, FlowError, GraphError
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


def test_lines_of_the_engine_are_not_the_users(tmp_path, monkeypatch):
    """Where the engine lies below the project's folder, as in its own repository."""
    source = "from lakehouse import Table\nfrom lakehouse.ledger.quarantine import attempts\n\nrows = attempts(None)\n"
    (tmp_path / "own_engine.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError) as raised:
        load_registry(Config(lake=str(tmp_path), root=Path("/"), modules=("own_engine",)))
    assert raised.value.place == f"{tmp_path / 'own_engine.py'}:4"


def test_a_wrong_declaration_is_named_with_its_line_once(declared):
    refused = """
    from lakehouse import Table, flow
    from PACKAGE.tables import things

    def rows(batch, params):
        return batch

    flow(writes=things, reads={"things": things}, batch_rows=0)(rows)
    """
    with pytest.raises(FlowError, match=r"batch_rows is 0, .* \(.*/refused\.py:5\)") as raised:
        declared(tables=TABLE, refused=dedent(refused))
    assert raised.value.message.count(".py:") == 1
    with pytest.raises(ContractError, match=r"acme.bare has no columns \(.*/bare\.py:2\)"):
        declared(bare="from lakehouse import Table\nbare = Table('acme.bare', doc='x', columns=[])\n")


def test_a_folder_that_matches_sql_is_named(tmp_path):
    (tmp_path / "flows" / "acme.a.sql").mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"flows/acme\.a\.sql is a folder, not a SQL file"):
        load_registry(Config(lake=str(tmp_path), root=tmp_path, sql=(f"{tmp_path}/flows/*.sql",)))
