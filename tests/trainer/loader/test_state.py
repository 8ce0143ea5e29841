from __future__ import annotations

import json

import pytest

from lakehouse.errors import ReleaseError
from trainer.loader.state import LoaderState

STATE = LoaderState("d" * 32, "long-context", 7, 10**12)


def test_a_state_survives_json_and_stays_small():
    text = json.dumps(STATE.as_dict())
    assert len(text) <= 128
    assert LoaderState.from_dict(json.loads(text)) == STATE


@pytest.mark.parametrize("change", [{"position": None}, {"seed": "x"}])
def test_a_damaged_state_is_refused(change):
    with pytest.raises(ReleaseError, match="damaged"):
        LoaderState.from_dict({**STATE.as_dict(), **change})
    with pytest.raises(ReleaseError, match="KeyError"):
        LoaderState.from_dict({"digest": "d"})
