"""What a user asks to be exported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

QUERY = "query"


@dataclass(frozen=True, slots=True)
class Request:
    """What is exported, and how; two exports with equal requests and snapshots have equal rows.

    Args:
        lake: The lake's URI.
        tables: Tables or views; empty with an `at` that is a release for all its tables.
        sql: A statement instead of tables.
        at: A release, a time or versions, as ``--at`` takes it; None for the latest versions.
        format: Name of the format.
        options: A value for each option of the format.
        shard_bytes: A shard ends when it has about so many bytes.
        shard_rows: A shard ends when it has so many rows, None for no such limit.
    """

    lake: str
    tables: tuple[str, ...] = ()
    sql: str | None = None
    at: str | None = None
    format: str = "parquet"
    options: Mapping[str, str] = field(default_factory=dict)
    shard_bytes: int = 500 << 20
    shard_rows: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the request as the manifest states it."""
        return {**asdict(self), "tables": list(self.tables), "options": dict(sorted(self.options.items()))}
