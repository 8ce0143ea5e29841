from __future__ import annotations

from tests.trainer.made_rows import RECIPE
from trainer.distributed import process_group


def test_one_process_is_a_whole_layout(layout):
    assert (layout.rank, layout.world, layout.data_world, layout.expert) == (0, 1, 1, 1)
    assert layout.main
    assert layout.reports
    assert process_group.start(RECIPE) == layout
