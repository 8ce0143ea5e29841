"""Debian packages, by apt-get and dpkg-deb. Nothing is installed, no script of the package runs, no root is needed."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

from jobs.acquire.connectors.base import Package, Retrieved, SourceSkippedError
from jobs.acquire.connectors.cache import Unpacked, cache_root, retrieve, sha256
from jobs.acquire.connectors.client import require_client, run_client
from jobs.acquire.connectors.licences import debian_copyright
from jobs.acquire.connectors.unpack import unpack_tar

log = logging.getLogger("mixlake.acquire")
_preparing = threading.Lock()
_prepared: set[Path] = set()


def fetch(package: Package) -> Retrieved:
    """Retrieve a package of the machine's own Debian release.

    Raises:
        SourceSkippedError: If apt is not installed, has no such package, or cannot reach its archive.
    """
    got = retrieve(package, lambda download, into: _fetch(package, download, into))
    # Read again, so that what the cache keeps of an older reading does not count.
    expression, evidence = _licence(package, got.root)
    return replace(got, license=expression, evidence=evidence)


def _fetch(package: Package, download: Path, into: Path) -> Unpacked:
    require_client("apt-get", "packages of Debian need a Debian or Ubuntu")
    dpkg = require_client("dpkg-deb", "packages of Debian need a Debian or Ubuntu")
    wanted = f"{package.name}={package.version}" if package.version else package.name
    try:
        run_client(["apt-get", *_options(), "download", "--", wanted], cwd=download, attempts=1)
    except SourceSkippedError as error:
        log.debug("apt-get download %s: %s; with fresh lists now", wanted, error.message)
        run_client(["apt-get", *_options(lists=True), "download", "--", wanted], cwd=download)
    debs = sorted(download.glob("*.deb"))
    if len(debs) != 1:
        raise SourceSkippedError(f"apt-get brought {len(debs)} files for {wanted}", "name one package")
    version = run_client([dpkg, "-f", str(debs[0]), "Version"], cwd=download, attempts=1).strip()
    refused = _unpack(dpkg, debs[0], into)
    expression, evidence = _licence(package, into)
    return Unpacked(version, expression, evidence, sha256(debs[0]), refused=refused)


def _licence(package: Package, root: Path) -> tuple[str, str]:
    name = f"usr/share/doc/{package.name}/copyright"
    expression, words = debian_copyright(root / name)
    return expression, f"{name}: {words}"


def _options(*, lists: bool = False) -> list[str]:
    """Return options that keep apt's state in our cache: the index of its lists, made once, and lists of our own.

    Reparsing the machine's package lists takes apt a second per call; the index brings that to a quarter. Lists of
    our own are fetched, once per process, where the machine has none or ones that have become too old.
    """
    state = cache_root() / "apt" / ("fresh" if lists else "machine")
    # Root downloads as root: apt's sandbox user may not enter the cache folder.
    options = ["-qq", *(["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else [])]
    options += ["-o", f"Dir::Cache::pkgcache={state}/pkgcache.bin"]
    options += ["-o", f"Dir::Cache::srcpkgcache={state}/srcpkgcache.bin"]
    options += ["-o", f"Dir::Cache::Archives={state}/archives"]
    if lists:
        options += ["-o", f"Dir::State::Lists={state}/lists"]
    with _preparing:
        if state not in _prepared:
            (state / "archives" / "partial").mkdir(parents=True, exist_ok=True)
            if lists:
                (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
                run_client(["apt-get", *options, "update"], cwd=state, attempts=2)
            # The index is ours alone, so the machine's locks, which need root, are not taken.
            with contextlib.suppress(SourceSkippedError):  # only speed is lost
                run_client(["apt-cache", *options, "-o", "Debug::NoLocking=true", "gencaches"], cwd=state, attempts=1)
            _prepared.add(state)
    return options


def _unpack(dpkg: str, deb: Path, into: Path) -> tuple[str, ...]:
    """Unpack a package's files through our own guard, rather than let dpkg-deb write what the package says."""
    refused: list[str] = []
    with subprocess.Popen(
        [dpkg, "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            unpack_tar(cast("IO[bytes]", process.stdout), into, refused=refused)
            # The tar's end was read; what is left is padding, which dpkg-deb must get rid of to end well.
            while cast("IO[bytes]", process.stdout).read(1 << 20):
                pass
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise SourceSkippedError(f"{deb.name} is damaged", "fetch it again")
    return tuple(refused)
