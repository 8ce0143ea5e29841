from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.cli.main import VERBS, cli, main
from lakehouse.cli.run import parse_params
from lakehouse.ledger.runs import sync_runs
from tests.lakehouse.lakes import lake_at, newer, note, rows, trained, write


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """Work in a folder without a configuration, and leave logging as it was."""
    import logging

    monkeypatch.chdir(tmp_path)
    for name in ("MIXLAKE_LAKE", "MIXLAKE_CONFIG", "MIXLAKE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    logger = logging.getLogger("mixlake")
    kept = (logger.handlers[:], logger.level, logger.propagate)
    yield
    logger.handlers[:], logger.level, logger.propagate = kept[0], kept[1], kept[2]


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    trained(made)
    sync_runs(made.catalog)
    return made


@pytest.fixture
def call(capsys):
    def run(*argv, status=0):
        found = main(list(argv))
        told = capsys.readouterr()
        assert found == status, told.err
        return told.out if status == 0 else told.err

    return run


def as_json(text):
    return json.loads(text)


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom lakehouse.cli.main import main\nmain(['--help'])\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'pyspark', 'torch', 'duckdb', 'deltalake', 'pyarrow', 'polars', 'numpy', 'sqlglot', 'rich', 'jobs', 'trainer'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_plug_in_is_told_by_its_docstring_without_importing_it(call, monkeypatch, tmp_path):
    from importlib.metadata import EntryPoint

    (tmp_path / "plug_in_of_a_test").mkdir()
    (tmp_path / "plug_in_of_a_test" / "verbs.py").write_text(
        '1 / 0\ndef shout():\n    """Shout it out.\n\n    Loud."""\n'
    )
    (tmp_path / "plug_in_of_a_test" / "__init__.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("shout", "plug_in_of_a_test.verbs:shout", "mixlake.commands")
    monkeypatch.setattr("lakehouse.cli.main._plugins", lambda: {"shout": point})
    assert "Shout it out." in call("--help")


@pytest.mark.parametrize(
    "verb", [*VERBS, "release create", "release list", "release diff", "release verify", "quarantine list"]
)
def test_every_verb_explains_itself_with_an_example(call, verb):
    text = call(*verb.split(), "--help")
    assert "Example" in text
    assert f"mixlake {verb}" in text
    if " " not in verb and verb not in {"release", "quarantine"}:
        assert "--lake" in text


def test_the_list_of_verbs_tells_what_each_does(call):
    text = call("--help")
    for verb, (_, what) in VERBS.items():
        assert verb in text
        assert what in text


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["tabels"], "did you mean tables?"),
        (["tables", "--nope"], "--nope"),
        (["show"], "TABLE"),
        (["show", "gold.samples@x"], "is no version"),
        (["show", "quota"], "quota is a view"),
        (["contract", "quota"], "quota is a view"),
        (["history", "quota"], "quota is a view"),
        (["history", "measures.tokens_by_cell"], "measures.tokens_by_cell is a view"),
        (["sql"], "give one statement"),
        (["sql", "-- SELECT 1"], "No such option"),
        (["sql", "--fromat", "csv", "-- one\nSELECT 1"], "--fromat"),
        (["sql", "SELEC 1"], "does not parse at line 1"),
        (["sql", "DROP TABLE gold.samples"], "SQL only reads"),
        (["sql", "SELECT '\udcff'"], "is not UTF-8"),
        (["sql", "SELECT 1 AS a, 2 AS a", "--format", "json"], "two columns are called 'a'"),
        (["sql", "SELECT DATE '20000-01-01'"], "cast its column to VARCHAR"),
        (["sql", "SELECT MAP {[1]: 2}"], "cast its column to VARCHAR"),
        (["vacuum", "--dry-run", "--grace", "nan"], "give a number of hours"),
        (["run", "--param", "nonsense"], "FLOW.KEY=VALUE"),
        (["plan", "no.such_flow_anywhere"], "no.such_flow_anywhere"),
        (["trace", "zz"], "no sample id"),
    ],
)
def test_a_wrong_question_is_status_2_and_one_line(call, lake, argv, words):
    told = call(*argv, "--lake", lake.uri, status=2) if argv != ["tabels"] else call(*argv, status=2)
    assert words in told
    assert told.startswith("mixlake: ")
    assert told.count("\n") == 1
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["show", "gold.sample"], "did you mean gold.samples"),
        (["history", "gold.sampels"], "did you mean gold.samples"),
        (["release", "create", "mix-2", "--table", "gold.sampels"], "did you mean gold.samples"),
        (["history", "gold.mixture"], "mixlake run +gold.mixture"),
        (["contract", "gold.nothing_like_it"], "gold.nothing_like_it"),
        (["sql", "SELECT 1", "--at", "mix-9"], "there are mix-1"),
        (["sql", "SELECT 1", "--at", "gold.sample@0"], "did you mean gold.samples"),
        (["sql", "SELECT 1", "--at", "gold.samples@0,gold.samples@1"], "names a table twice"),
        (["sql", "SELECT 1", "--at", ""], "leave --at out"),
        (["release", "show", "mix-9"], "there are mix-1"),
        (["release", "create", "mix-1"], "exists already"),
        (["release", "drop", "mix-9"], "no release 'mix-9'"),
    ],
)
def test_what_is_not_there_is_status_1_and_one_line(call, lake, argv, words):
    told = call("--lake", lake.uri, *argv, status=1)
    assert words in told
    assert told.count("\n") == 1


def test_a_broken_configuration_is_one_line(call, tmp_path):
    (tmp_path / "mixlake.yaml").write_text("lake: [\n")
    assert "mixlake.yaml, line" in call("tables", status=2)
    (tmp_path / "mixlake.yaml").write_text("lakes: x\n")
    assert "unknown key 'lakes'" in call("tables", status=2)


def test_a_lake_of_a_newer_format_is_one_line(call, tmp_path):
    newer(lake_at(tmp_path / "lake"), "gold.x")
    told = call("show", "gold.x", status=1)
    assert "format 9" in told
    assert "install a newer mixlake" in told


def test_the_lake_is_named_by_option_variable_or_default(call, lake, monkeypatch):
    names = {table["name"] for table in as_json(call("tables", "--json", "--lake", lake.uri))}
    assert "gold.samples" in names
    assert {t["name"] for t in as_json(call("--lake", lake.uri, "tables", "--json"))} == names
    assert {t["name"] for t in as_json(call("tables", "--json"))} == names  # ./lake
    monkeypatch.setenv("MIXLAKE_LAKE", "elsewhere")
    assert as_json(call("tables", "--json")) == []
    monkeypatch.setenv("MIXLAKE_LAKE", lake.uri)
    assert {t["name"] for t in as_json(call("tables", "--json"))} == names


def test_tables_json_has_the_documented_keys(call, lake):
    found = {table["name"]: table for table in as_json(call("tables", "--json"))}
    assert set(found["gold.samples"]) == {"name", "uri", "version", "rows", "bytes", "updated"}
    assert (found["gold.samples"]["rows"], found["gold.samples"]["version"]) == (3, 0)
    assert found["gold.samples"]["bytes"] > 0
    assert "gold.samples" in call("tables")


def test_an_empty_lake_says_so(call):
    assert "no table yet" in call("tables")
    assert "no release" in call("release", "list")


def test_show_tells_columns_rows_and_first_rows(call, lake):
    write(lake, "gold.samples", lake.table("gold.samples"), note("gold.samples", "run-7"))
    found = as_json(call("show", "gold.samples@0", "-n", "2", "--json"))
    assert (found["version"], found["rows"], len(found["first"])) == (0, 3, 2)
    assert {"column": "license", "type": "string"} in found["columns"]
    text = call("show", "gold.samples")
    assert "version 1, 6 rows" in text
    assert "GPL-3.0-only" in text
    assert "declared, never written" in call("show", "ledger.quarantine")


def test_history_tells_what_the_notes_say(call, lake):
    write(lake, "gold.samples", lake.table("gold.samples"))
    found = as_json(call("history", "gold.samples", "--json"))
    assert [(commit["version"], commit["run_id"]) for commit in found] == [(1, ""), (0, "run-2")]
    assert found[1]["inputs"] == {"silver.paragraphs": 0}
    assert "flows.gold.samples" in call("history", "gold.samples", "-n", "2")


def test_contract_shows_columns_and_checks(call):
    found = as_json(call("contract", "ledger.runs", "--json"))
    assert found["key"] == ["table", "version"]
    assert found["columns"][0]["column"] == "run_id"
    assert "One execution of one flow" in call("contract", "ledger.runs")


def test_sql_prints_what_a_program_asks_for(call, lake, tmp_path):
    sql = "SELECT license, count(*) AS n, list(sample_id) AS ids FROM gold.samples GROUP BY ALL ORDER BY n"
    assert as_json(call("sql", sql, "--format", "json"))[0] == {"license": "MIT", "n": 1, "ids": ["bb" * 16]}
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
    assert as_json(call("sql", "SELECT 1 AS x WHERE false", "--format", "json")) == []


def test_columns_that_share_a_name_and_odd_values_keep_their_places(call, lake, tmp_path):
    assert call("sql", "SELECT 1 AS a, 2 AS a", "--format", "csv") == "a,a\n1,2\n"
    odd = "SELECT 'nan'::DOUBLE AS n, ['-inf'::DOUBLE] AS l, 2.00::DECIMAL(9,2) AS d, 3::HUGEINT AS h"
    found = json.loads(call("sql", odd, "--format", "json"), parse_constant=pytest.fail)
    assert found == [{"n": "NaN", "l": ["-Infinity"], "d": "2.00", "h": 3}]
    out = tmp_path / "out.parquet"
    call("sql", "SELECT INTERVAL 1 DAY AS i", "--format", "parquet", "--output", str(out), status=2)
    assert not out.exists()


@pytest.mark.parametrize(
    ("redirection", "variables"), [(">&-", {}), ("> told", {"PYTHONIOENCODING": "ascii"})], ids=["closed", "ascii"]
)
def test_output_that_takes_not_all_is_no_error(lake, redirection, variables):
    command = f"{sys.executable} -m lakehouse.cli.main --lake {lake.uri} sql \"SELECT '北京' AS x\" {redirection}"
    ended = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_sql_is_read_from_stdin_or_a_file(call, lake, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 41 + 1 AS x"))
    assert as_json(call("sql", "-", "--format", "json")) == [{"x": 42}]
    (tmp_path / "q.sql").write_text("SELECT 'é' AS x")
    assert as_json(call("sql", "--file", str(tmp_path / "q.sql"), "--format", "json")) == [{"x": "é"}]


@pytest.mark.parametrize("options", [["--format", "csv"], ["--format=csv", "--at", "mix-1"]])
@pytest.mark.parametrize("comment", ["-- how many", "--how many = 3?", "--"])
def test_a_statement_may_begin_with_a_comment(call, lake, comment, options):
    statement = f"{comment}\nSELECT count(*) AS n FROM gold.samples"
    assert call("sql", *options, statement) == call("sql", statement, *options) == "n\n3\n"
    assert call("sql", *options, "--", statement) == "n\n3\n"


def test_sql_reads_at_a_release(call, lake):
    write(lake, "gold.samples", lake.table("gold.samples"), note("gold.samples", "run-7"))
    count = ["sql", "SELECT count(*) AS n FROM gold.samples", "--format", "json"]
    assert as_json(call(*count)) == [{"n": 6}]
    assert as_json(call(*count, "--at", "mix-1")) == [{"n": 3}]


def test_trace_and_step_tell_the_way_of_a_document(call, lake):
    found = as_json(call("trace", "aaaa", "--json"))
    assert {"id", "nodes", "edges"} <= set(found)
    assert {"t1#1", "t1#2"} <= {node["id"] for node in found["nodes"]}
    assert "flows.silver.paragraphs" in call("trace", "aaaa")
    assert len(as_json(call("step", "1", "--json"))["rows"]) == 2
    assert "GPL-3.0-only" in call("step", "2", "--run", "t1")


def test_a_trace_tells_addresses_where_rows_have_them(call, lake):
    assert "uri" not in call("trace", "aaaa").split("\n")[2]
    address = "https://example.org/" + "long/" * 20
    write(lake, "silver.pages", rows(["dd" * 16], uri=pa.array([address])))
    told = call("trace", "dddd").split("\n")
    assert told[2].split() == ["table", "version", "id", "source", "licence", "uri", "flow", "run"]
    assert address in told[3]


def test_a_release_is_made_shown_compared_verified_and_dropped(call, lake):
    made = as_json(call("release", "create", "mix-2", "--note", "again", "--json"))
    assert as_json(call("release", "show", "mix-2", "--json")) == made
    assert {"name", "digest", "tables"} <= set(made)
    assert made["tables"]["gold.samples"] == 0
    assert [release["name"] for release in as_json(call("release", "list", "--json"))] == ["mix-1", "mix-2"]
    assert {row["change"] for row in as_json(call("release", "diff", "mix-1", "mix-2", "--json"))["tables"]} == {"same"}
    assert "is whole" in call("release", "verify", "mix-2")
    call("release", "drop", "mix-2")
    assert "mix-2" not in call("release", "list")


def test_a_release_that_is_not_whole_is_status_1(call, lake, capsys):
    from pathlib import Path

    next(Path(lake.catalog.table_uri("gold.samples")).glob("*.parquet")).unlink()
    assert main(["release", "verify", "mix-1", "--json"]) == 1
    found = as_json(capsys.readouterr().out)
    assert not found["whole"]
    assert found["problems"][0]["what"] == "missing"
    assert main(["release", "verify", "mix-1"]) == 1
    assert found["problems"][0]["file"] in capsys.readouterr().out


def test_parameters_are_yaml_and_name_flow_or_table():
    assert parse_params(["gold.samples.policy=strict.yaml", "acme.flows.f.n=3", "gold.samples.seed=[1, 2]"]) == {
        "gold.samples": {"policy": "strict.yaml", "seed": [1, 2]},
        "acme.flows.f": {"n": 3},
    }


def test_a_bug_is_not_hidden_and_an_interrupt_is_130(call, monkeypatch, capsys):
    monkeypatch.setattr("lakehouse.query.inventory.tables", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    assert main(["tables"]) == 130
    monkeypatch.setattr("lakehouse.query.inventory.tables", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["tables"])


def test_debugging_shows_the_traceback(call, monkeypatch):
    monkeypatch.setenv("MIXLAKE_DEBUG", "1")
    assert "Traceback" in call("history", "gold.none", status=1)


def test_a_reader_that_goes_away_is_no_error(lake):
    code = "import sys; from lakehouse.cli.main import main; sys.exit(main(sys.argv[1:]))"
    sql = "SELECT * FROM range(1000000)"
    command = [sys.executable, "-c", code, "sql", sql, "--format", "csv", "--lake", lake.uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 1


def test_a_plug_in_that_cannot_be_loaded_is_told_and_harms_no_other(call, monkeypatch):
    from importlib.metadata import EntryPoint

    point = EntryPoint("broken", "no_such_module:command", "mixlake.commands")
    monkeypatch.setattr("lakehouse.cli.main._plugins", lambda: {"broken": point})
    assert "broken" in call("--help")
    assert "cannot be loaded" in call("broken", status=1)
    assert "install what no_such_module:command needs" in call("broken", status=1)
    assert "no table yet" in call("tables")
    assert cli.get_command(None, "unknown") is None
