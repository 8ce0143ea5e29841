from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.lakehouse.lakes import note, write


def test_sql_prints_what_a_program_asks_for(call, lake, tmp_path):
    sql = "SELECT license, count(*) AS n, list(sample_id) AS ids FROM gold.samples GROUP BY ALL ORDER BY n"
    assert json.loads(call("sql", sql, "--format", "json"))[0] == {"license": "MIT", "n": 1, "ids": ["bb" * 16]}
    lines = call("sql", sql, "--format", "csv").splitlines()
    assert lines[0] == "license,n,ids"
    assert lines[1].startswith('MIT,1,"[""bb')
    table = call("sql", sql)
    assert table.splitlines()[0].split() == ["license", "n", "ids"]
    out = tmp_path / "out"
    call("sql", sql, "--format", "parquet", "--output", str(out))
    assert pq.read_table(out).column("n").to_pylist() == [1, 2]
    call("sql", sql, "--format", "arrow", "--output", str(out))
    assert pa.ipc.open_stream(out.read_bytes()).read_all().column("n").to_pylist() == [1, 2]
    assert json.loads(call("sql", "SELECT 1 AS x WHERE false", "--format", "json")) == []


def test_columns_that_share_a_name_and_odd_values_keep_their_places(call, lake, tmp_path):
    assert call("sql", "SELECT 1 AS a, 2 AS a", "--format", "csv") == "a,a\n1,2\n"
    odd = "SELECT 'nan'::DOUBLE AS n, ['-inf'::DOUBLE] AS l, 2.00::DECIMAL(9,2) AS d, 3::HUGEINT AS h"
    found = json.loads(call("sql", odd, "--format", "json"), parse_constant=pytest.fail)
    assert found == [{"n": "NaN", "l": ["-Infinity"], "d": "2.00", "h": 3}]
    out = tmp_path / "out.parquet"
    call("sql", "SELECT INTERVAL 1 DAY AS i", "--format", "parquet", "--output", str(out), status=2)
    assert not out.exists()


@pytest.mark.parametrize(
    ("redirection", "variables"), [(">&-", {}), ("> out.txt", {"PYTHONIOENCODING": "ascii"})], ids=["closed", "ascii"]
)
def test_output_that_takes_not_all_is_no_error(lake, redirection, variables):
    command = f"{sys.executable} -m lakehouse.cli.main --lake {lake.uri} sql \"SELECT '北京' AS x\" {redirection}"
    ended = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_sql_is_read_from_stdin_or_a_file(call, lake, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 41 + 1 AS x"))
    assert json.loads(call("sql", "-", "--format", "json")) == [{"x": 42}]
    (tmp_path / "q.sql").write_text("SELECT 'é' AS x")
    assert json.loads(call("sql", "--file", str(tmp_path / "q.sql"), "--format", "json")) == [{"x": "é"}]


@pytest.mark.parametrize("options", [["--format", "csv"], ["--format=csv", "--at", "mix-1"]])
@pytest.mark.parametrize("comment", ["-- how many", "--how many = 3?", "--"])
def test_a_statement_may_begin_with_a_comment(call, lake, comment, options):
    statement = f"{comment}\nSELECT count(*) AS n FROM gold.samples"
    assert call("sql", *options, statement) == call("sql", statement, *options) == "n\n3\n"
    assert call("sql", *options, "--", statement) == "n\n3\n"


def test_sql_reads_at_a_release(call, lake):
    write(lake, "gold.samples", lake.table("gold.samples"), note("gold.samples", "run-7"))
    count = ["sql", "SELECT count(*) AS n FROM gold.samples", "--format", "json"]
    assert json.loads(call(*count)) == [{"n": 6}]
    assert json.loads(call(*count, "--at", "mix-1")) == [{"n": 3}]
