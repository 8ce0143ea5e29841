from __future__ import annotations

import pytest

from schemas.features import HOP, IMAGE, PATCH, SPEECH, image_positions, speech_positions


def test_positions_are_the_groups_of_frames_begun_and_the_patches():
    step = HOP * SPEECH.patch
    assert [speech_positions(n) for n in (1, step, step + 1)] == [1, 1, 2]
    assert image_positions(3 * PATCH, 2 * PATCH) == 6
    assert IMAGE.width == PATCH * PATCH * 3
    assert SPEECH.width == pytest.approx(80 * SPEECH.patch)
