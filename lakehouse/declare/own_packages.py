"""Where the packages that an installed distribution adds to mixlake lie, whatever else has their names.

Python knows one package by a name: the first on its path. A folder of a team's with a package called ``jobs`` or
``schemas`` would take mixlake's place there, and its flows would be gone. So packages are found by the files of the
distribution that names them: mixlake's own lie beside the engine, in a wheel, a checkout and a zip alike.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import sys
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

from lakehouse.errors import ConfigError

DISTRIBUTION = "mixlake"
HOME = Path(__file__).parents[2]
GROUPS = ("mixlake.modules", "mixlake.sql", "mixlake.commands")


def entry_points(group: str) -> list[EntryPoint]:
    """Return what installed distributions add under a group, sorted by name.

    Raises:
        ConfigError: If mixlake itself is on the path but not installed, so that its own flows are not known.
    """
    found = importlib.metadata.entry_points(group=group)
    if not any(_is_mixlake(point) for point in found):
        raise ConfigError(
            f"mixlake in {HOME} is not installed in the environment of {sys.executable}, so that its flows are unknown",
            f"install it: {sys.executable} -m pip install {HOME}",
        )
    return sorted(found, key=lambda point: (point.name, point.value))


def package_of(point: EntryPoint) -> str:
    """Return the top-level package of an entry point."""
    return point.module.partition(".")[0]


def place_of(point: EntryPoint) -> Path | None:
    """Return the folder or file of an entry point's top-level package; None where the distribution does not tell."""
    if _is_mixlake(point):
        return _module_in(HOME, package_of(point))
    return _place_in(point.dist, package_of(point)) if point.dist else None


def require_own(point: EntryPoint) -> None:
    """Check that an import of an entry point's package gives the distribution's own.

    Raises:
        ConfigError: If another package of that name comes first.
    """
    name, place = package_of(point), place_of(point)
    other = _found_by_name(name)
    if place is not None and other is not None and not _same(place, other):
        owner = point.dist.name if point.dist else "mixlake"
        raise _clash(name, owner, place, other)


def import_team_module(name: str, root: Path) -> ModuleType:
    """Import a module that a configuration names, from the configuration's folder where only that folder has it.

    Packages of mixlake that no flow needs (``sql``, ``trainer``) give way to a team's of the same name.

    Args:
        name: The module.
        root: The configuration's folder, which is on the path, after what is installed.

    Raises:
        ConfigError: If it has the name of a package that flows need, or that was imported already.
        ImportError: If it cannot be imported.
    """
    top = name.partition(".")[0]
    own, team = _module_in(HOME, top), _module_in(root, top)
    if own is not None and team is not None and not _same(own, team) and _is_package_of_mixlake(top):
        loaded = _found_by_name(top) if top in sys.modules else None
        if top == "lakehouse" or top in _needed_by_flows() or (loaded is not None and not _same(loaded, team)):
            raise _clash(top, DISTRIBUTION, own, team)
        if top not in sys.modules:
            _load(top, root)
    return importlib.import_module(name)


def explain_missing(error: ImportError, root: Path) -> ConfigError | None:
    """Return the clash behind a module that was not found: in mixlake's package of a name that a team has, too."""
    top = (error.name or "").partition(".")[0]
    own, team = _module_in(HOME, top), _module_in(root, top)
    if not top or own is None or team is None or _same(own, team) or not _is_package_of_mixlake(top):
        return None
    return _clash(top, DISTRIBUTION, own, team)


def require_one_package(top: str, root: Path) -> None:
    """Check that a team's package and mixlake's are not both to be sent under one name.

    Raises:
        ConfigError: If they are.
    """
    own, team = _module_in(HOME, top), _module_in(root, top)
    if own is not None and team is not None and not _same(own, team) and _is_package_of_mixlake(top):
        raise _clash(top, DISTRIBUTION, own, team)


def hidden_by(root: Path) -> list[str]:
    """Return the packages of mixlake that a folder would hide where it comes first on Python's path."""
    names = sorted({"lakehouse", *_needed_by_flows()})
    return [
        name
        for name in names
        if (other := _module_in(root, name)) is not None and not _same(other, _module_in(HOME, name) or HOME)
    ]


def _load(top: str, root: Path) -> None:
    spec = PathFinder.find_spec(top, [str(root)])
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {top!r}", name=top)
    module = importlib.util.module_from_spec(spec)
    sys.modules[top] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[top]
        raise


def _clash(name: str, owner: str, own: Path, other: Path) -> ConfigError:
    return ConfigError(
        f"two packages are called {name}: {owner}'s in {own}, and another in {other}; Python imports one of them alone",
        f"rename the other (say acme_{name}), or run from where it is not on Python's path (another folder, "
        f"another PYTHONPATH)",
    )


def _is_mixlake(point: EntryPoint) -> bool:
    return point.dist is not None and (point.dist.name or "").lower() == DISTRIBUTION


def _needed_by_flows() -> set[str]:
    points = importlib.metadata.entry_points(group="mixlake.modules")
    return {package_of(point) for point in points if _is_mixlake(point)}


def _is_package_of_mixlake(top: str) -> bool:
    points = [point for group in GROUPS for point in importlib.metadata.entry_points(group=group)]
    return top == "lakehouse" or any(_is_mixlake(point) and package_of(point) == top for point in points)


def _module_in(folder: Path, name: str) -> Path | None:
    """Return the package or module of a name in a folder, None where there is none; a bare folder is no package."""
    if (folder / name / "__init__.py").is_file():
        return folder / name
    return folder / f"{name}.py" if (folder / f"{name}.py").is_file() else None


def _place_in(distribution: importlib.metadata.Distribution, top: str) -> Path | None:
    """Return where a distribution's record, or its editable source, has a package."""
    for file in distribution.files or ():
        if file.parts in {(top, "__init__.py"), (f"{top}.py",)}:
            place = Path(str(distribution.locate_file(file)))
            return place.parent if place.name == "__init__.py" else place
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        source = Path(unquote(urlsplit(origin["url"]).path))
        return _module_in(source, top) or _module_in(source / "src", top)
    return None


def _found_by_name(name: str) -> Path | None:
    """Return what an import of a name gives; None where nothing, or a folder without ``__init__.py``, does."""
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None) if module is not None else importlib.util.find_spec(name)
    origin = getattr(module, "__file__", None) or (spec.origin if spec is not None else None)
    if not origin:
        return None
    return Path(origin).parent if Path(origin).name.startswith("__init__.") else Path(origin)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
