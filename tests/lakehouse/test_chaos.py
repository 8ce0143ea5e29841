"""A few rounds of `chaos.py`; ``MIXLAKE_CHAOS_ROUNDS`` asks for more, ``MIXLAKE_CHAOS_SEED`` for others."""

from __future__ import annotations

import os

import pytest

from tests.lakehouse.chaos import Chaos

ROUNDS = int(os.environ.get("MIXLAKE_CHAOS_ROUNDS", "2"))
SEED = int(os.environ.get("MIXLAKE_CHAOS_SEED", "20"))


@pytest.mark.indexed
@pytest.mark.usefixtures("spark")
def test_many_deaths_lose_nothing_double_nothing_and_leave_nothing_half_visible(project):
    chaos = Chaos(project, SEED)
    chaos.rounds(ROUNDS, max(1, ROUNDS // 6))
    assert sum(chaos.deaths.values()) > 0
