"""Which levels of ``ledger.edges`` a sync replaces.

Levels are numbered from the oldest and largest. New entries become a level of their own, into which newer levels are
taken while they are not much larger: each is then more than `RATIO` times the next, and an entry is rewritten about
`RATIO` times a level. Where many more levels would fit, the smallest grows instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from deltalake import DeltaTable

RATIO = 8
MAX_LEVELS = 4


def first_replaced(sizes: Sequence[int], new: int) -> int:
    """Return the level that new entries are written to; it and all newer ones are merged into them.

    Args:
        sizes: Entries of each level, level 0 first.
        new: New entries.

    Examples:
        >>> first_replaced([1000], 10)
        1
        >>> first_replaced([1000, 50], 10)
        1
        >>> first_replaced([1000, 900, 50], 10)
        2
        >>> first_replaced([1000, 100, 50], 10)
        0
    """
    level = len(sizes)
    total = new
    while level and (sizes[level - 1] <= RATIO * total or level >= MAX_LEVELS):
        level -= 1
        total += sizes[level]
    return level


def level_sizes(table: DeltaTable) -> list[int]:
    """Return the entries of each level of ``ledger.edges``, level 0 first, from the log alone.

    An entry counts once for each order that it is stored in. Levels that hold nothing at the end are left out.
    """
    actions = pa.table(table.get_add_actions(flatten=True))
    if not actions.num_rows:
        return []
    sums = (
        pa.table({"level": actions.column("partition.level"), "n": actions.column("num_records")})
        .group_by("level")
        .aggregate([("n", "sum")])
    )
    counts = dict(zip(sums.column("level").to_pylist(), sums.column("n_sum").to_pylist(), strict=True))
    newest = int(pc.max(sums.column("level")).as_py())
    return [int(counts.get(level) or 0) for level in range(newest + 1)]
