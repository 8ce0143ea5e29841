from __future__ import annotations

import pytest

from trainer.distributed import process_group
from trainer.platform import cpu

cpu.install()

from tests.trainer.made_rows import RECIPE  # noqa: E402 - after the patches, which Megatron's import needs


@pytest.fixture
def layout():
    """One process, laid out and seeded as for a fresh run."""
    return process_group.start(RECIPE)
