from __future__ import annotations

import json

from click.testing import CliRunner

from jobs.cli.report import command
from jobs.report.page import PAGES
from lakehouse.cli.context import Context


def test_a_report_is_written_and_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    context = Context(str(tmp_path / "lake"))
    for _ in range(2):
        answer = CliRunner().invoke(command, ["--json"], obj=context, catch_exceptions=False)
        assert answer.exit_code == 0
        assert json.loads(answer.stdout)["files"] == sorted(PAGES)
    assert (tmp_path / "site" / "index.html").read_text().startswith("<!doctype html>")


def test_a_folder_that_is_no_report_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.txt").write_text("x")
    answer = CliRunner().invoke(command, [], obj=Context(str(tmp_path / "lake")))
    assert answer.exit_code != 0
    assert "mine.txt" in str(answer.exception)
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["mine.txt"]
