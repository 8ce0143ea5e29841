from __future__ import annotations

import zipfile

import pytest

from jobs.acquire.connectors import pip
from jobs.acquire.connectors.base import Package, SourceSkippedError


def wheel(path, metadata):
    with zipfile.ZipFile(path / "thing-1.2-py3-none-any.whl", "w") as archive:
        archive.writestr("thing/data.txt", "data")
        archive.writestr(
            "thing-1.2.dist-info/METADATA", f"Metadata-Version: 2.4\nName: thing\nVersion: 1.2\n{metadata}\n\nText"
        )


@pytest.mark.parametrize(
    ("metadata", "license_", "words"),
    [
        ("License-Expression: MIT OR Apache-2.0", "MIT OR Apache-2.0", "License-Expression: MIT OR Apache-2.0"),
        ("License: MIT License", "MIT", "License: MIT License"),
        ("Classifier: License :: OSI Approved :: BSD License", "", "License :: OSI Approved :: BSD License"),
        ("Summary: x", "", "states no licence"),
    ],
)
def test_a_wheel_is_unpacked_and_its_licence_read(monkeypatch, metadata, license_, words):
    monkeypatch.setattr(pip, "run_client", lambda command, cwd: wheel(cwd, metadata))
    got = pip.fetch(Package("pip", "thing"))
    assert (got.root / "thing/data.txt").read_text() == "data"
    assert (got.version, got.license, got.evidence) == ("1.2", license_, f"thing-1.2.dist-info/METADATA: {words}")


def test_no_source_archive_is_asked_for(monkeypatch):
    asked = []
    monkeypatch.setattr(pip, "run_client", lambda command, cwd: asked.append(command))
    with pytest.raises(SourceSkippedError, match="0 wheels"):
        pip.fetch(Package("pip", "--evil", "1.0"))
    assert "--only-binary=:all:" in asked[0]
    assert asked[0][-2:] == ["--", "--evil==1.0"]


@pytest.mark.network
def test_a_real_wheel():
    got = pip.fetch(Package("pip", "six", "1.17.0"))
    assert (got.root / "six.py").is_file()
    assert got.version == "1.17.0"
