"""Packages of the npm registry, by npm pack. Nothing is installed, and no script of the package runs."""

from __future__ import annotations

import json
from pathlib import Path

from jobs.acquire.connectors.base import Package, Retrieved, SourceSkippedError
from jobs.acquire.connectors.cache import Unpacked, retrieve, sha256
from jobs.acquire.connectors.client import require_client, run_client
from jobs.acquire.connectors.unpack import unpack_tar


def fetch(package: Package) -> Retrieved:
    """Retrieve a package; its files are in the folder ``package``.

    Raises:
        SourceSkippedError: If npm is not installed, has no such package, or cannot reach its registry.
    """
    return retrieve(package, lambda download, into: _fetch(package, download, into))


def _fetch(package: Package, download: Path, into: Path) -> Unpacked:
    npm = require_client("npm", "packages of npm need Node.js with npm")
    wanted = f"{package.name}@{package.version}" if package.version else package.name
    # What does not name a registry's package (a folder, a git address) would be packed by running its scripts.
    if wanted.startswith((".", "/", "~")) or ":" in wanted or wanted.count("/") > wanted.startswith("@"):
        raise SourceSkippedError(f"{wanted!r} is no package of the registry", "write name or @scope/name")
    run_client([npm, "pack", "--ignore-scripts", "--loglevel=error", "--", wanted], cwd=download)
    archives = sorted(download.glob("*.tgz"))
    if len(archives) != 1:
        raise SourceSkippedError(f"npm brought {len(archives)} archives for {wanted}", "name one package")
    with archives[0].open("rb") as stream:
        unpack_tar(stream, into)
    return _describe(archives[0], into)


def _describe(archive: Path, into: Path) -> Unpacked:
    manifests = sorted(into.glob("*/package.json"))
    try:
        metadata = json.loads(manifests[0].read_text("utf-8")) if manifests else None
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict):
        raise SourceSkippedError(f"{archive.name} has no package.json", "it is no package")
    stated = metadata.get("license")
    expression = stated.strip() if isinstance(stated, str) and not stated.upper().startswith("SEE ") else ""
    words = f"package.json: license: {json.dumps(stated)}" if stated else "package.json states no licence"
    return Unpacked(str(metadata.get("version", "")), expression, words, sha256(archive))
