from __future__ import annotations

import json

import pytest

from lakehouse.cli.main import main


@pytest.fixture
def say(capsys):
    """Run a command line; its exit status, output and errors."""

    def run(*words):
        status = main([str(word) for word in words])
        out = capsys.readouterr()
        return status, out.out, out.err

    return run


def test_formats_names_each_format_and_how_it_is_declared(say):
    from typing import get_args

    from jobs.acquire.records.declaration import SUFFIXES, RecordFormat

    status, out, _ = say("sources", "formats")
    assert status == 0
    for name in {*get_args(RecordFormat)} - {"by-name"} | set(SUFFIXES):
        assert name in out
    status, out, _ = say("sources", "formats", "--json")
    assert {"PDF", "jsonl", "warc"} <= {one["name"] for one in json.loads(out)}


def test_peek_shows_what_a_declaration_would_read(say, tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"body": "Hello there", "id": 7, "meta": {"lang": "deu"}}\n{"x": 1}\nnope\n')
    fields = ("--text", "body", "--id", "id", "--language", "meta.lang")
    status, out, _ = say("sources", "peek", file, *fields, "--json")
    assert status == 0
    assert json.loads(out) == [
        {"place": "line 1", "text": "Hello there", "id": "7", "language": "de"},
        {"place": "line 2", "problem": "it has no 'body', which is its text: it has 'x'"},
        {"place": "line 3", "problem": "it is not JSON: Expecting value: line 1 column 1 (char 0)"},
    ]
    status, out, _ = say("sources", "peek", file, *fields, "--rows", "1")
    assert "Hello there" in out
    assert "line 2" not in out


def test_peek_of_what_is_no_file_of_records_says_what_to_do(say, tmp_path):
    (tmp_path / "a.bin").write_text("x")
    assert say("sources", "peek", tmp_path / "a.bin")[::2] == (
        2,
        f"mixlake: the name of {tmp_path}/a.bin says no format of records — name it: --format jsonl\n",
    )
    assert "cannot be read" in say("sources", "peek", tmp_path / "none.jsonl")[2]
    assert "there is no format 'xls'" in say("sources", "peek", tmp_path / "a.bin", "--format", "xls")[2]
