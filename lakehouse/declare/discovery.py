"""Find the tables and flows that installed packages and mixlake.yaml declare."""

from __future__ import annotations

import glob
import importlib.util
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

from lakehouse.declare.config import Config
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import ATTRIBUTE, Flow
from lakehouse.declare.own_packages import entry_points, explain_missing, import_team_module, place_of, require_own
from lakehouse.declare.registry import Registry
from lakehouse.declare.sql_flow import sql_flow
from lakehouse.errors import ConfigError, GraphError, MixlakeError

_ENGINE = Path(__file__).parents[1]


def load_registry(config: Config, builtin: Iterable[Table] = ()) -> Registry:
    """Import what is installed and what a configuration names, and collect the declarations.

    Args:
        config: Names modules and SQL files in addition to the installed ones.
        builtin: Tables that are declared without a module of the user's, such as the ledger's.

    Raises:
        ConfigError: If a module cannot be found or imported.
        GraphError: If a table has two contracts or two writers.
    """
    if config.modules and str(config.root) not in sys.path:
        # Last: a project folder called jobs or schemas does not shadow an installed package.
        sys.path.append(str(config.root))
    tables: dict[str, Table] = {table.name: table for table in builtin}
    flows: dict[str, Flow] = {}
    roots: set[str] = set()
    points = _entry_points("mixlake.modules")
    for point in points:
        require_own(point)
    for name in (*dict.fromkeys(point.value for point in points), *config.modules):
        roots.add(name.split(".", 1)[0])
        for module in _modules(name, config.root, team=name in config.modules):
            _collect(module, tables, flows)
    for path in (*_packaged("flows"), *_files(config.sql)):
        _add(flows, sql_flow(path, tables))
    views = (*_packaged("views"), *_files(config.views))
    return Registry(tables, flows, frozenset(roots), views)


def _entry_points(group: str) -> list[EntryPoint]:
    return entry_points(group)


def _modules(name: str, root: Path, *, team: bool) -> Iterator[ModuleType]:
    try:
        top = import_team_module(name, root) if team else importlib.import_module(name)
        yield top
        for info in pkgutil.walk_packages(getattr(top, "__path__", []), f"{name}."):
            if _declares(info):
                yield importlib.import_module(info.name)
    except MixlakeError as error:
        error.add_place(_failed_at(error, root))
        raise
    except ImportError as error:
        if (clash := explain_missing(error, root)) is not None:
            clash.add_place(_failed_at(error, root))
            raise clash from error
        raise ConfigError(
            f"module {name} cannot be imported: {error}",
            "correct modules: in mixlake.yaml, or install what the module needs"
            if isinstance(error, ModuleNotFoundError)
            else "fix the import",
            _failed_at(error, root),
        ) from error
    except (Exception, SystemExit) as error:
        problem, place = error.msg if isinstance(error, SyntaxError) else error, _failed_at(error, root)
        raise ConfigError(
            f"module {name} failed on import: {type(error).__name__}: {problem}",
            f"fix it{' there' * bool(place)}",
            place,
        ) from error


def _failed_at(error: BaseException, root: Path) -> str:
    """Return the innermost line of the user's own code that an error came from, empty where none is."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 1}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root) and not path.is_relative_to(_ENGINE) and "site-packages" not in path.parts:
            return f"{path}:{frame.lineno}"
    return ""


def _declares(info: pkgutil.ModuleInfo) -> bool:
    """Whether a module can declare a table or a flow; kernels and helpers, heavy to import, are left alone."""
    spec = info.module_finder.find_spec(info.name, None)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return True
    # Read through its loader: the module may be in a zip.
    get_data = getattr(spec.loader, "get_data", None)
    source = get_data(spec.origin) if get_data else Path(spec.origin).read_bytes()
    return b"lakehouse.declare" in source or b"from lakehouse import" in source


def _add(flows: dict[str, Flow], spec: Flow) -> None:
    other = flows.setdefault(spec.id, spec)
    if other is not spec:
        raise GraphError(
            f"two flows have the id {spec.id}, at {other.place} and {spec.place}", "give one of them another id"
        )


def _collect(module: ModuleType, tables: dict[str, Table], flows: dict[str, Flow]) -> None:
    for value in list(vars(module).values()):
        if isinstance(value, Table):
            other = tables.setdefault(value.name, value)
            if other is not value and other != value:
                raise GraphError(
                    f"{value.name} has two contracts, the second in {module.__name__}", "rename one of the tables"
                )
        spec = getattr(value, ATTRIBUTE, None)
        if isinstance(spec, Flow):
            _add(flows, spec)
            tables.setdefault(spec.writes.name, spec.writes)


def _packaged(folder: str) -> tuple[Path, ...]:
    paths: list[Path] = []
    for point in _entry_points("mixlake.sql"):
        place = place_of(point)
        if place is None:
            spec = importlib.util.find_spec(point.value)
            places = list(spec.submodule_search_locations or []) if spec else []
        else:
            places = [str(place.joinpath(*point.value.split(".")[1:]))]
        for found in places:
            paths.extend(sorted(Path(found, folder).glob("*.sql")))
    return tuple(paths)


def _files(patterns: Iterable[str]) -> tuple[Path, ...]:
    paths: list[Path] = []
    for pattern in patterns:
        matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - an absolute pattern
        if not matches:
            raise ConfigError(f"no SQL file matches {pattern}", "correct sql: or views: in mixlake.yaml")
        folder = next((match for match in matches if Path(match).is_dir()), None)
        if folder is not None:
            raise ConfigError(f"{folder} is a folder, not a SQL file", "rename it, or correct sql: or views:")
        paths.extend(map(Path, matches))
    return tuple(paths)
