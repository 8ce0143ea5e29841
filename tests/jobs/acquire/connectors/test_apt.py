from __future__ import annotations

import shutil
import subprocess

import pytest

from jobs.acquire.connectors import apt
from jobs.acquire.connectors.base import Package, SourceSkippedError

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb makes and unpacks the package")

COPYRIGHT = "Format: copyright-format/1.0\n\nFiles: *\nLicense: GPL-2+\n"


@pytest.fixture
def deb(tmp_path):
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    control = (
        "Package: thing\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: me <me@example.org>\nDescription: a thing\n"
    )
    (tree / "DEBIAN/control").write_text(control)
    script = tree / "DEBIAN/postinst"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/script-ran\n")
    script.chmod(0o755)
    docs = tree / "usr/share/doc/thing"
    docs.mkdir(parents=True)
    (docs / "copyright").write_text(COPYRIGHT)
    (docs / "index.html").write_text("<p>hello")
    (docs / "leaves").symlink_to("/etc/passwd")
    out = tmp_path / "thing_1%3a2.0-1_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, out], check=True, capture_output=True)
    return out


@pytest.fixture
def archive(monkeypatch):
    """An apt-get that serves one file, or fails without lists of our own."""
    asked = []
    real = apt.run_client
    monkeypatch.setattr(apt, "_prepared", set())
    monkeypatch.setattr(apt, "require_client", lambda program, hint: program)

    def serve(path, old_lists=False):
        def run(command, cwd, **limits):
            if command[0] not in ("apt-get", "apt-cache"):
                return real(command, cwd=cwd, **limits)
            asked.append(command)
            own = any(word.startswith("Dir::State::Lists=") for word in command)
            if "download" in command:
                if path is None or (old_lists and not own):
                    raise SourceSkippedError("apt-get failed: E: Unable to locate package thing")
                shutil.copy(path, cwd)
            return ""

        monkeypatch.setattr(apt, "run_client", run)
        return asked

    return serve


@needs_dpkg
def test_a_package_is_unpacked_without_running_it(deb, archive, tmp_path):
    archive(deb)
    got = apt.fetch(Package("apt", "thing"))
    assert (got.root / "usr/share/doc/thing/index.html").read_text() == "<p>hello"
    assert not (got.root / "usr/share/doc/thing/leaves").is_symlink()
    assert (got.version, got.license) == ("1:2.0-1", "GPL-2.0-or-later")
    assert got.evidence == "usr/share/doc/thing/copyright: Files: * License: GPL-2+"
    assert not (tmp_path / "script-ran").exists()
    assert not (got.root / "DEBIAN").exists()


@needs_dpkg
def test_old_lists_are_fetched_anew_into_the_cache(deb, archive, cache):
    asked = archive(deb, old_lists=True)
    apt.fetch(Package("apt", "thing"))
    updates = [command for command in asked if "update" in command]
    assert len(updates) == 1
    assert f"Dir::State::Lists={cache}/apt/fresh/lists" in updates[0]


def test_an_unknown_package_is_told(archive):
    archive(None)
    with pytest.raises(SourceSkippedError, match="Unable to locate"):
        apt.fetch(Package("apt", "thing"))


@needs_dpkg
def test_a_damaged_package_is_told(deb, archive):
    deb.write_bytes(deb.read_bytes()[:-300])
    archive(deb)
    with pytest.raises(SourceSkippedError):
        apt.fetch(Package("apt", "thing"))


def test_an_absent_apt_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceSkippedError, match="apt-get is not on this machine"):
        apt.fetch(Package("apt", "thing"))


@pytest.mark.network
@needs_dpkg
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="no apt-get")
def test_a_real_package():
    got = apt.fetch(Package("apt", "fortunes-zh"))
    assert (got.root / "usr/share/games/fortunes/tang300").is_file()
    assert got.license == "GPL-3.0-or-later"
