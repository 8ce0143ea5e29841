"""The packaged views over a lake without tables: all can be read, and each column is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

import sql
from lakehouse.declare.config import Config
from lakehouse.lake import Lake
from lakehouse.query.connection import connect
from lakehouse.query.view_columns import describe_view

VIEWS = sorted(path.stem for path in Path(sql.__file__).with_name("views").glob("*.sql"))


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("lake"))
    with connect(Lake(folder, Config(lake=folder)).project) as opened:
        yield opened


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_and_its_columns_are_documented(connection, name):
    view = describe_view(connection, name)
    assert view.doc
    assert [column["column"] for column in view.columns if not column["meaning"]] == []
    text = Path(view.file).read_text().split("SELECT")[0]
    assert connection.rows(f"SELECT count(*) AS n FROM {name if '.' in name else chr(34) + name + chr(34)}") == [
        {"n": 0}
    ]
    assert text.startswith("-- ")
