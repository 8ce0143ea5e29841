from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobs.acquire.connectors.base import Package, SourceSkippedError
from jobs.acquire.connectors.cache import Unpacked, cache_root, cached, retrieve, sha256

PACKAGE = Package("npm", "@scope/name", "1.0")


def fetcher(calls):
    def fetch(download, into):
        calls.append(download)
        (into / "file").write_text("content")
        return Unpacked("1.0", "MIT", "package.json: MIT", "abc")

    return fetch


def test_a_package_is_fetched_once(cache):
    calls = []
    first = retrieve(PACKAGE, fetcher(calls))
    assert retrieve(PACKAGE, fetcher(calls)) == first == cached(PACKAGE)
    assert len(calls) == 1
    assert (first.root / "file").read_text() == "content"
    assert (first.version, first.license, first.evidence) == ("1.0", "MIT", "package.json: MIT")
    assert first.root.is_relative_to(cache)


def test_a_failed_fetch_leaves_nothing(cache):
    def fail(download, into):
        (into / "half").write_text("x")
        raise SourceSkippedError("the archive is damaged")

    with pytest.raises(SourceSkippedError, match="damaged"):
        retrieve(PACKAGE, fail)
    assert cached(PACKAGE) is None
    assert not [path for path in cache.rglob("*") if path.name in ("half", "package.json")]


def test_half_a_package_is_fetched_again(cache):
    place = cache / "packages" / PACKAGE.slug
    (place / "files").mkdir(parents=True)
    (place / "package.json").write_text('{"version": ')
    assert cached(PACKAGE) is None
    calls = []
    assert (retrieve(PACKAGE, fetcher(calls)).root / "file").exists()


def test_a_package_without_its_files_is_fetched_again(cache):
    calls = []
    shutil.rmtree(retrieve(PACKAGE, fetcher(calls)).root)
    assert cached(PACKAGE) is None
    assert (retrieve(PACKAGE, fetcher(calls)).root / "file").exists()


def test_many_ask_at_once_and_one_fetches(cache):
    calls = []
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: retrieve(PACKAGE, fetcher(calls)), range(8)))
    assert len(calls) == 1
    assert len(set(got)) == 1


def test_processes_share_it(cache):
    retrieve(PACKAGE, fetcher([]))
    code = (
        "from jobs.acquire.connectors.base import Package\n"
        "from jobs.acquire.connectors.cache import retrieve\n"
        "print(retrieve(Package('npm', '@scope/name', '1.0'), None).root)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == cache / "packages" / PACKAGE.slug / "files"


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MIXLAKE_CACHE", str(tmp_path / "file"))
    with pytest.raises(SourceSkippedError, match="cannot be written") as caught:
        retrieve(PACKAGE, fetcher([]))
    assert "MIXLAKE_CACHE" in caught.value.hint


def test_names_cannot_lead_out_of_the_cache(cache):
    odd = Package("npm", "../../x", "../y")
    assert retrieve(odd, fetcher([])).root.resolve().is_relative_to(cache / "packages" / "npm")


def test_the_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("MIXLAKE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_root() == tmp_path / "mixlake"


def test_sha256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256(tmp_path / "f") == hashlib.sha256(b"abc").hexdigest()
