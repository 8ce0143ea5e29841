from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.release.create import create_release
from lakehouse.release.verify import verify_release
from tests.lakehouse.lakes import lake_at, note, write

ROWS = pa.table({"n": [1, 2, 3]})


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "a lake")
    write(made, "silver.b", ROWS, note("silver.b"))
    write(made, "gold.c", ROWS, note("gold.c", inputs={"silver.b": 0}))
    create_release(made.project, "mix-1")
    return made


def data_file(lake, table):
    return next(Path(lake.catalog.table_uri(table)).glob("*.parquet"))


def test_a_release_stays_whole_while_writers_go_on(lake):
    write(lake, "gold.c", ROWS, note("gold.c", "run-2", digest="two"))
    lake.catalog.open("gold.c").optimize.compact()
    assert verify_release(lake.catalog, "mix-1") == []


def test_a_missing_file_is_named(lake):
    gone = data_file(lake, "silver.b")
    gone.unlink()
    (problem,) = verify_release(lake.catalog, "mix-1")
    assert (problem.table, problem.file, problem.problem) == ("silver.b", gone.name, "missing")


def test_an_altered_file_is_named(lake):
    file = data_file(lake, "gold.c")
    file.write_bytes(file.read_bytes() + b"x")
    (problem,) = verify_release(lake.catalog, "mix-1")
    assert problem.file == file.name
    assert problem.problem.startswith("altered")


def test_a_lost_log_is_told(lake):
    (Path(lake.catalog.table_uri("gold.c")) / "_delta_log" / "00000000000000000000.json").unlink()
    (problem,) = verify_release(lake.catalog, "mix-1")
    assert problem.table == "gold.c"
    assert problem.file == ""
