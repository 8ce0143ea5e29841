from __future__ import annotations

import json

import pytest

from jobs.report import folder as module
from jobs.report.folder import MARK, require_replaceable, write_report
from lakehouse.errors import UsageError


def names(place):
    return sorted(path.name for path in place.iterdir())


def test_a_report_replaces_a_report_as_a_whole(tmp_path):
    place = tmp_path / "site"
    write_report(place, {"index.html": "a", "old.html": "b"}, {"lake": "x"})
    write_report(place, {"index.html": "c"}, {"lake": "x"})
    assert names(place) == ["index.html", MARK]
    assert (place / "index.html").read_text() == "c"
    assert names(tmp_path) == ["site"]
    assert json.loads((place / MARK).read_text())["files"] == ["index.html", MARK]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "site").mkdir()
    write_report(tmp_path / "site", {"index.html": "a"}, {})
    assert names(tmp_path / "site") == ["index.html", MARK]


@pytest.mark.parametrize(
    "mark", ["", "[]", "{}", '{"format": 1, "files": 3}', '{"format": 1, "files": ["kept.txt"]}', "[" * 9999]
)
def test_a_folder_with_anything_else_is_refused_and_stays(tmp_path, mark):
    place = tmp_path / "site"
    place.mkdir()
    (place / "thesis.txt").write_text("years")
    if mark:
        (place / MARK).write_text(mark)
    before = names(place)
    with pytest.raises(UsageError, match="no report's"):
        write_report(place, {"index.html": "a"}, {})
    assert names(place) == before
    assert (place / "thesis.txt").read_text() == "years"


def test_a_file_of_ones_own_in_a_report_is_kept(tmp_path):
    place = tmp_path / "site"
    write_report(place, {"index.html": "a"}, {})
    (place / "mine.txt").write_text("x")
    with pytest.raises(UsageError, match=r"mine\.txt"):
        require_replaceable(place)


def test_links_files_and_places_that_are_not_there_are_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").write_text("x")
    for name, says in (("link", "is a link"), ("file", "is a file"), ("no/site", "is not a folder")):
        with pytest.raises(UsageError, match=says):
            write_report(tmp_path / name, {"index.html": "a"}, {})
    assert names(tmp_path) == ["file", "link", "real"]


def test_the_current_folder_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="the current folder"):
        require_replaceable(tmp_path)


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    place = tmp_path / "site"
    write_report(place, {"index.html": "a"}, {})

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(module.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_report(place, {"index.html": "b"}, {})
    assert (place / "index.html").read_text() == "a"
    assert names(tmp_path) == ["site"]
