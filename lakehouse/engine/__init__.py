"""The seam between the execution of a flow and the engine that computes its rows.

`lakehouse.execute` decides what happens to a flow's rows and in which order; an engine reads, computes and commits
them. An engine's rows (a Spark DataFrame, say) are opaque here: execution hands them from one step to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from lakehouse.declare.flow import Flow
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.content_digest import Digest
from lakehouse.engine.keys import KeyOrigins
from lakehouse.errors import MixlakeError
from lakehouse.ledger.retractions import Retractions

type Rows = Any
"""A table of an engine's own, mostly lazy."""

OTHER_REASONS = "other reasons"
WriteMode = Literal["append", "overwrite", "merge"]


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Values from a least to a greatest, both included.

    Args:
        low: The least.
        high: The greatest.
    """

    low: str | int
    high: str | int


@dataclass(frozen=True)
class AffectedKeys:
    """Driving keys whose rows in the written table are replaced.

    Args:
        rows: The keys, distinct, in one column.
        key_range: The range that holds all of them, None where it is not known.
    """

    rows: Rows
    key_range: KeyRange | None = None


@dataclass(frozen=True)
class Changes:
    """What changed in a driving input since the last commit.

    Args:
        rows: The driving rows to process.
        affected: The keys whose results are replaced; None where there are only new rows.
    """

    rows: Rows
    affected: AffectedKeys | None = None


@dataclass(frozen=True)
class Call:
    """One call of a flow's function.

    Args:
        params: The flow's resolved parameters.
        versions: Version of each input table; -1 where the table is missing.
        stored_version: Version of the written table that the function may read; -1 for none.
        changes: What to process; None for the whole inputs.
    """

    params: Any
    versions: Mapping[str, int]
    stored_version: int
    changes: Changes | None = None


@dataclass(frozen=True)
class FlowOutput:
    """What a flow's function returned, and which stored rows it replaces.

    Args:
        rows: The rows, as the function returned them.
        full: Whether they are the whole table.
        affected: Keys whose stored rows are replaced; None for "only new rows".
    """

    rows: Rows
    full: bool
    affected: AffectedKeys | None = None


@dataclass(frozen=True)
class CheckedRows:
    """A flow's rows, computed once and kept until its commit.

    Args:
        rows: All rows with the contract's columns, those of `lakehouse.engine.rules`, and the engine's row hashes.
        digest: Content digest of the good rows.
        reasons: Rejected rows by reason: a function's up to its first colon, else the first rule that they break.
        distinct_keys: Distinct keys of the good rows; 0 where the table has no key.
        read: Driving rows that the function was given.
        function_seconds: Seconds spent in an operator, added up over workers.
        broken: Rows that break each check, by its name; a row counts for every check that it breaks.
        unchecked: Of the rejected rows those that no check rejected first, by reason.
    """

    rows: Rows
    digest: Digest
    reasons: Mapping[str, int]
    distinct_keys: int = 0
    read: int = 0
    function_seconds: float = 0.0
    broken: Mapping[str, int] = field(default_factory=dict)
    unchecked: Mapping[str, int] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """How many rows break a check."""
        return sum(self.reasons.values())


@dataclass(frozen=True)
class StoredRows:
    """Which rows of the written table are compared with new ones.

    Args:
        version: The table's version.
        affected: Only rows made from these keys, or taken out by `retractions`; None for all rows.
        retractions: Also rows that these take out; None for no such rows.
    """

    version: int
    affected: AffectedKeys | None = None
    retractions: Retractions | None = None

    @property
    def whole(self) -> bool:
        """Whether all rows are meant."""
        return self.affected is None and self.retractions is None


@dataclass(frozen=True)
class Difference:
    """Rows that a commit has to change.

    Args:
        rows: Contract columns and the action on each row.
        inserted: Rows that come in.
        updated: Rows that are replaced.
        deleted: Rows that go out.
        gained: Digest of the rows that come in.
        lost: Digest of the rows that go out.
        key_ranges: Range of the changed keys by column, where it is known.
    """

    rows: Rows
    inserted: int
    updated: int
    deleted: int
    gained: Digest
    lost: Digest
    key_ranges: Mapping[str, KeyRange] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.inserted or self.updated or self.deleted)


@dataclass(frozen=True)
class Write:
    """What is committed: all good rows, the changed rows of a difference, or none.

    Args:
        mode: append, overwrite or merge.
        checked: The flow's rows.
        difference: Where only changed rows are written.
        unchanged: Whether the commit leaves all rows as they are, and only carries its note.
    """

    mode: WriteMode
    checked: CheckedRows
    difference: Difference | None = None
    unchanged: bool = False


class FlowSession(Protocol):
    """An engine at work on one flow. What it keeps for the flow is released when its context is left."""

    def changes(self, before: Mapping[str, int], versions: Mapping[str, int], *, retry: bool) -> Changes | None:
        """Return what changed in the driving input between two sets of versions.

        Args:
            before: Version of each table at the last commit.
            versions: Version of each table now.
            retry: Whether the rows from which rows are quarantined are processed again, too.

        Returns:
            None where the changes cannot be read: then all rows are processed.
        """
        ...

    def apply(self, call: Call) -> FlowOutput:
        """Call the flow's function."""
        ...

    def no_rows(self) -> Rows:
        """Return no rows, with the contract's columns."""
        ...

    def check(self, rows: Rows, retractions: Retractions) -> CheckedRows:
        """Compute what the function returned, once, and keep it until the commit.

        Rows are cast to the contract and stamped with the run, rows that a retraction takes out are left out, those
        that break a check are marked, and all are counted.
        """
        ...

    def rejected_examples(self, checked: CheckedRows, rule_or_reason: int | str, limit: int) -> list[Mapping[str, Any]]:
        """Return the values of some rows that break a rule, given by its place, or that were rejected for a reason."""
        ...

    def duplicate_key(self, checked: CheckedRows) -> KeyOrigins:
        """Return a key that several good rows share, with the origins of two of them."""
        ...

    def stored_key(self, checked: CheckedRows, version: int, replaced: StoredRows | None) -> KeyOrigins | None:
        """Return a key of a good row that the table holds outside the replaced rows; None where there is none.

        Of its origins the first is the good row's, the second the stored row's.
        """
        ...

    def foreign_row(self, checked: CheckedRows) -> KeyOrigins | None:
        """Return a row whose origin is no source key that the function was given; None where there is none.

        A rejected row need not have an origin.
        """
        ...

    def rows_with_duplicate_keys(self, version: int) -> int:
        """Return how many rows the table holds where some share a key, 0 where none do."""
        ...

    def quarantine(self, output: FlowOutput, checked: CheckedRows, attempt: str, *, mark: bool) -> bool:
        """Append the rejected rows to quarantine, under an attempt that counts once a note names it.

        Args:
            output: What the flow returned; its affected keys are marked as processed again.
            checked: Its rows.
            attempt: The attempt's name; rows of one attempt are appended once.
            mark: Whether earlier rows may be quarantined.

        Returns:
            Whether something was appended.
        """
        ...

    def difference(self, checked: CheckedRows, stored: StoredRows) -> Difference:
        """Compare the good rows with stored ones, by key."""
        ...

    def commit(self, write: Write, note: CommitNote, transaction: int) -> int:
        """Commit rows with their note, and return the version.

        Raises:
            CollisionError: If another run used the transaction's number, or changed the table meanwhile.
        """
        ...

    def stored_digest(self, version: int) -> Digest:
        """Return the content digest of all rows of the table, read from its files."""
        ...

    def differing_row(self, write: Write, version: int) -> Mapping[str, Any] | None:
        """Compare a sample of a commit's rows, as they are read, with what was committed; see `delta.read_back`.

        Returns:
            The key of a stored row that is not the row of that key which was committed, or of which none was; empty
            where the table has no key. None where there is none.
        """
        ...

    def translate(self, error: Exception) -> MixlakeError:
        """Return an error of the engine's as one that names the flow and what to do."""
        ...


class Engine(Protocol):
    """Computes and commits the rows of flows.

    Args:
        name: embedded or spark.
        reason: Why it runs a flow, for the commit note.
    """

    name: str
    reason: str

    def begin(self, flow: Flow, run_id: str) -> AbstractContextManager[FlowSession]:
        """Open a session for one execution of a flow in a run."""
        ...
