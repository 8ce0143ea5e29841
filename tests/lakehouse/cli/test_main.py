from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lakehouse.cli.main import VERBS, cli, main
from tests.lakehouse.lakes import lake_at, newer


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
        (["show", "gold.samples@x"], "is not a version"),
        (["show", "quota@1"], "quota is a view"),
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
        (["vacuum", "--dry-run", "--retention-hours", "nan"], "give a number of hours"),
        (["run", "--param", "nonsense"], "FLOW.KEY=VALUE"),
        (["plan", "no.such_flow_anywhere"], "no.such_flow_anywhere"),
        (["trace", "zz"], "is not a sample id"),
    ],
)
def test_a_wrong_question_is_status_2_and_one_line(call, lake, argv, words):
    message = call(*argv, "--lake", lake.uri, status=2) if argv != ["tabels"] else call(*argv, status=2)
    assert words in message
    assert message.startswith("mixlake: ")
    assert message.count("\n") == 1
    assert "Traceback" not in message


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
    message = call("--lake", lake.uri, *argv, status=1)
    assert words in message
    assert message.count("\n") == 1


def test_a_broken_configuration_is_one_line(call, tmp_path):
    (tmp_path / "mixlake.yaml").write_text("lake: [\n")
    assert "mixlake.yaml:2: " in call("tables", status=2)
    (tmp_path / "mixlake.yaml").write_text("lakes: x\n")
    assert "unknown key 'lakes'" in call("tables", status=2)


def test_a_lake_of_a_newer_format_is_one_line(call, tmp_path):
    newer(lake_at(tmp_path / "lake"), "gold.x")
    message = call("show", "gold.x", status=1)
    assert "format 9" in message
    assert "install a newer mixlake" in message


def test_the_lake_is_named_by_option_variable_or_default(call, lake, monkeypatch):
    names = {table["name"] for table in json.loads(call("tables", "--json", "--lake", lake.uri))}
    assert "gold.samples" in names
    assert {t["name"] for t in json.loads(call("--lake", lake.uri, "tables", "--json"))} == names
    assert {t["name"] for t in json.loads(call("tables", "--json"))} == names  # ./lake
    monkeypatch.setenv("MIXLAKE_LAKE", "elsewhere")
    assert json.loads(call("tables", "--json")) == []
    monkeypatch.setenv("MIXLAKE_LAKE", lake.uri)
    assert {t["name"] for t in json.loads(call("tables", "--json"))} == names


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
    assert "has no tables yet" in call("tables")
    assert cli.get_command(None, "unknown") is None


def test_the_help_of_a_purge_says_what_stays(call):
    text = " ".join(call("retract", "--help").split())
    assert "The tables' own logs stay" in text
    assert "if a log states other values of them, the purge waits: the run reports why, names the command" in text
