"""Retrieving declared sources: the right connector for each, many at a time, failures reported and skipped."""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib.util
import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from jobs.acquire.connectors import apt, folder, npm, pip
from jobs.acquire.connectors.base import Package, Retrieved
from jobs.acquire.connectors.cache import cache_root
from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.source_list import Source
from lakehouse.errors import MixlakeError

log = logging.getLogger("mixlake.acquire")

_AT_A_TIME = 8


def retrieve_all(sources: Sequence[Source]) -> tuple[dict[str, Retrieved], dict[str, str]]:
    """Retrieve sources; waiting for registries is what takes time, so several are fetched at once.

    Returns:
        What was retrieved by source key, and the reasons of those that were skipped, in the order given.
    """
    # Two sources of one package fetch it once: the second waits for the first and finds it in the cache.
    by_place: dict[object, list[Source]] = {}
    # Recordings and pictures first: theirs are the largest packages, which the others are fetched beside.
    for source in sorted(sources, key=lambda source: source.modality not in ("speech", "image")):
        by_place.setdefault(package_of(source) or source.key, []).append(source)
    retrieved: dict[str, Retrieved] = {}
    skipped: dict[str, str] = {}
    with concurrent.futures.ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="retrieve") as pool:
        waiting = {pool.submit(retrieve, group[0]): group for group in by_place.values()}
        for future in concurrent.futures.as_completed(waiting):
            group = waiting[future]
            try:
                with guarded("it cannot be retrieved"):
                    got = future.result()
            except (MixlakeError, RejectedError) as error:
                # Whatever a client, an archive or a library raised over one source, the others go on.
                for source in group:
                    skipped[source.key] = error.message if isinstance(error, MixlakeError) else str(error)
                log.warning("%s skipped: %s", ", ".join(source.key for source in group), error)
                continue
            retrieved.update({source.key: got for source in group})
    order = {source.key: place for place, source in enumerate(sources)}
    return dict(sorted(retrieved.items(), key=lambda item: order[item[0]])), skipped


def retrieve(source: Source) -> Retrieved:
    """Retrieve one source, from the cache where it is there.

    Raises:
        SourceSkippedError: If it cannot be retrieved now.
    """
    package = package_of(source)
    if package is None:
        return folder.fetch(source.path, source.license_file)
    clients = {"apt": apt.fetch, "pip": pip.fetch, "npm": npm.fetch}
    failure = _failure(package)
    try:
        got = clients[package.connector](package)
    except Exception:
        with contextlib.suppress(OSError):
            failure.parent.mkdir(parents=True, exist_ok=True)
            failure.write_text(f"{time.time_ns()}\n")
        raise
    failure.unlink(missing_ok=True)
    return got


def package_of(source: Source) -> Package | None:
    """Return the package of a source; None for a folder."""
    return None if source.connector == "folder" else Package(source.connector, source.package, source.version)


def retrieval_state(source: Source) -> str:
    """Return what is known, without a network, of whether retrieving a package again is worth while.

    It changes when a client is installed or when an attempt failed, so that the next run tries again; it
    does not change when a package enters the cache or the cache is emptied, since the lake holds the bytes.
    """
    package = package_of(source)
    if package is None:
        return ""
    absent = {"apt": ("apt-get", "dpkg-deb"), "npm": ("npm",), "pip": ()}[package.connector]
    words = [f"no {program}" for program in absent if shutil.which(program) is None]
    if package.connector == "pip" and importlib.util.find_spec("pip") is None:
        words.append("no pip")
    with contextlib.suppress(OSError):
        words.append(f"failed {_failure(package).read_text().strip()}")
    return "; ".join(words)


def _failure(package: Package) -> Path:
    return cache_root() / "failed" / package.slug
