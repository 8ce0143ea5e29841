from __future__ import annotations

import dataclasses
import json

import pytest

from lakehouse.delta.commit_note import CommitNote
from tests.lakehouse.lakes import note


def test_a_note_is_read_back_as_it_was_written():
    made = dataclasses.replace(
        note("gold.c", inputs={"silver.b": 3}, digest="d"),
        key=["id"],
        has_quarantined=True,
        base_version=4,
        code_parts={"jobs.a": {"f": "12"}},
        phases={"rows": 0.5},
    )
    assert CommitNote.from_json(made.to_json()) == made
    assert json.loads(made.to_json())["mixlake"] == 2


def test_fields_of_a_later_release_are_ignored():
    body = json.loads(note("gold.c").to_json()) | {"later": 1}
    found = CommitNote.from_json(json.dumps(body))
    assert found is not None
    assert found.to_json() == note("gold.c").to_json()


def test_a_note_of_format_1_is_read_with_the_fields_that_were_renamed():
    # As mixlake committed it before the two fields had their names of today.
    text = (
        '{"aside": true, "changed": true, "code": "c0de", "code_parts": {}, "contract": "c047", "contract_parts": {}, '
        '"counts": {"quarantined": 1, "rows": 2}, "digest": "d19e", "external": "", "flow": "jobs.clean.f", "ids": {}, '
        '"inputs": {"silver.b": 3}, "key": ["id"], "kind": "operator", "mixlake": 1, "mode": "incremental", '
        '"models": {}, "onto": 4, "params": "{}", "phases": {}, "quarantine": "attempt-1", "reasons": {"it broke": 1}, '
        '"retraction": 0, "run_id": "run-1", "seconds": 1.5, "started": "2026-08-01T00:00:00+00:00"}'
    )
    found = CommitNote.from_json(text)
    assert found is not None
    assert found.has_quarantined
    assert found.base_version == 4
    assert CommitNote.from_json(found.to_json()) == found
    # A format 1 with the names of today was written, too.
    assert CommitNote.from_json(found.to_json().replace('"mixlake": 2', '"mixlake": 1')) == found


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "a remark",
        '{"mixlake": ',
        '["mixlake"]',
        '{"mixlake": 1}',
        '{"mixlake": 3, "flow": "f"}',
        '{"mixlake": [], "flow": "f"}',
    ],
)
def test_what_no_flow_wrote_is_not_a_note(text):
    assert CommitNote.from_json(text) is None
