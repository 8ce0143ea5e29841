"""Wheels from the Python package index, by pip. Nothing is installed, and no code of the package runs."""

from __future__ import annotations

import importlib.util
import sys
from email.parser import HeaderParser
from pathlib import Path

from jobs.acquire.connectors.base import Package, Retrieved, SourceSkippedError
from jobs.acquire.connectors.cache import Unpacked, retrieve, sha256
from jobs.acquire.connectors.client import run_client
from jobs.acquire.connectors.unpack import unpack_zip


def fetch(package: Package) -> Retrieved:
    """Retrieve a wheel. Source archives are not downloaded: reading their metadata runs their code.

    Raises:
        SourceSkippedError: If pip is absent, or the package has no wheel for this machine.
    """
    return retrieve(package, lambda download, into: _fetch(package, download, into))


def _fetch(package: Package, download: Path, into: Path) -> Unpacked:
    if importlib.util.find_spec("pip") is None:
        raise SourceSkippedError(f"{sys.executable} has no pip", "run: python -m ensurepip")
    wanted = f"{package.name}=={package.version}" if package.version else package.name
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--quiet"]
    run_client([sys.executable, "-m", "pip", "download", *options, "--dest", str(download), "--", wanted], cwd=download)
    wheels = sorted(download.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceSkippedError(f"pip brought {len(wheels)} wheels for {wanted}", "name a package that has a wheel")
    unpack_zip(wheels[0], into)
    return _describe(wheels[0], into)


def _describe(wheel: Path, into: Path) -> Unpacked:
    metadata_files = sorted(into.glob("*.dist-info/METADATA"))
    if not metadata_files:
        raise SourceSkippedError(f"{wheel.name} has no METADATA", "it is no wheel")
    metadata = HeaderParser().parsestr(metadata_files[0].read_text("utf-8", "replace"))
    name = metadata_files[0].relative_to(into).as_posix()
    expression = (metadata["License-Expression"] or "").strip()
    stated = (metadata["License"] or "").strip().split("\n", 1)[0][:200]
    classifiers = [value for value in metadata.get_all("Classifier") or () if value.startswith("License ::")]
    if expression:
        words = f"License-Expression: {expression}"
    elif stated:
        words = f"License: {stated}"
    else:
        words = "; ".join(classifiers) or "states no licence"
    return Unpacked((metadata["Version"] or "").strip(), expression, f"{name}: {words}", sha256(wheel))
