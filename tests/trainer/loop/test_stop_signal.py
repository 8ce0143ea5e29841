from __future__ import annotations

import os
import signal

import pytest

from trainer.loop.stop_signal import StopSignal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_the_handlers_are_restored(number):
    before = signal.getsignal(number)
    with StopSignal() as signals:
        assert not signals.received
        os.kill(os.getpid(), number)
        assert signals.received
    assert signal.getsignal(number) == before
