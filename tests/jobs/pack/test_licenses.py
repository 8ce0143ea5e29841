from __future__ import annotations

import numpy as np
import pyarrow as pa

from jobs.pack.licenses import conjunctions


def test_a_row_carries_each_licence_of_its_samples_once_and_sorted():
    licences = ["MIT", "Apache-2.0 AND MIT", "MIT OR GPL-2.0-only", "MIT"]
    rows = conjunctions(pa.array(licences), np.array([0, 0, 1, 1], np.int64), 2)
    assert rows.to_pylist() == ["Apache-2.0 AND MIT", "(MIT OR GPL-2.0-only) AND MIT"]


def test_operators_of_any_case_are_written_in_capitals_and_an_or_stands_in_parentheses():
    licences = ["ISC", "mit or gpl-2.0-only", "Apache-2.0 and (MIT or ISC)", "(mit OR isc)", "my own or yours"]
    rows = conjunctions(pa.array(licences), np.array([0, 0, 1, 2, 3], np.int64), 4)
    assert rows.to_pylist() == [
        "ISC AND (MIT OR GPL-2.0-only)",
        "Apache-2.0 AND (MIT OR ISC)",
        "(MIT OR ISC)",
        "(my own OR yours)",
    ]
