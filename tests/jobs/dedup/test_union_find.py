from __future__ import annotations

import numpy as np

from jobs.dedup.union_find import roots


def test_a_node_gets_the_least_node_of_its_component():
    a, b = np.array([5, 3, 1, 6], np.int64), np.array([3, 4, 0, 6], np.int64)
    assert roots(8, a, b).tolist() == [0, 0, 2, 3, 3, 3, 6, 7]
    assert roots(3, a[:0], b[:0]).tolist() == [0, 1, 2]
