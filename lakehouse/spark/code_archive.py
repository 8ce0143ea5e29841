"""Ship the project's code to the workers of a cluster.

Workers run the code that the driver runs. On a cluster the driver's packages (the engine, those that installed
packages and ``modules:`` name) go there as one zip, which Spark puts first on a worker's import path, so that
neither an older mixlake on a worker nor a missing one matters. Libraries are not sent: workers need those
of `mixlake[jobs]` from an image or a packed environment. Parameters that name files go along, too.

On one machine workers find the code where the driver does, also those of a session that was started for another
folder. A session that outlives a change of the code (a notebook) is sent functions by value, since its workers do not
import a module twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import io
import logging
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.declare.own_packages import GROUPS, HOME, hidden_by, package_of, place_of, require_one_package
from lakehouse.declare.params import file_fields
from lakehouse.spark.settings import is_local

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("mixlake.code")

_AT = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = {"__pycache__", ".venv"}
_COMPILED = (".so", ".pyd", ".dylib")

# What each Spark application was sent: the digest of the zip.
_sent: dict[str, str] = {}
_folder: tempfile.TemporaryDirectory[str] | None = None


def distribute_code(session: SparkSession, modules: Sequence[str], root: Path) -> None:
    """Make a team's and the engine's code importable, or otherwise known, on the workers.

    Args:
        session: The session.
        modules: Modules of the configuration, in addition to the installed ones.
        root: Folder of the configuration; modules below it are a team's own.
    """
    context = session.sparkContext
    if is_local(context.master or "local"):
        _by_value(modules, root)
        context.environment.update(_worker_path(context.environment.get("PYTHONPATH", ""), modules, root))
        return
    body = archive(packages(modules, root))
    digest = hashlib.sha256(body).hexdigest()[:16]
    before = _sent.setdefault(context.applicationId, digest)
    if before != digest:
        _by_value(modules, root)
        return
    path = _outbox() / f"mixlake-{digest}.zip"
    path.write_bytes(body)
    known = list(sys.path)
    context.addPyFile(str(path))
    sys.path[:] = known  # the driver has its code already
    log.info("sent %d kB of code to the workers", len(body) // 1000)


def _worker_path(before: str, modules: Sequence[str], root: Path) -> dict[str, str]:
    """Return what to set for workers of this machine, so that they import what the driver does.

    Python starts them as ``-m pyspark.daemon``, with the current folder first on their path, and ``PYTHONPATH`` before
    what is installed. A folder with a package of a name of mixlake's must not come first there.

    Args:
        before: ``PYTHONPATH`` as it is for them.
        modules: Modules of the configuration.
        root: Its folder.
    """
    there = [*filter(None, before.split(os.pathsep))]
    folders = [str(root), *there] if modules else there
    if any(hidden_by(folder) for folder in (root, Path.cwd(), *map(Path, there))):
        path = [str(HOME), *folders, str(Path.cwd())]
        return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(path)), "PYTHONSAFEPATH": "1"}
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(folders))} if modules else {}


def packages(modules: Iterable[str] = (), root: Path | None = None) -> list[str]:
    """Return the top-level packages that flows may import.

    Args:
        modules: Modules of the configuration, in addition to the engine's and installed ones.
        root: Folder of the configuration; what was imported from below it goes along.

    Raises:
        ConfigError: If a team's package has the name of one of mixlake's.
    """
    points = [point for group in GROUPS for point in importlib.metadata.entry_points(group=group)]
    modules = list(modules)
    named = ["lakehouse", *(point.module for point in points), *modules]
    if root is not None:
        team = [*modules, *(name for name in list(sys.modules) if "." not in name and _is_own(name, root))]
        for name in team:
            require_one_package(name.split(".", 1)[0], root)
        named.extend(team)
    return sorted({name.split(".", 1)[0] for name in named} - {"__main__"})


def _is_own(name: str, root: Path) -> bool:
    """Whether an imported module is in a team's own folder, and not in an environment there."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if not file:
        return False
    path = Path(file).resolve()
    return path.is_relative_to(root) and not {".venv", "site-packages"} & set(path.parts)


def archive(names: Iterable[str], extra: Mapping[str, Path] | None = None) -> bytes:
    """Return packages as a zip that Python imports from, with what is installed of them for `importlib.metadata`.

    The same files give the same bytes.

    Args:
        names: Top-level packages or modules.
        extra: Further files by their name in the zip.
    """
    files: dict[str, Path | str] = dict(extra or {})
    tops = list(names)
    for name in tops:
        files.update(_files(name))
    files.update(_installed(tops))
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as into:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _AT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            into.writestr(entry, content if isinstance(content, str) else content.read_bytes())
    return body.getvalue()


def package_folder(name: str) -> Path | None:
    """Return the folder of a package that is sent, None where it is a single module or has none."""
    folders = _folders(name)
    return folders[0] if folders else None


def _folders(name: str) -> list[Path]:
    own = _own_places().get(name)
    if own is not None:
        return [own] if own.is_dir() else []
    spec = importlib.util.find_spec(name)
    return [Path(place) for place in (spec.submodule_search_locations or () if spec else ())]


def _files(name: str) -> Iterator[tuple[str, Path]]:
    folders = _folders(name)
    for top in folders:
        paths = [path for path in sorted(top.rglob("*")) if not _LEFT_OUT & set(path.relative_to(top).parts)]
        if any(path.suffix in _COMPILED for path in paths):
            log.warning("%s has compiled parts and is not sent: install it on the workers", name)
            continue
        for path in paths:
            if path.is_file():
                yield f"{name}/{path.relative_to(top).as_posix()}", path
    spec = None if folders else importlib.util.find_spec(name)
    if spec and spec.origin and spec.origin.endswith(".py"):
        yield f"{name}.py", Path(spec.origin)


def _own_places() -> dict[str, Path]:
    """Return where the packages that distributions add to mixlake lie, by name."""
    places = {"lakehouse": HOME / "lakehouse"}
    for group in GROUPS:
        for point in importlib.metadata.entry_points(group=group):
            if (place := place_of(point)) is not None:
                places[package_of(point)] = place
    return places


def _installed(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the metadata of the distributions that add packages to mixlake: by it the driver finds them."""
    tops = set(names)
    for group in GROUPS:
        for point in importlib.metadata.entry_points(group=group):
            if point.dist is None or point.module.split(".", 1)[0] not in tops:
                continue
            folder = f"{point.dist.name.replace('-', '_')}-{point.dist.version}.dist-info"
            for file in ("METADATA", "entry_points.txt"):
                if text := point.dist.read_text(file):
                    yield f"{folder}/{file}", text


def _by_value(modules: Iterable[str], root: Path) -> None:
    from pyspark import cloudpickle

    for name in modules:
        top = name.split(".", 1)[0]
        if top in sys.modules and _is_own(top, root):
            cloudpickle.register_pickle_by_value(sys.modules[top])  # type: ignore[no-untyped-call]


@dataclasses.dataclass(frozen=True)
class ShippedParams:
    """Parameters whose files have other paths on a worker.

    Args:
        params: The parameters, a dataclass.
        sent: Files by their path on the driver; the name under which Spark keeps each on a worker.
    """

    params: Any
    sent: Mapping[str, str]

    def resolve(self) -> Any:
        """Return the parameters with the paths of this machine."""
        if not self.sent:
            return self.params
        from pyspark import SparkFiles

        def place(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(place(item) for item in value)
            return SparkFiles.get(self.sent[value]) if value in self.sent else value

        changed = {name: place(getattr(self.params, name)) for name in file_fields(self.params)}
        return dataclasses.replace(self.params, **changed)


def ship_params(session: SparkSession, params: Any) -> ShippedParams:
    """Send the files that parameters name to the workers of a cluster; on one machine they stay where they are."""
    context = session.sparkContext
    if is_local(context.master or "local") or not dataclasses.is_dataclass(params):
        return ShippedParams(params, {})
    sent: dict[str, str] = {}
    for name in file_fields(params):
        value = getattr(params, name)
        for path in value if isinstance(value, tuple) else (value,):
            if path:
                sent[path] = _send(context, Path(path))
    return ShippedParams(params, sent)


def _send(context: Any, path: Path) -> str:
    """Send one file under a name derived from its content, so that no other file of its name is taken for it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    name = f"{digest}-{path.name}"
    copy = _outbox() / name
    if not copy.exists():
        shutil.copyfile(path, copy)
        context.addFile(str(copy))
    return name


def _outbox() -> Path:
    """Return a folder for files that Spark sends on request, for as long as this process runs."""
    global _folder  # noqa: PLW0603 - one a process
    if _folder is None:
        _folder = tempfile.TemporaryDirectory(prefix="mixlake-sent-")
    return Path(_folder.name)
