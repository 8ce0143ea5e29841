"""Packages of the npm registry, by npm pack. Nothing is installed, and no script of the package runs."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs.acquire.connectors.base import Package, Retrieved, SourceSkippedError
from jobs.acquire.connectors.cache import Unpacked, retrieve, sha256
from jobs.acquire.connectors.client import require_client, run_client
from jobs.acquire.connectors.unpack import unpack_tar
from jobs.acquire.package_licence import Packaged, npm_licence


def fetch(package: Package) -> Retrieved:
    """Retrieve a package; its files are in the folder ``package``.

    Raises:
        SourceSkippedError: If npm is not installed, has no such package, or cannot reach its registry.
    """
    got = retrieve(package, lambda download, into: _fetch(package, download, into))
    # Read again, so that what the cache keeps of an older reading does not count.
    found, stated, evidence = _manifest(got.root)
    if found is None:
        return got
    return replace(got, license=stated.license, evidence=evidence, families=stated.families)


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
    refused: list[str] = []
    with archives[0].open("rb") as stream:
        unpack_tar(stream, into, refused=refused)
    return dataclasses.replace(_describe(archives[0], into), refused=tuple(refused))


def _describe(archive: Path, into: Path) -> Unpacked:
    metadata, stated, evidence = _manifest(into)
    if metadata is None:
        raise SourceSkippedError(f"{archive.name} has no package.json", "it is no package")
    return Unpacked(str(metadata.get("version", "")), stated.license, evidence, sha256(archive))


def _manifest(root: Path) -> tuple[dict[str, Any] | None, Packaged, str]:
    """Return a package.json, what it states of its licence, and the words; None where there is none."""
    manifests = sorted(root.glob("*/package.json"))
    try:
        metadata = json.loads(manifests[0].read_text("utf-8-sig")) if manifests else None
    except (OSError, ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        return None, Packaged(), "no package.json"
    stated = npm_licence(metadata)
    return metadata, stated, f"package.json: {stated.words}" if stated.words else "package.json states no licence"
