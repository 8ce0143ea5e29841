"""Report what a run did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lakehouse.delta.commit_note import CommitNote
from lakehouse.errors import MixlakeError
from lakehouse.retraction.completion import Completion
from lakehouse.retraction.purge import Purge

Status = Literal["done", "fresh", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class FlowResult:
    """Result of one flow.

    Args:
        flow: Id of the flow.
        writes: The table that it writes.
        status: done, fresh (nothing to do), failed, or skipped since a flow before it failed.
        version: The committed version, -1 if there is none.
        note: The commit note.
        error: Why it failed or was skipped.
        seconds: Time that it took.
    """

    flow: str
    writes: str
    status: Status
    version: int = -1
    note: CommitNote | None = None
    error: MixlakeError | None = None
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake run --json`` prints."""
        return {
            "flow": self.flow,
            "writes": self.writes,
            "status": self.status,
            "version": self.version if self.version >= 0 else None,
            "mode": self.note.mode if self.note else None,
            "counts": dict(self.note.counts) if self.note else {},
            "quarantined": dict(self.note.reasons) if self.note else {},
            "seconds": round(self.seconds, 3),
            "error": str(self.error) if self.error else None,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Report of a run.

    Args:
        run_id: The run.
        results: One a selected flow, in the order in which they ended.
        seconds: Time that the run took.
        session_seconds: Time of it until Spark was up; 0 if it was not needed.
        log_file: File of Spark's log, empty if Spark was not needed.
        retractions: Retractions that were not carried out before the run, and whether they are now.
        purges: Results of the ordered purges.
    """

    run_id: str
    results: tuple[FlowResult, ...]
    seconds: float
    session_seconds: float = 0.0
    log_file: str = ""
    purges: tuple[Purge, ...] = ()
    retractions: tuple[Completion, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every selected flow is done or fresh, and no purge waits."""
        done = all(result.status in {"done", "fresh"} for result in self.results)
        return done and not any(purge.blocked_by for purge in self.purges)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake run --json`` prints."""
        return {
            "run_id": self.run_id,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "session_seconds": round(self.session_seconds, 3),
            "flows": [result.as_dict() for result in self.results],
            "retractions": [completion.as_dict() for completion in self.retractions],
            "purges": [purge.as_dict() for purge in self.purges],
        }
