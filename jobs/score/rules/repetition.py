"""Gopher's repetition signals (Rae et al. 2021, arXiv:2112.11446, table A1).

Its thresholds, for policies: duplicate lines 0.30, paragraphs 0.30, characters in duplicate lines 0.20, in
paragraphs 0.20; characters in the commonest 2-, 3-, 4-gram 0.20, 0.18, 0.16; in duplicate 5- to 10-grams 0.15,
0.14, 0.13, 0.12, 0.11, 0.10.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jobs.score.rules.measured import Measured, Scores


def repetition(measured: Measured, per_word: npt.NDArray[np.float64] | None = None) -> Scores:
    """Return Gopher's repetition columns.

    Args:
        measured: Counts of n texts.
        per_word: float64 [n], how many of the counted words make one, where these are letters; None is 1.
    """
    from jobs.text import lines
    from jobs.text.lines import ratio
    from jobs.text.repetition import DUPLICATE, TOP, ngram_fractions

    counts = measured.counts
    chars = counts[:, lines.LINE_CHARS]
    top, duplicate = ngram_fractions(measured.hashes, measured.lengths, measured.places, per_word)
    return {
        "duplicate_lines": ratio(counts[:, lines.DUPLICATE_LINES], counts[:, lines.LINES]),
        "duplicate_line_chars": ratio(counts[:, lines.DUPLICATE_LINE_CHARS], chars),
        "duplicate_paragraphs": ratio(counts[:, lines.DUPLICATE_PARAGRAPHS], counts[:, lines.PARAGRAPHS]),
        "duplicate_paragraph_chars": ratio(counts[:, lines.DUPLICATE_PARAGRAPH_CHARS], chars),
        **{f"top_{n}gram_chars": top[:, place] for place, n in enumerate(TOP)},
        **{f"duplicate_{n}gram_chars": duplicate[:, place] for place, n in enumerate(DUPLICATE)},
    }
