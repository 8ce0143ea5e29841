from __future__ import annotations

import subprocess
import sys

import pytest

from lakehouse.cli.context import Context
from lakehouse.errors import ConfigError


def test_the_lake_is_that_of_the_option_or_of_the_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)
    (tmp_path / "mixlake.yaml").write_text("lake: mine\n")
    assert Context().catalog.uri == str(tmp_path / "mine")
    context = Context("other")
    assert context.project.catalog.uri == str(tmp_path / "other")
    assert context.lake.uri == context.catalog.uri
    assert context.project is context.project


def test_a_place_that_delta_cannot_open_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="choose another folder"):
        _ = Context(str(tmp_path / "a%20b")).catalog


def test_a_project_is_read_without_the_rest_of_the_engine(tmp_path):
    code = (
        "import sys; from lakehouse.cli.context import Context; Context('x').project.catalog.names(); "
        "print([m for m in sys.modules if m.startswith(('lakehouse.run', 'lakehouse.execute', 'duckdb'))])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ended.stdout.strip() == "[]"
