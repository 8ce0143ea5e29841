from __future__ import annotations

import numpy as np
import torch

from trainer.loader.buffers import Buffers


def test_memory_comes_back_only_when_nothing_refers_to_it():
    pool = Buffers(keep=2)
    first = pool.take((4, 8), np.int32)
    place = first.ctypes.data
    tensor = torch.from_numpy(first)
    del first
    assert pool.take((4, 8), np.int32).ctypes.data != place
    view = tensor[1:3].view(-1)
    del tensor
    second = pool.take((4, 8), np.int32)
    assert second.ctypes.data != place
    del view
    assert pool.take((4, 8), np.int32).ctypes.data == place


def test_shapes_and_types_do_not_mix():
    pool = Buffers()
    assert pool.take((2, 3), np.float32).dtype == np.float32
    assert pool.take((2, 3), np.int64).dtype == np.int64
    assert pool.take((3, 2), np.int64).shape == (3, 2)


def test_beyond_what_is_kept_memory_is_fresh():
    pool = Buffers(keep=1)
    held = [pool.take((5,), np.int8) for _ in range(4)]
    assert len({one.ctypes.data for one in held}) == 4
