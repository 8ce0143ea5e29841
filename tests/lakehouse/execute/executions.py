"""An execution over a small lake, with an engine's session that answers what a test says."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.declare.reads import Read
from lakehouse.declare.registry import Registry
from lakehouse.delta.append import create
from lakehouse.delta.commit_note import NotedVersion
from lakehouse.delta.content_digest import Digest
from lakehouse.engine import CheckedRows, Difference
from lakehouse.execute.flow_execution import FlowExecution
from lakehouse.execute.target import TargetState
from lakehouse.ledger.retractions import Retractions
from lakehouse.plan.cause import Cause, Fingerprints
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project
from tests.lakehouse.lakes import lake_at, note

LINES = Table(
    "bronze.lines",
    doc="Lines.",
    columns=[Column("id", pa.string(), "Identity.", nullable=False), Column("text", pa.string(), "Text.")],
    key=["id"],
    checks=[
        Check("it has text", "text <> ''", tolerance=0.5),
        Check("it is short", "length(text) < 9", on_fail="fail"),
    ],
)
FLOW = Flow(id="flows.f", kind="frame", writes=LINES, reads={}, file="flows.py")


class Session:
    """Answers with the attributes that a test gives it."""

    def __init__(self, **answers):
        self.asked = []
        self.answers = {"stored_key": None, "rows_with_duplicate_keys": 0, **answers}

    def __getattr__(self, name):
        if name not in self.answers:
            raise AttributeError(name)

        def answer(*args, **options):
            self.asked.append((name, args, options))
            return self.answers[name]

        return answer


def checked(rows=2, total=5, **reasons) -> CheckedRows:
    names = {check.name for check in LINES.checks}
    broken = {reason: count for reason, count in reasons.items() if reason in names}
    unchecked = {reason: count for reason, count in reasons.items() if reason not in names}
    return CheckedRows("rows", Digest(rows, total), reasons, rows, read=7, broken=broken, unchecked=unchecked)


def difference(inserted=0, updated=0, deleted=0) -> Difference:
    return Difference(
        "changed", inserted, updated, deleted, Digest(inserted + updated, 3), Digest(updated + deleted, 1)
    )


def target(**fields) -> TargetState:
    state = TargetState(4, Digest(10, 9), True, False, False, 3)
    return replace(state, **fields)


def execution(tmp_path, session=None, causes=("input",), last=True, state=None, flow=FLOW) -> FlowExecution:
    project = Project(lake_at(tmp_path / "lake").config)
    project.__dict__["registry"] = Registry({LINES.name: LINES}, {flow.id: flow})
    create(project.catalog, LINES)
    item = FlowPlan(
        flow=flow,
        state="stale",
        causes=tuple(Cause(kind, "because", LINES.name if kind == "input" else "") for kind in causes),
        inputs={},
        params=None,
        fingerprints=Fingerprints(code="c", params="{}", contract="k", models={}, external=""),
        last=NotedVersion(4, note(LINES.name, inputs={}, digest=str(Digest(10, 9)))) if last else None,
        retractions=Retractions(),
    )
    return FlowExecution(session or Session(), project, item, "run-1", state or target(), "2026-01-01", 0.0)


def driven(flow=FLOW, **fields) -> Flow:
    """Return the flow with a driving input, the table itself."""
    reads = {"lines": Read(table=LINES.name)}
    own = {"kind": "operator", "reads": reads, "driving": "lines", "source_key": "id", "source_key_sql": "id"}
    return replace(flow, **{**own, **fields})
