"""Derive the UUIDs of OpenLineage runs from the engine's run ids."""

from __future__ import annotations

from datetime import UTC, datetime

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def run_uuid(run_id: str, flow: str = "") -> str:
    """Return the UUID of a run, or of one flow in it.

    It is a version 7 UUID (RFC 9562) with a hash of both names where that version has random bits: anyone who reads
    ``ledger.runs`` can compute it, and an execution has one identity however often its events are sent.

    Args:
        run_id: The run, as commit notes and ``ledger.runs`` name it.
        flow: The flow's id; empty for the run itself.
    """
    from openlineage.client.uuid import generate_static_uuid

    return str(generate_static_uuid(_started(run_id), f"{len(run_id)}:{run_id}{flow}".encode()))


def _started(run_id: str) -> datetime:
    try:
        return datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return _EPOCH
