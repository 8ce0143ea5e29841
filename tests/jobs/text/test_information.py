from __future__ import annotations

import numpy as np
import pyarrow as pa

from jobs.text.information import WEIGHTS, information
from jobs.text.scripts import NAMES


def test_letters_count_by_script_and_everything_else_once():
    texts = ["abc, 12", "数据 1", "カナ", ""]
    chars = np.array([len(text) for text in texts])
    assert information(pa.array(texts), chars).round(1).tolist() == [7.0, 10.0, 3.6, 0.0]


def test_the_weights_are_of_scripts_that_are_counted():
    assert set(WEIGHTS) <= set(NAMES)
