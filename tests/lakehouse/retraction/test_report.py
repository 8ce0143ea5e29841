from __future__ import annotations

import json
from datetime import UTC, datetime

from lakehouse.ledger.retractions import ORDERED, Retraction
from lakehouse.retraction.report import AffectedSteps, RetractionReport

ORDER = Retraction(
    ordinal=3, retraction_id="r", kind="source", value="alpha", scope="origin", reason="withdrawn", purge=True,
    searched_versions={"bronze.a": 2}, matched={"bronze.a": 1}, releases=("mix-1",), state=ORDERED, at=datetime(2026, 1, 1, tzinfo=UTC),
    derived={"silver.b": 4},
)  # fmt: skip


def test_a_report_gives_plain_values_under_the_names_of_its_fields():
    report = RetractionReport(
        ORDER, [AffectedSteps("t1", "mix-1", 2, 1, 5)], recorded=False, unresolved=("release x: gone",),
        unmatched=("ab",), suggestions=("Alpha",),
    )  # fmt: skip
    found = json.loads(json.dumps(report.as_dict(), default=str))
    assert found["matched"] == {"bronze.a": 1}
    assert found["derived"] == {"silver.b": 4}
    assert found["seen"] == [{"training_run": "t1", "release": "mix-1", "steps": 2, "first": 1, "last": 5}]
    assert [found[name] for name in ("recorded", "unresolved", "unmatched", "suggestions")] == [
        False, ["release x: gone"], ["ab"], ["Alpha"],
    ]  # fmt: skip
