from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trainer.distributed import process_group
from trainer.platform import cpu

sys.path.insert(0, str(Path(__file__).parent))
cpu.install()

from made_rows import RECIPE  # noqa: E402 - found through the line above


@pytest.fixture
def layout():
    """One process, laid out and seeded as for a fresh run."""
    return process_group.start(RECIPE)
