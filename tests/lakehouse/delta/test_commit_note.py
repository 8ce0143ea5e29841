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
    assert json.loads(made.to_json())["mixlake"] == 1


def test_fields_of_a_later_release_are_ignored():
    body = json.loads(note("gold.c").to_json()) | {"later": 1}
    found = CommitNote.from_json(json.dumps(body))
    assert found is not None
    assert found.to_json() == note("gold.c").to_json()


@pytest.mark.parametrize(
    "text",
    [None, "", "a remark", '{"mixlake": ', '["mixlake"]', '{"mixlake": 1}', '{"mixlake": 2, "flow": "f"}'],
)
def test_what_no_flow_wrote_is_not_a_note(text):
    assert CommitNote.from_json(text) is None
