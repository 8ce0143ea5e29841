"""The tables of one lake: names, locations, and opening them at a version."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.exceptions import TableNotFoundError as DeltaTableNotFoundError
from deltalake.fs import DeltaStorageHandler

from lakehouse.declare.lake_location import require_store
from lakehouse.delta.log import Log, log_of, read_log
from lakehouse.delta.log_health import find_empty_commit, log_problem
from lakehouse.delta.store.permissions import require_readable
from lakehouse.delta.store.table_folder import table_folder
from lakehouse.delta.table_errors import corrupt_log, unsupported
from lakehouse.errors import ConfigError, LakeError, MachineError, TableNotFoundError, first_line

# Characters of a URI that delta-rs decodes or rejects.
_UNOPENABLE = re.compile(r"[\[\]\\]|%[0-9A-Fa-f]{2}")
# delta-rs' messages for a log that it reached and cannot read.
_LOG_ERROR = re.compile(r"Json error|contiguous commit files|No table metadata|parquet", re.IGNORECASE)
# Its messages for a table that needs a feature it does not implement.
_UNSUPPORTED = re.compile(r"(?:Feature '([\w-]+)' is not supported|Unsupported (minimum reader version \d+))")
FORMAT = 1
FORMAT_PROPERTY = "mixlake.format"


@dataclass(frozen=True)
class Catalog:
    """The tables of one lake.

    Args:
        uri: A folder or an object-store URI.
        storage_options: Options of the object store, None for a folder.

    Raises:
        ConfigError: If it is a file, names no store, or contains characters that Delta's readers do not support.
        MachineError: If its name is not ASCII, and Python does not read file names as UTF-8.
    """

    uri: str
    storage_options: dict[str, str] | None = None

    def __post_init__(self) -> None:
        """Refuse a file, and a place that Delta's readers cannot open."""
        if "://" in self.uri:
            require_store(self.uri)
            return
        if _is_file(self.uri):
            raise ConfigError(f"the lake {self.uri} is a file", "give a folder or an object-store URI")
        odd = _UNOPENABLE.search(self.uri)
        if odd is not None:
            raise ConfigError(
                f"the lake's folder, {self.uri}, contains {odd[0]!r}, which Delta's readers cannot open",
                "choose another folder, or rename this one",
            )
        if not self.uri.isascii() and (encoding := sys.getfilesystemencoding()) != "utf-8":
            raise MachineError(
                f"the lake's folder, {self.uri}, is not ASCII, and Python reads file names here as {encoding}",
                "set PYTHONUTF8=1, or LC_ALL=C.UTF-8",
            )

    def table_uri(self, name: str) -> str:
        """Return a table's location.

        Raises:
            TableNotFoundError: If the name is not of the form layer.table.
        """
        layer, dot, table = name.partition(".")
        if not dot or not layer or not table or "/" in name:
            raise TableNotFoundError(f"{name!r} is not a table name", "write layer.table, such as silver.documents")
        return f"{self.uri.rstrip('/')}/{layer}/{table}"

    def has(self, name: str) -> bool:
        """Whether a table was ever written.

        Raises:
            LakeError: If this user may not read it.
        """
        there = bool(DeltaTable.is_deltatable(self.table_uri(name), self.storage_options))
        if not there:
            require_readable(name, self.table_uri(name))
        return there

    def names(self) -> list[str]:
        """Return the names of the tables that exist, sorted.

        Raises:
            LakeError: If the object store cannot be reached.
        """
        if "://" not in self.uri:
            return _names_in(pafs.LocalFileSystem(), self.uri)
        try:
            store = pafs.PyFileSystem(DeltaStorageHandler(self.uri, self.storage_options or {}))
            return _names_in(store, "")
        except (DeltaError, OSError, ValueError) as error:
            raise self._unreachable(error, "check the URI and storage:") from None

    def open(self, name: str, version: int | None = None) -> DeltaTable:
        """Open a table at a version, by default the latest.

        Raises:
            TableNotFoundError: If it was never written, or has no such version.
            LakeError: If a newer mixlake wrote it, it may not be read, or its log is damaged.
        """
        uri = self.table_uri(name)
        try:
            table = DeltaTable(uri, version=version, storage_options=self.storage_options)
        except DeltaTableNotFoundError:
            require_readable(name, uri)
            raise TableNotFoundError(
                f"{name} does not exist in {self.uri}", "run the flow that writes it: mixlake run +" + name
            ) from None
        except (DeltaError, OSError, ValueError) as error:
            raise self._open_error(name, version, error) from None
        if "://" not in uri and (empty := find_empty_commit(uri, int(table.version()))) is not None:
            raise corrupt_log(name, f"{empty} is empty")
        _check_format(name, table.metadata().configuration)
        return table

    def log(self, name: str) -> Log:
        """Return the end of a table's log, where possible without listing the table's files.

        Raises:
            TableNotFoundError: If the table was never written.
            LakeError: If a newer mixlake wrote it, or its log is damaged.
        """
        try:
            log = read_log(table_folder(self.table_uri(name), self.storage_options))
        except DeltaError as error:
            raise self._unreachable(error) from None
        except ValueError as error:
            raise corrupt_log(name, error) from None
        except PermissionError:
            log = None
        if log is None:
            return log_of(self.open(name))
        _check_format(name, log.properties)
        return log

    def _open_error(self, name: str, version: int | None, error: Exception) -> Exception:
        """Return the error for a table that delta-rs could not open."""
        uri = self.table_uri(name)
        remote = "://" in uri
        require_readable(name, uri)
        if needed := _UNSUPPORTED.search(str(error)):
            return unsupported(name, needed[1] or needed[2])
        if not remote or _LOG_ERROR.search(str(error)):
            problem = log_problem(table_folder(uri, self.storage_options))
            if problem is not None:
                return corrupt_log(name, problem)
        if remote and version is None:
            return self._unreachable(error)
        if version is not None and DeltaTable.is_deltatable(uri, self.storage_options):
            latest = self._latest(uri)
            if latest is not None and version > latest:
                return TableNotFoundError(
                    f"{name} has no version {version}", f"its latest is {latest}; see mixlake history {name}"
                )
        return LakeError(f"{name} cannot be read: {first_line(error)}", "see mixlake doctor")

    def _latest(self, uri: str) -> int | None:
        try:
            return int(DeltaTable(uri, storage_options=self.storage_options).version())
        except DeltaError:
            return None

    def _unreachable(self, error: Exception, hint: str = "check the URI and its options") -> LakeError:
        return LakeError(f"{self.uri} cannot be reached: {first_line(error)}", hint)


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except PermissionError:  # its content is unknown until a table is opened
        return False


def _names_in(store: pafs.FileSystem, base: str) -> list[str]:
    names = []
    for layer in store.get_file_info(pafs.FileSelector(base, allow_not_found=True)):
        if layer.type != pafs.FileType.Directory or layer.base_name.startswith(("_", ".")):
            continue
        for table in store.get_file_info(pafs.FileSelector(layer.path, allow_not_found=True)):
            log = store.get_file_info(f"{table.path}/_delta_log")
            if log.type == pafs.FileType.Directory:
                names.append(f"{layer.base_name}.{table.base_name}")
    return sorted(names)


def _check_format(name: str, properties: Mapping[str, str]) -> None:
    lake_format = properties.get(FORMAT_PROPERTY, str(FORMAT)) or str(FORMAT)
    if not lake_format.isdigit() or int(lake_format) > FORMAT:
        raise LakeError(
            f"{name} has lake format {lake_format}; this mixlake reads up to {FORMAT}", "install a newer mixlake"
        )
