"""A few rounds of `chaos.py`; ``MIXLAKE_CHAOS_ROUNDS`` asks for more, ``MIXLAKE_CHAOS_SEED`` for others."""

from __future__ import annotations

import os

import pytest

from tests.lakehouse.chaos import Chaos

ROUNDS = int(os.environ.get("MIXLAKE_CHAOS_ROUNDS", "6"))
SEED = int(os.environ.get("MIXLAKE_CHAOS_SEED", "20"))


@pytest.mark.indexed
def test_many_deaths_lose_nothing_double_nothing_and_leave_nothing_half_visible(project):
    chaos = Chaos(project, SEED, ("spark" if project.spark else "embedded",))
    chaos.rounds(ROUNDS, max(1, ROUNDS // 3))
    assert sum(chaos.deaths.values()) > 0


@pytest.mark.slow
@pytest.mark.indexed
@pytest.mark.usefixtures("spark")
def test_deaths_of_both_engines_in_turns(project):
    chaos = Chaos(project, SEED)
    chaos.rounds(ROUNDS, max(1, ROUNDS // 3))
    assert sum(chaos.deaths.values()) > 0
