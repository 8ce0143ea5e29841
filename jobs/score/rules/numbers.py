"""Signals of lines that say nothing in words: tables of digits, checksums, dumps.

The share of digits and of such lines is a filter of RefinedWeb (arXiv:2306.01116, section G.2: a line is dropped
where it is mostly numbers) and of MassiveText's successors; here the characters of the lines are counted, so that a
policy may decide on the document.
"""

from __future__ import annotations

from jobs.score.rules.measured import Measured, Scores


def numbers(measured: Measured) -> Scores:
    """Return the columns for lines of digits and hashes."""
    from jobs.text import number_lines
    from jobs.text.lines import ratio

    counts = number_lines.number_lines(measured.text)
    return {
        "digit_line_chars": ratio(counts[:, number_lines.DIGIT_LINES], counts[:, number_lines.CHARS]),
        "hash_line_chars": ratio(counts[:, number_lines.HASH_LINES], counts[:, number_lines.CHARS]),
    }
