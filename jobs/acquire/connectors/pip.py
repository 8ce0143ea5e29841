"""Wheels from the Python package index, by pip. Nothing is installed, and no code of the package runs."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from dataclasses import replace
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from jobs.acquire.connectors.base import Package, Retrieved, SourceSkippedError
from jobs.acquire.connectors.cache import Unpacked, retrieve, sha256
from jobs.acquire.connectors.client import run_client
from jobs.acquire.connectors.unpack import unpack_zip
from jobs.acquire.package_licence import Packaged, wheel_licence


def fetch(package: Package) -> Retrieved:
    """Retrieve a wheel. Source archives are not downloaded: reading their metadata runs their code.

    Raises:
        SourceSkippedError: If pip is absent, or the package has no wheel for this machine.
    """
    got = retrieve(package, lambda download, into: _fetch(package, download, into))
    # Read again, so that what the cache keeps of an older reading does not count.
    found, stated, evidence = _metadata(got.root)
    if found is None:
        return got
    return replace(got, license=stated.license, evidence=evidence, families=stated.families)


def _fetch(package: Package, download: Path, into: Path) -> Unpacked:
    if importlib.util.find_spec("pip") is None:
        raise SourceSkippedError(f"{sys.executable} has no pip", "run: python -m ensurepip")
    wanted = f"{package.name}=={package.version}" if package.version else package.name
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--quiet"]
    run_client([sys.executable, "-m", "pip", "download", *options, "--dest", str(download), "--", wanted], cwd=download)
    wheels = sorted(download.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceSkippedError(f"pip brought {len(wheels)} wheels for {wanted}", "name a package that has a wheel")
    refused: list[str] = []
    unpack_zip(wheels[0], into, refused=refused)
    return dataclasses.replace(_describe(wheels[0], into), refused=tuple(refused))


def _describe(wheel: Path, into: Path) -> Unpacked:
    metadata, stated, evidence = _metadata(into)
    if metadata is None:
        raise SourceSkippedError(f"{wheel.name} has no METADATA", "it is no wheel")
    return Unpacked((metadata["Version"] or "").strip(), stated.license, evidence, sha256(wheel))


def _metadata(root: Path) -> tuple[Message | None, Packaged, str]:
    """Return a wheel's METADATA, what it states of its licence, and the words; None where there is none."""
    files = sorted(root.glob("*.dist-info/METADATA"))
    if not files:
        return None, Packaged(), "no METADATA"
    metadata = HeaderParser().parsestr(files[0].read_text("utf-8", "replace"))
    stated = wheel_licence(metadata)
    return metadata, stated, f"{files[0].relative_to(root).as_posix()}: {stated.words or 'states no licence'}"
