from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.overlay import OverlayCatalog
from lakehouse.errors import TableNotFoundError

NAMES = ("gold.a", "gold.b", "ledger.runs", "ledger.retractions")


@pytest.fixture
def overlay(tmp_path):
    base, other = tmp_path / "base", tmp_path / "other"
    for name in NAMES:
        write_deltalake(str(base / name.replace(".", "/")), pa.table({"x": ["base"]}))
    write_deltalake(str(other / "gold" / "a"), pa.table({"x": ["other"]}))
    return OverlayCatalog(str(other), base=Catalog(str(base)), own=frozenset({"gold.a", "gold.new"}))


def read(catalog, name):
    return catalog.open(name).to_pyarrow_table()["x"].to_pylist()


def test_own_tables_lie_in_the_folder_and_the_rest_in_the_lake(overlay):
    assert read(overlay, "gold.a") == ["other"]
    assert read(overlay, "gold.b") == read(overlay, "standing.gold.a") == ["base"]
    assert overlay.names() == ["gold.a", "gold.b", "ledger.retractions"]


def test_the_ledger_is_its_own_but_for_retractions(overlay):
    assert read(overlay, "ledger.retractions") == ["base"]
    for name in ("ledger.runs", "gold.new"):
        assert not overlay.has(name)
        with pytest.raises(TableNotFoundError):
            overlay.open(name)
