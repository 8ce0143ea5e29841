"""Diagnose this machine and lake, with fixes.

Nothing is changed, and no JVM is started but for ``java -version``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lakehouse.declare.config import load_config
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import lost_files
from lakehouse.delta.log_health import log_problem
from lakehouse.delta.scan import scan
from lakehouse.delta.store import s3
from lakehouse.delta.store.conditional_put import require_atomic_commits
from lakehouse.delta.store.table_folder import table_folder
from lakehouse.delta.table_errors import corrupt_log, lost_file
from lakehouse.errors import MixlakeError, first_line
from lakehouse.project import Project
from lakehouse.spark.session import check_java
from lakehouse.spark.settings import MASTER, is_local

State = Literal["ok", "warning", "broken"]

PYTHON = (3, 12)
_GIB = 1 << 30
_DISK = 10 * _GIB
_MEMORY = 6 * _GIB
_CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one examination.

    Args:
        name: What was examined.
        state: ok; warning, if some work will suffer; broken, if some will fail.
        detail: What was found.
        fix: What to do about it, empty if it is ok.
    """

    name: str
    state: State
    detail: str
    fix: str = ""


def examine(uri: str | None = None, master: str | None = None) -> list[Finding]:
    """Examine the machine, the packages, the configuration and the lake.

    Args:
        uri: The lake's location, by default the configuration's.
        master: Where Spark is to run, by default the configuration's.

    Returns:
        The findings, in the order of examination.
    """
    findings = [_python(), _java(), *_packages(), _memory()]
    try:
        config = load_config()
        project = Project(config.with_lake(uri) if uri else config)
        catalog = project.catalog
    except MixlakeError as error:
        return [*findings, Finding("configuration", "broken", error.message, error.hint)]
    root = str(project.config.root)
    configuration = Finding("configuration", "ok", f"read from {root}")
    findings += [configuration, _declarations(project), *_master(project, master), _store(project)]
    return [*findings, *_lake(catalog)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON:
        return Finding("python", "broken", version, f"install Python {'.'.join(map(str, PYTHON))} or later")
    return Finding("python", "ok", f"{version}, {sys.executable}")


def _java() -> Finding:
    try:
        return Finding("java", "ok", check_java())
    except MixlakeError as error:
        return Finding("java", "warning", f"{error.message}; running flows on Spark needs one", error.hint)
    except OSError as error:
        return Finding("java", "warning", f"java does not run: {error}", "install a JDK of version 17 or later")


def _packages() -> Iterator[Finding]:
    needed = {
        "numba": ("numba", "running flows in this process", "pip install 'mixlake[run]'", "broken"),
        "openlineage-python": ("openlineage", "reporting runs", "pip install 'mixlake[run]'", "warning"),
        "pyspark": ("pyspark", "running flows on Spark", "pip install 'mixlake[spark]'", "warning"),
        "delta-spark": ("delta", "running flows on Spark", "pip install 'mixlake[spark]'", "warning"),
        "torch": ("torch", "training", "pip install 'mixlake[train]'", "warning"),
        "megatron-core": ("megatron", "training", "pip install 'mixlake[train]'", "warning"),
    }
    for name, (module, use, fix, state) in needed.items():
        if importlib.util.find_spec(module) is None:
            yield Finding(name, "broken" if state == "broken" else "warning", f"is missing; {use} needs it", fix)
            continue
        try:
            yield Finding(name, "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "ok", "version unknown")


def _memory() -> Finding:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return Finding("memory", "ok", "unknown")
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text(encoding="ascii").strip()).isdigit():
        total = min(total, int(text))
    size = f"{total / _GIB:.1f} GiB, {os.cpu_count()} cores"
    if total < _MEMORY:
        fix = "set spark.driver.memory in mixlake.yaml to less than half of it"
        return Finding("memory", "warning", size, fix)
    return Finding("memory", "ok", size)


def _declarations(project: Project) -> Finding:
    def count() -> str:
        return f"{len(project.registry.tables)} tables, {len(project.registry.flows)} flows"

    return _finding("declarations", count)


def _master(project: Project, url: str | None) -> Iterator[Finding]:
    """Check that a cluster answers; Kubernetes is left to its own tools."""
    master = url or project.config.spark.get(MASTER, "local[*]")
    if is_local(master):
        return
    if master == "yarn":
        known = [
            name for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR") if Path(os.environ.get(name, "/missing")).is_dir()
        ]
        fix = "" if known else "set HADOOP_CONF_DIR to the folder of yarn-site.xml"
        yield Finding("master", "ok" if known else "broken", f"yarn, {known[0] if known else 'no configuration'}", fix)
        return
    for place in master.removeprefix("spark://").split(",") if master.startswith("spark://") else ():
        host, _, port = place.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS):
                yield Finding("master", "ok", f"spark://{place} answers")
        except (OSError, ValueError, OverflowError) as error:
            yield Finding("master", "broken", f"spark://{place}: {error}", "correct --master, or start the cluster")
    if not project.catalog.uri.startswith("/"):
        return
    fix = "make it a folder that all workers see, or an object store: --lake s3://BUCKET/PATH"
    yield Finding(
        "lake location", "warning", f"{project.catalog.uri} is a folder, and flows run on other machines", fix
    )


def _store(project: Project) -> Finding:
    if s3.is_s3(project.catalog.uri):

        def examine_store() -> str:
            require_atomic_commits(project.catalog.uri, project.config.storage)
            return "the lake is on S3, which honours conditional puts"

        return _finding("store", examine_store)
    if "://" in project.catalog.uri:
        return Finding("disk", "ok", "the lake is in an object store")
    place = Path(project.catalog.uri)
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    space = f"{free / _GIB:.1f} GiB free at {place}"
    if not os.access(place, os.W_OK):
        return Finding(
            "disk", "broken", f"{place} cannot be written", "correct its permissions, or name another --lake"
        )
    if free < _DISK:
        return Finding("disk", "warning", space, "free some space, or name another --lake")
    return Finding("disk", "ok", space)


def _lake(catalog: Catalog) -> Iterator[Finding]:
    try:
        names = catalog.names()
    except (MixlakeError, OSError) as error:
        yield Finding("lake", "broken", f"{catalog.uri}: {error}", "correct --lake, MIXLAKE_LAKE or mixlake.yaml")
        return
    if not names:
        yield Finding("lake", "ok", f"{catalog.uri} has no tables yet", "")
        return

    def examine_table(name: str) -> Finding | None:
        finding = _finding(name, lambda: _readable(catalog, name))
        return None if finding.state == "ok" else finding

    with ThreadPoolExecutor(8) as pool:
        broken = [finding for finding in pool.map(examine_table, names) if finding is not None]
    yield Finding("lake", "broken" if broken else "ok", f"{catalog.uri}: {len(names)} tables, {len(broken)} unreadable")
    yield from broken


def _readable(catalog: Catalog, name: str) -> str:
    """Check that a table can be read: its log, the features that it uses, and that its data files exist.

    Raises:
        LakeError: If it cannot be read.
    """
    problem = log_problem(table_folder(catalog.table_uri(name), catalog.storage_options))
    if problem is not None:
        raise corrupt_log(name, problem)
    opened = catalog.open(name)
    rows = str(scan(opened, name))
    if lost := lost_files(opened):
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        raise lost_file(name, f"{lost[0]}{more}")
    return rows


def _finding(name: str, examine: Callable[[], str]) -> Finding:
    """Turn an error of an examination into a finding."""
    try:
        return Finding(name, "ok", examine())
    except MixlakeError as error:
        return Finding(name, "broken", error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - whatever is wrong is the finding
        if os.environ.get("MIXLAKE_DEBUG"):
            traceback.print_exc()
        problem = f"{type(error).__name__}: {first_line(error)}"
        return Finding(name, "broken", problem, "MIXLAKE_DEBUG=1 shows the whole error")
