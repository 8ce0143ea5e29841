"""Which tables and flows are declared: found by import, never registered by hand.

Installed packages name their modules under the entry points ``mixlake.modules`` and ``mixlake.sql``; a
``mixlake.yaml`` adds a team's own. Submodules of a named package are imported where they use
`lakehouse.flow` or `lakehouse.contract`.
"""

from __future__ import annotations

import difflib
import glob
import importlib
import importlib.metadata
import importlib.util
import linecache
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakehouse import ledger
from lakehouse.config import Config
from lakehouse.contract import Column, Table, require_columns
from lakehouse.errors import ConfigError, ContractError, FlowError, GraphError, MixlakeError
from lakehouse.expression import problem
from lakehouse.flow import ATTRIBUTE, Flow, Read
from lakehouse.sqlflow import sql_flow

TABLE_PSEUDO_COLUMN = "_table"


@dataclass(frozen=True)
class Registry:
    """What is declared.

    Args:
        tables: Contracts by table name.
        flows: Flows by id.
        roots: Top-level packages whose code counts towards a flow's fingerprint.
        views: Folders and files of SQL views.
    """

    tables: Mapping[str, Table]
    flows: Mapping[str, Flow]
    roots: frozenset[str] = frozenset()
    views: tuple[Path, ...] = ()
    writers: Mapping[str, Flow] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two writers of one table and inputs that no contract declares."""
        writers: dict[str, Flow] = {}
        for spec in self.flows.values():
            other = writers.setdefault(spec.writes.name, spec)
            if other is not spec:
                raise GraphError(
                    f"{spec.writes.name} has two writers, {other.id} ({other.place}) and {spec.id} ({spec.place})",
                    "let one of them write another table",
                )
        object.__setattr__(self, "writers", writers)
        for table in self.tables.values():
            _checks_hold_good(table)
        for spec in self.flows.values():
            for name, item in spec.reads.items():
                if item.table and item.table not in self.tables:
                    raise FlowError(
                        f"{spec.id} reads {item.table} as {name!r}, which no contract declares"
                        f" ({_reads_at(spec, item)})",
                        "declare the table, or correct the name",
                    )
                for table in self.sources(item):
                    self._columns_are_there(spec, item, table)
                    _condition_holds_good(spec, item, table)
            self._key_is_there(spec)
            _origin_is_there(spec)

    def _columns_are_there(self, spec: Flow, item: Read, table: Table) -> None:
        for name in item.names:
            if name not in table and name != TABLE_PSEUDO_COLUMN:
                near = difflib.get_close_matches(name, [column.name for column in table.columns], n=2)
                raise FlowError(
                    f"{spec.id} reads the column {name!r} of {table.name}, which it does not have ({spec.place})",
                    f"did you mean {' or '.join(near)}?"
                    if near
                    else f"mixlake contract {table.name} lists its columns",
                )

    def _key_is_there(self, spec: Flow) -> None:
        """Refuse a flow that processes changes by a key which its driving input does not give it."""
        if not spec.incremental:
            return
        item = spec.reads[spec.driving]
        has = [set(item.names) or {column.name for column in table.columns} for table in self.sources(item)]
        if any(spec.driving_key not in names for names in has):
            raise FlowError(
                f"{spec.id} reads {spec.driving!r} without its driving key {spec.driving_key!r} ({spec.place})",
                "read that column too, or name another by driving_key",
            )

    def sources(self, item: Read) -> tuple[Table, ...]:
        """Return the tables of an input: one, or all that carry its tag.

        Raises:
            ContractError: If a tagged table lacks a column that the union needs.
        """
        if item.table:
            return (self.tables[item.table],)
        found = tuple(sorted((t for t in self.tables.values() if item.tag in t.tags), key=lambda t: t.name))
        wanted = [c for c in item.columns if isinstance(c, Column) and c.name != TABLE_PSEUDO_COLUMN]
        for table in found:
            require_columns(table, wanted, f"the tag {item.tag!r}")
        return found


def _condition_holds_good(spec: Flow, item: Read, table: Table) -> None:
    """Refuse a ``where=`` that Spark could not apply to a table."""
    columns = [*(column.name for column in table.columns), *{TABLE_PSEUDO_COLUMN} & set(item.names)]
    # Of a file that is read, Spark also tells its name, size and time.
    if item.where != "" and (found := problem(item.where, columns, ["_metadata"])) is not None:
        told, hint = found
        raise FlowError(f"{spec.id} reads {table.name} where {item.where!r}, which {told} ({spec.place})", hint)


def _checks_hold_good(table: Table) -> None:
    """Refuse a check that Spark could not apply to its table."""
    for check in table.checks:
        found = problem(check.sql, [column.name for column in table.columns])
        if found is not None:
            told, hint = found
            place = _written_at(table, check.sql)
            raise ContractError(f"{table.name}: the check {check.sql!r} {told}{f' ({place})' if place else ''}", hint)


def _written_at(table: Table, text: object) -> str:
    """Return the file and line of a text in the module that declares a table; else that of the table's name, or none.

    A module may lie in a zip, where only its loader can read it.
    """
    found = ""
    for module in list(sys.modules.values()):
        path = str(getattr(module, "__file__", None) or "")
        if path.endswith(".py") and any(value is table for value in list(vars(module).values())):
            linecache.checkcache(path)
            lines = linecache.getlines(path, vars(module))
            named = _line_with(table.name, lines)
            # A short text stands in other lines, too: in quotes, or at least after the table's name.
            line = isinstance(text, str) and text and (_line_with(text, lines) or _line_with(text, lines, after=named))
            if line:
                return f"{path}:{line}"
            found = found or (f"{path}:{named}" if named else "")
    return found


def _line_with(text: str, lines: Sequence[str], after: int = 0) -> int:
    """Return the first line with a text in quotes, or the first from a line on with it; 0 where there is none."""
    if after:
        return next((number for number, line in enumerate(lines, 1) if number >= after and text in line), 0)
    return next((n for n, line in enumerate(lines, 1) if f'"{text}"' in line or f"'{text}'" in line), 0)


def _origin_is_there(spec: Flow) -> None:
    """Refuse a flow that tells the driving row of a row by what its table does not have."""
    if not spec.incremental:
        return
    try:
        tree = sqlglot.parse_one(spec.origin, dialect="spark")
    except SqlglotError:
        raise FlowError(
            f"{spec.id}: the origin {spec.origin!r} does not parse ({spec.place})", "write one Spark SQL expression"
        ) from None
    if tree.find(exp.Lambda):
        return
    names = {column.parts[0].name for column in tree.find_all(exp.Column)}
    unknown = sorted(names - {column.name for column in spec.writes.columns})
    if unknown:
        raise FlowError(
            f"{spec.id}: the origin {spec.origin!r} names {unknown[0]!r}, which {spec.writes.name} does not have "
            f"({spec.place})",
            f"say by origin= which column of {spec.writes.name} holds the {spec.driving_key!r} that a row was made of",
        )


def load_registry(config: Config) -> Registry:
    """Import what is installed and what a configuration names, and collect the declarations.

    Raises:
        ConfigError: If a module cannot be found or imported.
        GraphError: If a table has two contracts or two writers.
    """
    if config.modules and str(config.root) not in sys.path:
        # Last: a folder of one's own that is called jobs or schemas does not stand in for an installed package.
        sys.path.append(str(config.root))
    tables: dict[str, Table] = {table.name: table for table in ledger.TABLES}
    flows: dict[str, Flow] = {}
    roots: set[str] = set()
    for name in (*_entry_points("mixlake.modules"), *config.modules):
        roots.add(name.split(".", 1)[0])
        for module in _modules(name, config.root):
            _collect(module, tables, flows)
    for path in (*_packaged("flows"), *_files(config.sql)):
        _add(flows, sql_flow(path, tables))
    views = (*_packaged("views"), *_files(config.views))
    return Registry(tables, flows, frozenset(roots), views)


def _entry_points(group: str) -> list[str]:
    return sorted({point.value for point in importlib.metadata.entry_points(group=group)})


def _modules(name: str, root: Path) -> Iterator[ModuleType]:
    try:
        top = importlib.import_module(name)
        yield top
        for info in pkgutil.walk_packages(getattr(top, "__path__", []), f"{name}."):
            if _declares(info):
                yield importlib.import_module(info.name)
    except MixlakeError as error:
        if re.search(r"\.(py|sql):\d", error.message):
            raise
        raise type(error)(f"{error.message}{_failed_at(error, root)}", error.hint) from error
    except ImportError as error:
        raise ConfigError(
            f"module {name} cannot be imported: {error}{_failed_at(error, root)}",
            "correct modules: in mixlake.yaml, or install what the module needs"
            if isinstance(error, ModuleNotFoundError)
            else "mend the import",
        ) from error
    except (Exception, SystemExit) as error:
        told, place = error.msg if isinstance(error, SyntaxError) else error, _failed_at(error, root)
        raise ConfigError(
            f"module {name} failed on import: {type(error).__name__}: {told}{place}", f"mend it{' there' * bool(place)}"
        ) from error


def _failed_at(error: BaseException, root: Path) -> str:
    """Return, in brackets, the innermost line of the user's own code that an error came from, empty where none is."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno or 1})"
    engine = Path(__file__).parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root) and not path.is_relative_to(engine) and "site-packages" not in path.parts:
            return f" ({path}:{frame.lineno})"
    return ""


def _declares(info: pkgutil.ModuleInfo) -> bool:
    """Whether a module can declare a table or a flow; kernels and helpers, heavy to import, are left alone."""
    spec = info.module_finder.find_spec(info.name, None)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return True
    # By its loader, for the module may lie in a zip.
    get_data = getattr(spec.loader, "get_data", None)
    source = get_data(spec.origin) if get_data else Path(spec.origin).read_bytes()
    return b"lakehouse.flow" in source or b"lakehouse.contract" in source


def _reads_at(spec: Flow, item: Read) -> str:
    if spec.kind != "sql":
        return spec.place
    from lakehouse.sqlflow import line_of

    return f"{spec.file}:{line_of(spec.sql, item.table)}"


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
    found: list[Path] = []
    for name in _entry_points("mixlake.sql"):
        spec = importlib.util.find_spec(name)
        for place in spec.submodule_search_locations or [] if spec else []:
            found.extend(sorted(Path(place, folder).glob("*.sql")))
    return tuple(found)


def _files(patterns: Iterable[str]) -> tuple[Path, ...]:
    found: list[Path] = []
    for pattern in patterns:
        matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - an absolute pattern
        if not matches:
            raise ConfigError(f"no SQL file matches {pattern}", "correct sql: or views: in mixlake.yaml")
        found.extend(Path(match) for match in matches)
    return tuple(found)
