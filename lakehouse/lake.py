"""A lake: where its tables lie, which are there, and the Python face of the engine."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.exceptions import TableNotFoundError as DeltaTableNotFoundError

from lakehouse.config import Config, load_config
from lakehouse.damage import empty_commit, log_problem
from lakehouse.errors import ConfigError, LakeError, TableNotFoundError, damaged, unsupported
from lakehouse.log import Log, read_log, table_folder
from lakehouse.rights import require_readable

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    import pyarrow.fs as pafs

    from lakehouse.outcome import Report
    from lakehouse.plan import Plan
    from lakehouse.query import Format
    from lakehouse.registry import Registry

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
# Signs of a URI that delta-rs takes for what they stand for there.
_UNOPENABLE = re.compile(r"[\[\]\\]|%[0-9A-Fa-f]{2}")
# What delta-rs says of a log that it reached and cannot read.
_OF_A_LOG = re.compile(r"Json error|contiguous commit files|No table metadata|parquet", re.IGNORECASE)
# What it says of a table that asks for what it does not know.
_NEEDS = re.compile(r"(?:Feature '([\w-]+)' is not supported|Unsupported (minimum reader version \d+))")

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
        odd = None if "://" in self.uri else _UNOPENABLE.search(self.uri)
        if odd is not None:
            raise ConfigError(
                f"the lake's place, {self.uri}, holds {odd[0]!r}, by which Delta's readers do not find it",
                "choose another folder, or give this one another name",
            )

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
        """Whether a table was ever written.

        Raises:
            LakeError: If this user may not look.
        """
        there = bool(DeltaTable.is_deltatable(self.table_uri(name), self.storage_options))
        if not there:
            require_readable(name, self.table_uri(name))
        return there

    def names(self) -> list[str]:
        """Return the names of the tables that exist, sorted."""
        return table_names(self.uri, self.storage_options)

    def open(self, name: str, version: int | None = None) -> DeltaTable:
        """Open a table at a version, by default the latest.

        Raises:
            TableNotFoundError: If it was never written, or has no such version.
            LakeError: If a newer mixlake wrote it, it may not be read, or its log is damaged.
        """
        return open_table(self.uri, name, version, self.storage_options)

    def log(self, name: str) -> Log:
        """Return the end of a table's log; the table's files are not listed for it, where that can be.

        Raises:
            TableNotFoundError: If the table was never written.
            LakeError: If a newer mixlake wrote it, or its log is damaged.
        """
        from lakehouse.history import log_of

        try:
            found = read_log(table_folder(self.table_uri(name), self.storage_options))
        except DeltaError as error:
            raise LakeError(
                f"{self.uri} cannot be reached: {_first_line(error)}", "check the URI and its options"
            ) from None
        except ValueError as error:
            raise damaged(name, error) from None
        except PermissionError:
            found = None
        if found is None:
            return log_of(self.open(name))
        _check_format(name, found.properties)
        return found

    @overload
    def sql(
        self,
        text: str,
        at: str | None = ...,
        *,
        parameters: Iterable[object] | None = ...,
        format: Literal["arrow"] = ...,
    ) -> pa.Table: ...
    @overload
    def sql(
        self, text: str, at: str | None = ..., *, parameters: Iterable[object] | None = ..., format: Literal["polars"]
    ) -> pl.DataFrame: ...
    @overload
    def sql(
        self, text: str, at: str | None = ..., *, parameters: Iterable[object] | None = ..., format: Literal["reader"]
    ) -> pa.RecordBatchReader: ...
    def sql(
        self,
        text: str,
        at: str | None = None,
        *,
        parameters: Iterable[object] | None = None,
        format: Format = "arrow",  # noqa: A002 - the public word for it
    ) -> Any:
        """Answer SQL over the lake's tables and views, each under its own name; nothing can be written.

        Args:
            text: One statement that reads, in DuckDB's dialect.
            at: A release, a time, a version, or ``TABLE@VERSION``, several separated by commas; by default the
                latest versions. See `lakehouse.snapshot.resolve_at`.
            parameters: Values of its ``?`` or ``$1`` places.
            format: "arrow" for a table, "polars" for a frame, "reader" for a stream of record batches, which holds
                no more than a few of them at a time.

        Raises:
            QueryError: If it does not parse, would write, or cannot be answered.
            TableNotFoundError: If it names what is not there.
            ReleaseError: If `at` names no live release.

        Examples:
            >>> Lake("./lake").sql("SELECT ? AS one", parameters=[1], format="polars").item()
            1
        """
        from lakehouse.query import answer, connect

        return answer(connect(self, at), text, format, parameters)

    @overload
    def table(
        self, name: str, version: int | None = ..., *, at: str | None = ..., format: Literal["arrow"] = ...
    ) -> pa.Table: ...
    @overload
    def table(
        self, name: str, version: int | None = ..., *, at: str | None = ..., format: Literal["polars"]
    ) -> pl.DataFrame: ...
    @overload
    def table(
        self, name: str, version: int | None = ..., *, at: str | None = ..., format: Literal["reader"]
    ) -> pa.RecordBatchReader: ...
    def table(
        self,
        name: str,
        version: int | None = None,
        *,
        at: str | None = None,
        format: Format = "arrow",  # noqa: A002 - the public word for it
    ) -> Any:
        """Read a table whole, at a version, or at what `at` means; see `sql`."""
        from lakehouse.query import answer, connect
        from lakehouse.snapshot import resolve_at
        from lakehouse.statement import quoted

        # Refused where it is not there; SQL takes a declared table that was never written for an empty one.
        self.open(name, version if version is not None else resolve_at(self, at).version(self, name))
        pinned = None if version is None else {name: version}
        return answer(connect(self, at, pinned), f"SELECT * FROM {quoted(name)}", format)  # noqa: S608 - quoted

    def scan(self, name: str, at: str | None = None) -> pl.LazyFrame:
        """Return a table as a lazy Polars frame, which reads only the rows and columns that are asked of it.

        Args:
            name: The table.
            at: What `sql` takes.

        Raises:
            TableNotFoundError: If the table, or that version of it, does not exist.
            LakeError: If the table needs a reader feature that Polars does not apply.
        """
        import polars as pl

        from lakehouse.snapshot import Rows, resolve_at, scan

        opened = self.open(name, resolve_at(self, at).version(self, name))
        if isinstance(scan(opened, name), Rows):
            return pl.DataFrame(scan(opened, name)).lazy()
        return pl.scan_delta(opened)

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
        require_readable(name, uri)
        raise TableNotFoundError(
            f"{name} does not exist in {lake}", "run the flow that writes it: mixlake run +" + name
        ) from None
    except (DeltaError, OSError, ValueError) as error:
        require_readable(name, uri)
        if needed := _NEEDS.search(str(error)):
            raise unsupported(name, needed[1] or needed[2]) from None
        if "://" not in uri or _OF_A_LOG.search(str(error)):
            problem = log_problem(table_folder(uri, storage_options))
            if problem is not None:
                raise damaged(name, problem) from None
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
    if "://" not in uri and (empty := empty_commit(uri, int(table.version()))) is not None:
        raise damaged(name, f"{empty} is empty")
    _check_format(name, table.metadata().configuration)
    return table


def _check_format(name: str, properties: Mapping[str, str]) -> None:
    found = properties.get(FORMAT_PROPERTY, str(FORMAT)) or str(FORMAT)
    if not found.isdigit() or int(found) > FORMAT:
        raise LakeError(f"{name} has lake format {found}; this mixlake reads up to {FORMAT}", "install a newer mixlake")


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
