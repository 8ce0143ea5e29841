from __future__ import annotations

import threading

import pytest

from lakehouse.run.openlineage.guard import Deadline, Guard


class Facet(dict):
    """A facet, as JSON takes it."""


def test_what_raises_is_left_out_and_warned_of_once_with_its_flow_and_cause(caplog):
    guard = Guard()
    for _ in range(2):
        assert guard.facets("acme.f", {"a part": lambda: 1 / 0, "another": lambda: {"b": Facet(x=1)}}) == {
            "b": {"x": 1}
        }
    assert caplog.messages == ["acme.f: its OpenLineage event lacks a part: ZeroDivisionError: division by zero"]
    assert guard.attempt("acme.f", "it", [].pop, None) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_left_out(caplog, value):
    assert Guard().facets("acme.f", {"a number": lambda: {"a": Facet(x=value)}}) == {}
    assert "a number" in caplog.text


def test_a_deadline_is_for_all_calls_and_passes_on_what_is_raised():
    deadline = Deadline(30)
    assert deadline.call(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        deadline.call(lambda: 1 / 0)
    over = Deadline(-1)
    with pytest.raises(TimeoutError):
        over.call(threading.Event().wait)
