from __future__ import annotations

import numpy as np
import pytest
from deltalake import DeltaTable

from trainer.loader.data_files import DataFiles
from trainer.loader.position_index import StageIndex, add_actions, files_of_stage
from trainer.loader.row_groups import Groups


def opened(lake, stage="cold", **options):
    table = DeltaTable(lake.sequences)
    actions = files_of_stage(add_actions(table), stage)
    files = DataFiles(table, actions, storage_options=None, what="a test")
    return StageIndex(actions, files, stage), Groups(files, stage, **options), files


@pytest.mark.parametrize("compressed", [False, True])
def test_uncompressed_tokens_are_views_of_the_file(lake, compressed):
    lake.write(lake.packed_rows("cold", 50), compressed=compressed, group=20)
    index, groups, files = opened(lake)
    for file, group, _ in index.locate(np.arange(50)):
        views = groups.get(file, group)._tokens
        assert all(np.shares_memory(view, files.mapped(file)) is not compressed for view, _ in views)


def test_row_groups_leave_by_decoded_size(lake):
    lake.write(lake.packed_rows("cold", 100), compressed=True, group=10)
    index, groups, _ = opened(lake, keep_bytes=5000)
    for file, group, _ in index.locate(np.arange(100)):
        groups.get(file, group)
        assert len(groups._held) >= 1
        assert sum(one.nbytes for one in groups._held.values()) <= 5000 or len(groups._held) == 1
    assert 1 < len(groups._held) < 10


def test_only_files_of_the_stage_are_opened(wide):
    index, _, files = opened(wide, "hot")
    assert len(files.paths) == 2
    assert index.rows == 40


def test_row_groups_of_tokens_alone_are_not_searched_for_media(lake):
    lake.write(lake.packed_rows("cold", 30))
    index, groups, _ = opened(lake)
    ((file, group, _),) = index.locate(np.arange(30))
    found = groups.get(file, group)
    assert len(found.inputs().row) == 0
    assert "segments" not in found._columns
