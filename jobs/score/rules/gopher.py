"""Gopher's quality signals (Rae et al. 2021, arXiv:2112.11446, table A1).

Its thresholds, for policies: 50 to 100,000 words; mean word length 3 to 10; symbols a word up to 0.1; up to 90%
of lines with a bullet, up to 30% with an ellipsis at the end; 80% of words with a letter; 2 stop words.
Words are runs without blanks, and each letter of a script without spaces; so word lengths mean something in
alphabets only.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from jobs.score.rules.measured import Measured, Scores

# The paper's list; English, so the count says nothing of another language.
STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


def quality(measured: Measured) -> Scores:
    """Return Gopher's quality columns."""
    from jobs.text import lines
    from jobs.text.lines import ratio
    from jobs.text.repetition import distinct_of

    counts = measured.counts
    words, rows = counts[:, lines.WORDS], counts[:, lines.LINES]
    return {
        "mean_word_length": ratio(counts[:, lines.WORD_CHARS], words),
        "symbol_word_ratio": ratio(counts[:, lines.HASHES] + counts[:, lines.ELLIPSES], words),
        "bullet_lines": ratio(counts[:, lines.BULLET_LINES], rows),
        "ellipsis_lines": ratio(counts[:, lines.ELLIPSIS_LINES], rows),
        "alphabetic_words": ratio(counts[:, lines.ALPHABETIC_WORDS], words),
        "stop_words": distinct_of(measured.hashes, measured.places, _stop_words()),
    }


@functools.cache
def _stop_words() -> npt.NDArray[np.uint64]:
    from jobs.text.words import word_hash

    return np.array([word_hash(word) for word in STOP_WORDS], np.uint64)
