from __future__ import annotations

import pytest

from jobs.mix.cells import Cell, most_specific


def test_a_cell_is_read_and_written():
    assert str(Cell.parse("text/zh/manual")) == "text/zh/manual"
    assert Cell.parse("code/code/a/b").kind == "a/b"
    for wrong in ("text", "text/zh", "text//manual"):
        with pytest.raises(ValueError, match="is not modality/language group/kind"):
            Cell.parse(wrong)


def test_the_most_specific_pattern_wins():
    patterns = [Cell.parse(text) for text in ("*/*/*", "text/*/*", "*/zh/*", "*/*/manual")]
    cell = Cell.parse("text/zh/manual")
    assert most_specific(cell, patterns) == Cell.parse("*/*/manual")
    assert most_specific(cell, patterns[:3]) == Cell.parse("*/zh/*")
    assert most_specific(cell, [Cell.parse("image/*/*")]) is None
