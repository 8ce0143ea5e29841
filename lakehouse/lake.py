"""A lake: where its tables lie, which are there, and the Python face of the engine."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.exceptions import TableNotFoundError as DeltaTableNotFoundError

from lakehouse.config import Config, load_config
from lakehouse.errors import LakeError, TableNotFoundError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.fs as pafs

    from lakehouse.plan import Plan
    from lakehouse.registry import Registry
    from lakehouse.run import Report

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

FORMAT = 1
FORMAT_PROPERTY = "mixlake.format"


class Lake:
    """A lake at one place.

    Args:
        uri: A folder or an object-store URI; by default the configuration's.
        config: By default the configuration that governs the current folder.

    Examples:
        >>> Lake("./lake").sql("SELECT 1 AS one").to_pydict()
        {'one': [1]}
    """

    def __init__(self, uri: str | None = None, config: Config | None = None) -> None:
        found = config or load_config()
        self.config = found.with_lake(str(uri)) if uri else found
        self.uri = self.config.lake

    @functools.cached_property
    def registry(self) -> Registry:
        """The tables and flows that are declared."""
        from lakehouse.registry import load_registry

        return load_registry(self.config)

    @property
    def storage_options(self) -> dict[str, str] | None:
        """Options of the object store, None for a folder."""
        return dict(self.config.storage) or None

    def table_uri(self, name: str) -> str:
        """Return where a table lies."""
        return table_uri(self.uri, name)

    def has(self, name: str) -> bool:
        """Whether a table was ever written."""
        return bool(DeltaTable.is_deltatable(self.table_uri(name), self.storage_options))

    def names(self) -> list[str]:
        """Return the names of the tables that exist, sorted."""
        return table_names(self.uri, self.storage_options)

    def open(self, name: str, version: int | None = None) -> DeltaTable:
        """Open a table at a version, by default the latest.

        Raises:
            TableNotFoundError: If it was never written, or has no such version.
            LakeError: If a newer mixlake wrote it, or its log is damaged.
        """
        return open_table(self.uri, name, version, self.storage_options)

    def sql(self, text: str, at: str | None = None) -> pa.Table:
        """Answer SQL over the lake, at the latest versions or at a release, a time or a version."""
        from lakehouse.query import query

        return query(self, text, at=at)

    def table(self, name: str, version: int | None = None) -> pa.Table:
        """Read a table whole."""
        from lakehouse.query import query

        self.open(name, version)
        schema, table = name.split(".", 1)
        text = f'SELECT * FROM "{schema}"."{table}"'  # noqa: S608 - the name was opened, so that it is one
        return query(self, text, tables=None if version is None else {name: version})

    def plan(self, select: Sequence[str] = (), *, full: bool = False) -> Plan:
        """Say what is stale, and why."""
        from lakehouse.plan import make_plan

        return make_plan(self, tuple(select), full=full)

    def run(
        self,
        select: Sequence[str] = (),
        *,
        full: bool = False,
        retry: bool = False,
        migrate: bool = False,
        params: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Report:
        """Run what is stale; see `lakehouse.run.run`."""
        from lakehouse.run import run

        lake = Lake(config=self.config.with_params(params)) if params else self
        return run(lake, tuple(select), full=full, retry=retry, migrate=migrate)


def table_uri(lake: str, name: str) -> str:
    """Return where a table of a lake lies.

    Raises:
        TableNotFoundError: If the name is not of the form layer.table.
    """
    layer, dot, table = name.partition(".")
    if not dot or not layer or not table or "/" in name:
        raise TableNotFoundError(f"{name!r} is no table name", "write layer.table, such as silver.documents")
    return f"{lake.rstrip('/')}/{layer}/{table}"


def table_names(lake: str, storage_options: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of the tables that a lake holds, sorted."""
    import pyarrow.fs as pafs

    if "://" in lake:
        from deltalake.fs import DeltaStorageHandler

        try:
            store = pafs.PyFileSystem(DeltaStorageHandler(lake, dict(storage_options or {})))
            return _names_in(store, "")
        except (DeltaError, OSError, ValueError) as error:
            raise LakeError(f"{lake} cannot be reached: {_first_line(error)}", "check the URI and storage:") from None
    return _names_in(pafs.LocalFileSystem(), lake)


def _names_in(store: pafs.FileSystem, base: str) -> list[str]:
    import pyarrow.fs as pafs

    names = []
    for layer in store.get_file_info(pafs.FileSelector(base, allow_not_found=True)):
        if layer.type != pafs.FileType.Directory or layer.base_name.startswith(("_", ".")):
            continue
        for table in store.get_file_info(pafs.FileSelector(layer.path, allow_not_found=True)):
            log = store.get_file_info(f"{table.path}/_delta_log")
            if log.type == pafs.FileType.Directory:
                names.append(f"{layer.base_name}.{table.base_name}")
    return sorted(names)


def open_table(
    lake: str, name: str, version: int | None = None, storage_options: Mapping[str, str] | None = None
) -> DeltaTable:
    """Open a table of a lake; see `Lake.open`."""
    uri = table_uri(lake, name)
    try:
        table = DeltaTable(uri, version=version, storage_options=dict(storage_options or {}) or None)
    except DeltaTableNotFoundError:
        raise TableNotFoundError(
            f"{name} does not exist in {lake}", "run the flow that writes it: mixlake run +" + name
        ) from None
    except (DeltaError, OSError, ValueError) as error:
        if "://" in uri and version is None:
            raise LakeError(
                f"{lake} cannot be reached: {_first_line(error)}", "check the URI and its options"
            ) from None
        if version is not None and DeltaTable.is_deltatable(uri, dict(storage_options or {}) or None):
            latest = _latest(uri, storage_options)
            if latest is not None and version > latest:
                raise TableNotFoundError(
                    f"{name} has no version {version}", f"its latest is {latest}; see mixlake history {name}"
                ) from None
        raise LakeError(f"{name} cannot be read: {_first_line(error)}", "see mixlake doctor") from None
    found = table.metadata().configuration.get(FORMAT_PROPERTY, str(FORMAT)) or str(FORMAT)
    if not found.isdigit() or int(found) > FORMAT:
        raise LakeError(f"{name} has lake format {found}; this mixlake reads up to {FORMAT}", "install a newer mixlake")
    return table


def _latest(uri: str, storage_options: Mapping[str, str] | None) -> int | None:
    try:
        return int(DeltaTable(uri, storage_options=dict(storage_options or {}) or None).version())
    except DeltaError:
        return None


def _first_line(error: BaseException) -> str:
    """Return what went wrong: the first line, and where the text is a chain of causes also the last."""
    lines = [_ESCAPES.sub("", line).strip(" \u21b3") for line in str(error).strip().split("\n")]
    if len(lines) > 1 and "\u21b3" in str(error):
        return f"{lines[0]}: {lines[-1]}"[:300]
    return lines[0][:300]
