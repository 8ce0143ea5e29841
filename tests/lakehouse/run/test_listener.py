from __future__ import annotations

from lakehouse.run.listener import CompositeListener, Listener


class Recorder(Listener):
    """Keep what it is called with."""

    def __init__(self, name, calls):
        self.name, self.calls = name, calls

    def planned(self, plan):
        self.calls.append((self.name, "planned", plan))

    def session(self, seconds):
        self.calls.append((self.name, "session", seconds))

    def began(self, item):
        self.calls.append((self.name, "began", item))

    def ended(self, result):
        self.calls.append((self.name, "ended", result))


def test_each_listener_is_called_in_order():
    calls = []
    both = CompositeListener(Recorder("a", calls), Recorder("b", calls))
    both.planned("plan")
    both.session(1.5)
    both.began("item")
    both.ended("result")
    assert calls == [
        (name, call, value)
        for call, value in (("planned", "plan"), ("session", 1.5), ("began", "item"), ("ended", "result"))
        for name in ("a", "b")
    ]


def test_a_listener_ignores_what_it_does_not_override():
    listener = Listener()
    assert listener.planned(None) is listener.session(0.0) is listener.began(None) is listener.ended(None) is None
