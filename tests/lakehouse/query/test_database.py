from __future__ import annotations

import os
import signal
import tempfile
import threading
from pathlib import Path

import duckdb
import pytest

from lakehouse.errors import LimitError, UsageError
from lakehouse.query.connection import connect
from lakehouse.query.database import Database
from lakehouse.query.limits import Limits
from tests.lakehouse.lakes import lake_at

ENDLESS = "SELECT count(*) FROM range(100000000000) a WHERE hash(a.range) = 3"
LARGE = "SELECT range, hash(range)::VARCHAR || repeat('x', 40) AS x FROM range(3000000) ORDER BY hash(range)"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def project(tmp_path):
    return lake_at(tmp_path / "lake").project


@pytest.mark.parametrize("sql", [ENDLESS, "SELECT range FROM range(1000000000000)"], ids=["answer", "rows"])
def test_a_statement_ends_at_its_time(project, sql):
    with connect(project, limits=Limits(seconds=0.2)) as connection:
        with pytest.raises(LimitError, match=r"within 0.2 seconds — .*--timeout"):
            connection.table(sql)
        assert connection.rows("SELECT 1 AS x") == [{"x": 1}]  # each statement has its own


def test_ctrl_c_ends_a_statement_and_leaves_nothing(project, tmp_path):
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt), connect(project) as connection:
        connection.table(ENDLESS)
    assert list(tmp_path.glob("mixlake-scratch-*")) == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(memory="32MB", disk="1MB"), "spills more to disk than it may.*1MB.*--spill"),
        (Limits(memory="20MB"), "more memory than it may take .20MB.*--memory"),
    ],
    ids=["disk", "memory"],
)
def test_want_of_memory_and_disk_is_not_wrong_sql(project, limits, words):
    sql = LARGE if "spill" in words else "SELECT list(range) AS x FROM range(30000000)"
    with connect(project, limits=limits) as connection, pytest.raises(LimitError, match=words) as error:
        connection.table(sql)
    assert error.value.exit_code == 1


def test_a_wrong_limit_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(UsageError):
        Database(Limits(memory="much"))
    assert list(tmp_path.glob("mixlake-scratch-*")) == []


def test_a_full_disk_names_the_folder(tmp_path):
    database = Database(Limits())
    try:
        (spill,) = tmp_path.glob("mixlake-scratch-sql-*")
        found = database.limit_error(duckdb.IOException(f'Could not write file "{spill}/x": No space left on device'))
        assert found is not None
        assert str(tmp_path) in found.message
        assert "TMPDIR" in found.hint
        assert database.limit_error(duckdb.BinderException("no")) is None
    finally:
        database.close()
    assert not Path(spill).exists()
