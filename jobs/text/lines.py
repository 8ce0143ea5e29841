"""One pass over text that counts what the published rules need: characters, words, lines, paragraphs."""
# ruff: noqa: PLR0912, PLR0915, C901 - one loop over characters, in flat arrays

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.characters import (
    ALPHABETIC,
    BLANK,
    BULLET,
    ENDER,
    MARK,
    NUMERIC,
    OUT,
    QUOTE,
    RUN,
    SEPARATOR,
    STACKER,
    TERMINAL,
    Bytes,
    Offsets,
    character_flags,
    decode,
    text_buffers,
    word_classes,
    word_step,
)

Counts = npt.NDArray[np.int64]

# Columns of the counts.
CHARS = 0  # characters
WORDS = 1  # runs without blanks, cut further as `jobs.text.words` cuts words; punctuation goes with the word beside it
WORD_CHARS = 2  # characters in words
ALPHABETIC_WORDS = 3  # words with a letter
HASHES = 4  # "#"
ELLIPSES = 5  # "…", or three dots and more
LINES = 6  # lines that are not blank
NEWLINES = 7  # line ends
BULLET_LINES = 8  # lines whose first character is a bullet followed by a blank
ELLIPSIS_LINES = 9  # lines that end with an ellipsis
PUNCTUATED_LINES = 10  # lines that end with terminal punctuation or an end quotation mark after it
SHORT_LINES = 11  # lines of fewer than 30 characters
LINE_CHARS = 12  # characters in lines, outer blanks left out
LONGEST_LINE = 13  # characters of the longest line, blanks counted
ALPHANUMERIC = 14  # letters and digits
CURLY_BRACKETS = 15  # "{" and "}"
SENTENCES = 16  # terminal marks before a blank or the end; those of CJK wherever they stand
DUPLICATE_LINES = 17  # lines equal to an earlier one, outer blanks left out
DUPLICATE_LINE_CHARS = 18
PARAGRAPHS = 19  # runs of lines that are not blank
DUPLICATE_PARAGRAPHS = 20
DUPLICATE_PARAGRAPH_CHARS = 21
WIDTH = 22

SHORT = 30


def line_counts(text: pa.Array) -> Counts:
    """Return int64 [n, WIDTH], the counts named above of each text.

    Args:
        text: string or large_string [n].
    """
    data, offsets = text_buffers(text)
    out = np.zeros((len(text), WIDTH), np.int64)
    _count(data, offsets, character_flags(), word_classes(), out)
    return out


def ratio(above: npt.NDArray[np.generic], below: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Return above / below as float64 [n], 0 where below is 0."""
    out = np.zeros(len(above), np.float64)
    np.divide(above, below, out=out, where=np.asarray(below) != 0)
    return out


@numba.njit(nogil=True, cache=True)
def _seen(table: npt.NDArray[np.uint64], stamps: npt.NDArray[np.int64], mask: int, stamp: int, h: np.uint64) -> bool:
    """Whether h is in the set of this stamp; it is put there."""
    slot = np.int64((h * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)) & mask
    while stamps[slot] == stamp:
        if table[slot] == h:
            return True
        slot = (slot + 1) & mask
    stamps[slot] = stamp
    table[slot] = h
    return False


@numba.njit(nogil=True, cache=True)
def _count(data: Bytes, offsets: Offsets, flags: Bytes, classes: Bytes, out: Counts) -> None:
    rows = offsets.shape[0] - 1
    prime = np.uint64(0x100000001B3)
    basis = np.uint64(0xCBF29CE484222325)
    most = 0
    for row in range(rows):
        ends = 0
        for i in range(offsets[row], offsets[row + 1]):
            ends += data[i] == 10
        out[row, NEWLINES] = ends
        most = max(most, ends)
    room = 8
    while room < 2 * (most + 2):
        room *= 2
    line_table = np.empty(room, np.uint64)
    line_stamps = np.full(room, -1, np.int64)
    paragraph_table = np.empty(room, np.uint64)
    paragraph_stamps = np.full(room, -1, np.int64)
    for row in range(rows):
        i = offsets[row]
        end = offsets[row + 1]
        size = 8
        while size < 2 * (out[row, NEWLINES] + 2):
            size *= 2
        mask = size - 1
        chars = words = word_chars = alphabetic_words = hashes = ellipses = lines = bullets = 0
        ellipsis_lines = punctuated = short = line_chars = longest = alphanumeric = curly = sentences = 0
        duplicates = duplicate_chars = paragraphs = duplicate_paragraphs = duplicate_paragraph_chars = 0
        state = OUT
        letter_in_word = False
        bare = False  # the word has neither letters nor digits so far
        dots = 0
        worded = False  # the line has a letter or a digit
        width = 0  # characters of the line so far
        length = 0  # characters from the first to here, blanks at the end not yet counted
        solid = 0  # the same up to the last that is not blank
        h = basis
        h_solid = basis
        first = 0
        second = 0
        last = 0
        before_last = 0
        paragraph = basis
        paragraph_chars = 0
        waiting = False  # a sentence mark was read, and nothing after it yet but quotes
        while i <= end:
            if i < end:
                point, step = decode(data, i)
            else:
                point, step = np.int64(10), 1
            i += step
            flag = flags[point]
            if i <= end:
                chars += 1
            if flag & BLANK:
                if state != OUT:
                    state = OUT
                    alphabetic_words += letter_in_word
                if waiting:
                    sentences += 1
                    waiting = False
                dots = 0
                if point != 10:
                    width += 1
                    if length > 0:
                        length += 1
                        h = (h ^ np.uint64(point)) * prime
                        if length == 2:
                            second = point
                    continue
                longest = max(longest, width)
                if solid > 0:
                    lines += 1
                    line_chars += solid
                    if flags[first] & BULLET and (solid == 1 or flags[second] & BLANK):
                        bullets += 1
                    if last == 0x2026 or (last == 46 and before_last == 46):
                        ellipsis_lines += 1
                    if flags[last] & TERMINAL or (flags[last] & QUOTE and flags[before_last] & TERMINAL):
                        punctuated += 1
                    if solid < SHORT:
                        short += 1
                    # Rules and the borders of tables repeat in any text.
                    if worded and _seen(line_table, line_stamps, mask, row, h_solid):
                        duplicates += 1
                        duplicate_chars += solid
                    paragraph = (paragraph ^ h_solid) * prime
                    paragraph_chars += solid
                if paragraph_chars > 0 and (solid == 0 or i > end):
                    paragraphs += 1
                    if _seen(paragraph_table, paragraph_stamps, mask, row, paragraph):
                        duplicate_paragraphs += 1
                        duplicate_paragraph_chars += paragraph_chars
                    paragraph = basis
                    paragraph_chars = 0
                width = length = solid = first = second = last = before_last = 0
                worded = False
                h = h_solid = basis
                continue
            width += 1
            length += 1
            if length == 1:
                first = point
            elif length == 2:
                second = point
            before_last = last
            last = point
            h = (h ^ np.uint64(point)) * prime
            h_solid = h
            solid = length
            letter = (flag & ALPHABETIC) != 0
            alphanumeric += letter or (flag & NUMERIC) != 0
            worded = worded or letter or (flag & NUMERIC) != 0
            kind = classes[point]
            if kind == ENDER:
                if state != OUT:
                    alphabetic_words += letter_in_word
                state = OUT
            else:
                word_chars += 1
                before = state
                sign = kind == SEPARATOR or (before == OUT and kind in (MARK, STACKER))
                if sign:
                    begins = before == OUT
                    state = RUN if begins else before
                else:
                    state, begins = word_step(kind, before)
                    begins = begins and not (bare and before != OUT)
                if begins:
                    # The word before it ends; one that ended at a blank is counted already.
                    alphabetic_words += letter_in_word and before != OUT
                    words += 1
                    letter_in_word = letter
                    bare = sign
                else:
                    letter_in_word = letter_in_word or letter
                    bare = bare and sign
            if point == 46:
                dots += 1
                if dots == 3:
                    ellipses += 1
            else:
                dots = 0
                if point == 35:
                    hashes += 1
                elif point in (123, 125):
                    curly += 1
                elif point == 0x2026:
                    ellipses += 1
            if flag & TERMINAL:
                # Marks in a row end one sentence. Those of CJK need no blank after them.
                if point >= 0x3000:
                    sentences += not waiting
                    waiting = False
                else:
                    waiting = True
            elif waiting and not flag & QUOTE:
                waiting = False
        out[row, CHARS] = chars
        out[row, WORDS] = words
        out[row, WORD_CHARS] = word_chars
        out[row, ALPHABETIC_WORDS] = alphabetic_words
        out[row, HASHES] = hashes
        out[row, ELLIPSES] = ellipses
        out[row, LINES] = lines
        out[row, BULLET_LINES] = bullets
        out[row, ELLIPSIS_LINES] = ellipsis_lines
        out[row, PUNCTUATED_LINES] = punctuated
        out[row, SHORT_LINES] = short
        out[row, LINE_CHARS] = line_chars
        out[row, LONGEST_LINE] = longest
        out[row, ALPHANUMERIC] = alphanumeric
        out[row, CURLY_BRACKETS] = curly
        out[row, SENTENCES] = sentences
        out[row, DUPLICATE_LINES] = duplicates
        out[row, DUPLICATE_LINE_CHARS] = duplicate_chars
        out[row, PARAGRAPHS] = paragraphs
        out[row, DUPLICATE_PARAGRAPHS] = duplicate_paragraphs
        out[row, DUPLICATE_PARAGRAPH_CHARS] = duplicate_paragraph_chars
