"""What operators that yield batches land."""

from __future__ import annotations

import pyarrow as pa


def together(parts):
    """The batches that an operator yields, as one."""
    return pa.Table.from_batches(list(parts)).combine_chunks().to_batches()[0]
