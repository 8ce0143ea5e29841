"""Debian packages, by apt-get and dpkg-deb. Nothing is installed, no script of the package runs, no root is needed."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from pathlib import Path
from typing import IO, cast

from jobs.acquire.connectors.base import Package, Retrieved, SourceSkippedError
from jobs.acquire.connectors.cache import Unpacked, cache_root, retrieve, sha256
from jobs.acquire.connectors.client import require_client, run_client
from jobs.acquire.connectors.licences import debian_copyright
from jobs.acquire.connectors.unpack import unpack_tar

log = logging.getLogger("mixlake.acquire")
_updating = threading.Lock()


def fetch(package: Package) -> Retrieved:
    """Retrieve a package of the machine's own Debian release.

    Raises:
        SourceSkippedError: If apt is absent, knows no such package, or cannot reach its archive.
    """
    return retrieve(package, lambda download, into: _fetch(package, download, into))


def _fetch(package: Package, download: Path, into: Path) -> Unpacked:
    require_client("apt-get", "packages of Debian need a Debian or Ubuntu")
    dpkg = require_client("dpkg-deb", "packages of Debian need a Debian or Ubuntu")
    wanted = f"{package.name}={package.version}" if package.version else package.name
    try:
        run_client(["apt-get", *_options(), "download", wanted], cwd=download, attempts=1)
    except SourceSkippedError as error:
        log.debug("apt-get download %s: %s; with lists of our own now", wanted, error.message)
        lists = _own_lists()
        run_client(["apt-get", *_options(), *lists, "download", wanted], cwd=download)
    debs = sorted(download.glob("*.deb"))
    if len(debs) != 1:
        raise SourceSkippedError(f"apt-get brought {len(debs)} files for {wanted}", "name one package")
    version = run_client([dpkg, "-f", str(debs[0]), "Version"], cwd=download, attempts=1).strip()
    _unpack(dpkg, debs[0], into)
    expression, words = debian_copyright(into / "usr/share/doc" / package.name / "copyright")
    evidence = f"usr/share/doc/{package.name}/copyright: {words}"
    return Unpacked(version, expression, evidence, sha256(debs[0]))


def _options() -> list[str]:
    """Root downloads as root: the sandbox user of apt may not enter the cache folder."""
    return ["-qq", *(["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else [])]


def _own_lists() -> list[str]:
    """Fetch package lists into the cache, where the machine has none or old ones, and return the options for them."""
    state = cache_root() / "apt"
    lists = state / "lists"
    options = []
    for name, value in (
        ("Dir::State::Lists", lists),
        ("Dir::Cache::Archives", state / "archives"),
        ("Dir::Cache::pkgcache", state / "pkgcache.bin"),
        ("Dir::Cache::srcpkgcache", state / "srcpkgcache.bin"),
    ):
        options += ["-o", f"{name}={value}"]
    with _updating:
        if not _updated(lists):
            (lists / "partial").mkdir(parents=True, exist_ok=True)
            (state / "archives" / "partial").mkdir(parents=True, exist_ok=True)
            run_client(["apt-get", *_options(), *options, "update"], cwd=state, attempts=2)
            (lists / ".updated").write_text(str(os.getpid()))
    return options


def _updated(lists: Path) -> bool:
    """Whether this process fetched the lists already."""
    mark = lists / ".updated"
    return mark.is_file() and mark.read_text() == str(os.getpid())


def _unpack(dpkg: str, deb: Path, into: Path) -> None:
    """Unpack a package's files through our own guard, rather than let dpkg-deb write what the package says."""
    with subprocess.Popen(
        [dpkg, "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            unpack_tar(cast("IO[bytes]", process.stdout), into)
            # The tar's end was read; what is left is padding, which dpkg-deb must get rid of to end well.
            while cast("IO[bytes]", process.stdout).read(1 << 20):
                pass
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise SourceSkippedError(f"{deb.name} is damaged", "fetch it again")
