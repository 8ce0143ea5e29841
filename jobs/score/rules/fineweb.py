"""FineWeb's signals (Penedo et al. 2024, arXiv:2406.17557, section 3.6).

It drops a page with at most 12% of lines ending in punctuation, with at least 10% of characters in duplicate
lines (`duplicate_line_chars`, among the repetition columns), or with at least 67% of lines shorter than 30
characters. They fit prose of the web: lists, manuals and code fail them by nature, so a policy applies them by kind.
"""

from __future__ import annotations

from jobs.score.rules.measured import Measured, Scores


def fineweb(measured: Measured) -> Scores:
    """Return FineWeb's columns."""
    from jobs.text import lines
    from jobs.text.lines import ratio

    counts = measured.counts
    return {
        "punctuated_lines": ratio(counts[:, lines.PUNCTUATED_LINES], counts[:, lines.LINES]),
        "short_lines": ratio(counts[:, lines.SHORT_LINES], counts[:, lines.LINES]),
        "newline_word_ratio": ratio(counts[:, lines.NEWLINES], counts[:, lines.WORDS]),
    }
