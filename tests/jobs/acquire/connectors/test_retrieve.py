from __future__ import annotations

from jobs.acquire.connectors import npm
from jobs.acquire.connectors.base import SourceSkippedError
from jobs.acquire.connectors.cache import Unpacked
from jobs.acquire.connectors.cache import retrieve as through_cache
from jobs.acquire.connectors.retrieve import retrieval_state, retrieve_all
from jobs.acquire.source_list import Source


def source(key, connector="npm", **said):
    return Source(key=key, connector=connector, license="MIT", modality="text", kind="note", **said)


def serving(calls, failing=()):
    def fetch(package):
        if package.name in failing:
            raise SourceSkippedError(f"npm failed: no {package.name}")

        def unpack(download, into):
            calls.append(package.name)
            (into / "file").write_text("x")
            return Unpacked("1", "MIT", "", "")

        return through_cache(package, unpack)

    return fetch


def test_one_failure_stops_nothing(monkeypatch, tmp_path, caplog):
    (tmp_path / "f").write_text("x")
    monkeypatch.setattr(npm, "fetch", serving([], failing=("bad",)))
    wanted = [source("b", package="bad"), source("a", package="good"), source("c", "folder", path=str(tmp_path))]
    found, skipped = retrieve_all(wanted)
    assert list(found) == ["a", "c"]
    assert skipped == {"b": "npm failed: no bad"}
    assert "b skipped: npm failed: no bad" in caplog.text


def test_sources_of_one_package_fetch_it_once(monkeypatch):
    calls = []
    monkeypatch.setattr(npm, "fetch", serving(calls))
    found, _ = retrieve_all([source("a", package="p"), source("b", package="p")])
    assert calls == ["p"]
    assert found["a"] == found["b"]


def test_what_was_fetched_is_there_offline(monkeypatch):
    monkeypatch.setattr(npm, "fetch", serving([]))
    online, _ = retrieve_all([source("a", package="p")])
    monkeypatch.undo()
    monkeypatch.setenv("MIXLAKE_CACHE", str(online["a"].root.parents[3]))
    monkeypatch.setenv("PATH", "/nowhere")
    offline, skipped = retrieve_all([source("a", package="p")])
    assert offline == online
    assert not skipped


def test_a_failure_makes_the_next_run_try_again_and_success_settles_it(monkeypatch):
    wanted = source("a", package="p")
    before = retrieval_state(wanted)
    monkeypatch.setattr(npm, "fetch", serving([], failing=("p",)))
    retrieve_all([wanted])
    failed = retrieval_state(wanted)
    assert failed != before
    monkeypatch.setattr(npm, "fetch", serving([]))
    retrieve_all([wanted])
    assert retrieval_state(wanted) == before


def test_installing_a_client_is_noticed(monkeypatch, tmp_path):
    wanted = source("a", package="p")
    monkeypatch.setenv("PATH", str(tmp_path))
    absent = retrieval_state(wanted)
    (tmp_path / "npm").write_text("#!/bin/sh\n")
    (tmp_path / "npm").chmod(0o755)
    assert retrieval_state(wanted) != absent
