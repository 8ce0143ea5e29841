"""What a sync of ``ledger.edges`` needs from an engine: new entries, counted, then committed as a level."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from lakehouse.delta.commit_note import CommitNote
from lakehouse.ledger import tables
from lakehouse.lineage.index.state import IndexState

ENTRY = tuple(column.name for column in tables.edges.columns if column.name not in {"level", "n"})
ADDED = ("insert", "update_postimage")


@dataclass(frozen=True)
class Sources:
    """What new entries are made from.

    Args:
        state: The index and the tables.
        feeds: Tables whose change feed is read, with the version to start from.
        whole: Tables whose rows are all read.
        dropped: Tables whose stored entries are taken away.
    """

    state: IndexState
    feeds: Mapping[str, int] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()

    @property
    def rebuild(self) -> bool:
        """Whether no stored entry remains."""
        known = frozenset(self.state.note.inputs) if self.state.note else frozenset()
        return known <= self.dropped

    @property
    def read_again(self) -> Sources:
        """The same, with all rows read of the tables whose change feed cannot be."""
        again = frozenset(self.feeds)
        return Sources(self.state, {}, self.whole | again, self.dropped | again)


@dataclass(frozen=True)
class Level:
    """A level to write.

    Args:
        number: Its number; it and all newer ones are replaced.
        rows: Entries that it may hold, before equal ones are added up.
        merges: Whether stored entries go into it.
    """

    number: int
    rows: int
    merges: bool


class NewEntries(Protocol):
    """Entries that were computed, and are kept until the commit.

    Args:
        count: How many there are; equal ones are not added up yet.
    """

    count: int

    def commit(self, level: Level, note: CommitNote, transaction: int) -> int:
        """Commit them as a level, and return the version.

        Raises:
            CollisionError: If another run committed first.
        """


class IndexEngine(Protocol):
    """Makes entries and commits them.

    Args:
        name: embedded or spark.
        feed_errors: What it raises where a change feed cannot be read.
    """

    name: str
    feed_errors: tuple[type[Exception], ...]

    def new_entries(self, sources: Sources) -> AbstractContextManager[NewEntries]:
        """Compute new entries; what is kept for them goes at the end."""
