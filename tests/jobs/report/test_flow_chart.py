from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from jobs.report.flow_chart import Band, flow_chart

AMOUNTS = st.lists(st.integers(1, 10**12), min_size=1, max_size=12)


@given(AMOUNTS)
def test_blocks_are_at_least_a_pixel_and_in_proportion(amounts):
    drawn = flow_chart([Band((0, "all"), (1, f"r{n}"), amount) for n, amount in enumerate(amounts)], "label", "rows")
    heights = [float(height) for height in re.findall(r'<rect [^>]*height="([^"]+)"', drawn)]
    assert len(heights) == len(amounts) + 1
    assert min(heights) >= 1
    assert max(heights) <= 420.01
    assert f"{sum(amounts):,}" in drawn


def test_a_band_says_from_where_to_where():
    assert "text to kept: 12 samples" in flow_chart([Band((0, "text"), (1, "kept"), 12)], "label", "samples")
