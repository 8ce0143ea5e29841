"""Gopher's repetition signals (Rae et al. 2021, arXiv:2112.11446, table A1).

Its thresholds, for policies: duplicate lines 0.30, paragraphs 0.30, characters in duplicate lines 0.20, in
paragraphs 0.20; characters in the commonest 2-, 3-, 4-gram 0.20, 0.18, 0.16; in duplicate 5- to 10-grams 0.15,
0.14, 0.13, 0.12, 0.11, 0.10.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jobs.score.rules.letters_per_word import letters_per_word
from jobs.score.rules.measured import Measured, Scores


def repetition(measured: Measured, script: Sequence[str] | None = None) -> Scores:
    """Return Gopher's repetition columns.

    Args:
        measured: Counts of n texts.
        script: n ISO 15924 codes, by which letters that are counted for words are put together; None is of texts
            with spaces.
    """
    from jobs.text import lines
    from jobs.text.lines import ratio
    from jobs.text.repetition import DUPLICATE, TOP, ngram_fractions

    counts = measured.counts
    chars = counts[:, lines.LINE_CHARS]
    per_word = None if script is None else letters_per_word(measured.text, script, np.diff(measured.places))
    top, duplicate = ngram_fractions(measured.hashes, measured.lengths, measured.places, per_word)
    return {
        "duplicate_lines": ratio(counts[:, lines.DUPLICATE_LINES], counts[:, lines.LINES]),
        "duplicate_line_chars": ratio(counts[:, lines.DUPLICATE_LINE_CHARS], chars),
        "duplicate_paragraphs": ratio(counts[:, lines.DUPLICATE_PARAGRAPHS], counts[:, lines.PARAGRAPHS]),
        "duplicate_paragraph_chars": ratio(counts[:, lines.DUPLICATE_PARAGRAPH_CHARS], chars),
        **{f"top_{n}gram_chars": top[:, place] for place, n in enumerate(TOP)},
        **{f"duplicate_{n}gram_chars": duplicate[:, place] for place, n in enumerate(DUPLICATE)},
    }
