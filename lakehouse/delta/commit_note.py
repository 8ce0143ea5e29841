"""The commit note: what a flow leaves in the ``userMetadata`` of its Delta commit.

Data and provenance land in one atomic commit, so the note is all the state that the engine keeps.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FORMAT = 2
# Fields of format 1 that have another name since. Dropped, quarantined rows would seem to be none, and a plan to have
# no base version.
_RENAMED = {"aside": "has_quarantined", "onto": "base_version"}


@dataclass(frozen=True, slots=True)
class CommitNote:
    """What one execution of one flow was.

    Args:
        run_id: The run.
        flow: Stable identity of the flow.
        kind: operator, group, relational, sql, landing or frame.
        mode: full or incremental.
        code: Fingerprint of what the function reaches.
        params: Parameters as canonical JSON.
        contract: Fingerprint of the written table's contract.
        models: Digest of each model file that was used.
        external: Fingerprint of the outside world, for flows that land data.
        inputs: Version read of each input table.
        ids: Delta's identity of each input table, so that a table that was replaced is noticed.
        key: Columns that named a row of the written table.
        changed: Whether rows changed.
        counts: Rows ``read``, ``returned`` by the function, ``inserted``, ``updated``, ``deleted``,
            ``quarantined``, and ``rows`` in the table after the commit.
        digest: Content digest of the table after the commit.
        quarantine: Attempt under which rows were quarantined, empty where none was.
        reasons: Quarantined rows by reason.
        has_quarantined: Whether rows of this or an earlier commit, back to the last full one, are quarantined.
        retraction: Ordinal of the newest retraction that the rows comply with.
        base_version: Version of the written table that the rows were compared with, -1 where it is unknown.
        code_parts: A short digest of each definition that the function reaches, by module.
        contract_parts: What the contract said, by part, in short.
        engine: The engine that ran it, embedded or spark; empty where it is unknown.
        engine_reason: Why that one.
        started: ISO 8601 time.
        seconds: Time that it took up to the commit.
        phases: Seconds of it: ``function`` inside an operator, added up over the workers; ``rows`` until the
            rows were made and counted; ``difference`` until what changes was known.
    """

    run_id: str
    flow: str
    kind: str
    mode: str
    code: str
    params: str
    contract: str
    inputs: Mapping[str, int]
    changed: bool
    counts: Mapping[str, int]
    digest: str
    ids: Mapping[str, str] = field(default_factory=dict)
    key: Sequence[str] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    external: str = ""
    quarantine: str = ""
    reasons: Mapping[str, int] = field(default_factory=dict)
    has_quarantined: bool = False
    retraction: int = 0
    base_version: int = -1
    code_parts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    contract_parts: Mapping[str, str] = field(default_factory=dict)
    engine: str = ""
    engine_reason: str = ""
    started: str = ""
    seconds: float = 0.0
    phases: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the note as the JSON that is committed."""
        return json.dumps({"mixlake": FORMAT, **dataclasses.asdict(self)}, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | None) -> CommitNote | None:
        """Return the note of a commit, or None where the commit is not a flow's."""
        if not text or '"mixlake"' not in text:
            return None
        try:
            body: dict[str, Any] = json.loads(text)
        except ValueError:
            return None
        if not isinstance(body, dict) or body.get("mixlake") not in (1, FORMAT) or "flow" not in body:
            return None
        names = {item.name for item in dataclasses.fields(cls)}
        if body["mixlake"] == 1:
            body = {_RENAMED.get(key, key): value for key, value in body.items()}
        return cls(**{key: value for key, value in body.items() if key in names})


class NotedVersion(NamedTuple):
    """A commit with a note.

    Args:
        version: The version that it created.
        note: Its note.
    """

    version: int
    note: CommitNote
