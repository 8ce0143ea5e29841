"""A lake, and exports from it."""

from __future__ import annotations

import pytest

from lakehouse.export.export import export
from lakehouse.export.request import Request
from tests.lakehouse.exports import made_lake


@pytest.fixture
def lake(tmp_path):
    return made_lake(tmp_path)


@pytest.fixture
def run(lake, tmp_path):
    """Export from the lake into a folder of the test."""

    def call(folder="out", force=False, **request):
        fields = {"tables": () if "sql" in request else ("silver.rows",), "shard_rows": 25} | request
        return export(lake.project, Request("", **fields), tmp_path / folder, force=force)

    return call
