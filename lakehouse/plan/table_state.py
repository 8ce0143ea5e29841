"""State of the lake's tables, read once for a plan."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from lakehouse.delta.commit import Commit
from lakehouse.delta.commit_note import NotedVersion
from lakehouse.delta.data_version import DataVersion, read_data_version
from lakehouse.delta.table_errors import corrupt_log
from lakehouse.errors import LakeError, TableNotFoundError
from lakehouse.ledger.retractions import load_retractions
from lakehouse.project import Project


@dataclass(frozen=True, slots=True)
class TableState:
    """One table as it was read."""

    version: int = -1
    identity: str = ""
    data_version: DataVersion = field(default_factory=lambda: DataVersion(None, -1))


class TableStates:
    """Versions of tables as a plan or run sees them; each log is read once, until it is invalidated.

    Args:
        project: The project whose tables they are.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._states: dict[str, TableState] = {}
        self._problems: dict[str, LakeError] = {}
        self.retractions = load_retractions(project.catalog)

    def prefetch(self, names: list[str]) -> None:
        """Read several tables' logs in parallel; errors are raised when a table is needed."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self.problem, sorted(set(names))))

    def problem(self, name: str) -> LakeError | None:
        """Return the error for a table whose log cannot be read, None where it can."""
        try:
            self._state(name)
        except LakeError as error:
            return error
        return None

    def version(self, name: str) -> int:
        """Return the table's latest version, -1 where it is missing."""
        return self._state(name).version

    def identity(self, name: str) -> str:
        """Return Delta's identity of the table, empty where it is missing."""
        return self._state(name).identity

    def data_version(self, name: str) -> int:
        """Return the version of the table's last change of rows, -1 where it is missing."""
        return self._state(name).data_version.changed

    def last_note(self, name: str) -> NotedVersion | None:
        """Return the version and note of the table's last commit with a note."""
        return self._state(name).data_version.note

    def external_writes(self, name: str) -> tuple[Commit, ...]:
        """Return the commits that changed the table's rows and are not its flow's, newest first."""
        return self._state(name).data_version.external_writes

    def invalidate(self, name: str) -> None:
        """Drop what is known of a table, so that its log is read again."""
        self._states.pop(name, None)
        self._problems.pop(name, None)

    def _state(self, name: str) -> TableState:
        if name in self._problems:
            raise self._problems[name]
        if name not in self._states:
            try:
                log = self.project.catalog.log(name)
                self._states[name] = TableState(log.version, log.identity, read_data_version(log))
            except TableNotFoundError:
                self._states[name] = TableState()
            except LakeError as error:
                self._problems[name] = error
                raise
            except ValueError as error:
                self._problems[name] = corrupt_log(name, error)
                raise self._problems[name] from None
        return self._states[name]
