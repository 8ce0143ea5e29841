"""Choose the last samples of a line's draw, so that whole samples meet the target."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Samples near the end that may go in or out; with that many, sums of some are near any wanted one.
FREE = 512
# The sums are counted in steps of a fraction of what is drawn, a fifth of the tolerated error of 0.5 %.
STEP = 0.001


def choose_last_samples(
    sizes: npt.NDArray[np.int64], taken: npt.NDArray[np.bool_], needed: int, target: int
) -> npt.NDArray[np.bool_]:
    """Choose samples whose sizes add up to what is needed, as nearly as they can.

    Subset sum over bit sets (Bellman 1957): bit s of the i-th set says whether some of the first i samples
    add up to s steps.

    Args:
        sizes: Tokens of each sample [n], nearest to the end first. Those beyond the first `FREE` keep their place.
        taken: Whether it is before the end [n].
        needed: Tokens wanted of all n.
        target: Tokens of the whole line.

    Returns:
        Whether each goes in, bool [n].
    """
    chosen = taken.copy()
    chosen[:FREE] = False
    wanted = needed - int(sizes[chosen].sum())
    step = max(1, int(target * STEP / FREE))
    goal = round(wanted / step)
    if goal <= 0:
        return chosen
    near = np.flatnonzero((np.arange(len(sizes)) < FREE) & (sizes <= 2 * wanted))
    steps = [max(1, round(int(size) / step)) for size in sizes[near]]
    mask = (1 << (3 * goal + 2)) - 1
    reach = [1]
    for width in steps:
        reach.append((reach[-1] | (reach[-1] << width)) & mask)
    left = _nearest(reach[-1], goal)
    for place in range(len(steps) - 1, -1, -1):
        # Left out where the earlier ones reach it alone.
        if not reach[place] >> left & 1:
            chosen[near[place]] = True
            left -= steps[place]
    return chosen


def _nearest(bits: int, goal: int) -> int:
    """Return the place of the set bit nearest to the goal; of two as near, the lower."""
    below = (bits & ((1 << (goal + 1)) - 1)).bit_length() - 1
    above = bits >> (goal + 1)
    if above:
        higher = goal + (above & -above).bit_length()
        if higher - goal < goal - below:
            return higher
    return below
