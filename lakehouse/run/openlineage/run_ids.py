"""Identities of OpenLineage runs, derived from the engine's own.

OpenLineage wants a UUID a run. It is made from the run's id (and the flow's), so that whoever holds ``ledger.runs``
can name the events of an execution, and an execution has one identity however often it is told.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def run_uuid(run_id: str, flow: str = "") -> str:
    """Return the UUID of a run, or of one flow in it.

    It has the form of version 7 (RFC 9562): the time in the run's id in front, so that ids sort by it, and a
    hash of both names where that version has random bits.

    Args:
        run_id: The run, as commit notes and ``ledger.runs`` name it.
        flow: The flow's id; empty for the run itself.
    """
    millis = int(_time(run_id).timestamp() * 1000)
    tail = hashlib.sha256(f"{len(run_id)}:{run_id}{flow}".encode()).digest()[:10]
    raw = bytearray(millis.to_bytes(6, "big") + tail)
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(raw)))


def _time(run_id: str) -> datetime:
    try:
        return datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return _EPOCH
