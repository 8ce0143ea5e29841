"""Where a published rule says nothing of a text: its script or language has not what the rule counts.

Gopher, C4 and FineWeb were made for English. FineWeb2 (arXiv:2506.20920) has thresholds of its own for each language,
over words that a segmenter makes, which is none of ours; it measures no lines without marks at the end where a language
writes none, and counts stop words of the language itself. A score is null where what it counts is not there, so that
no rule drops a language.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.score.rules.letters_per_word import LETTERS, WITHOUT_SPACES, LettersAsWords
from jobs.score.rules.measured import Scores

# Scripts whose sentences end in a blank or in a mark that also stands elsewhere.
WITHOUT_MARKS = ("Thai", "Laoo", "Tavt", "Talu")

# Scripts in which 30 characters are no short line: a character says more than two letters (`jobs.text.information`).
DENSE = ("Hani", "Hans", "Hant", "Jpan", "Kore", "Yiii", "Tang")

# Scripts without spaces of which nobody counted how many letters make a word.
UNMEASURED = tuple(script for script in WITHOUT_SPACES if script not in LETTERS)

_COMMONEST = tuple(f"top_{n}gram_chars" for n in (2, 3, 4))

# Scores that count syllables for words where there are no spaces, and are comparable with no threshold then.
_BY_SCRIPT = {
    "mean_word_length": WITHOUT_SPACES,
    "newline_word_ratio": WITHOUT_SPACES,
    "short_lines": DENSE,
    "punctuated_lines": WITHOUT_MARKS,
    "n_sentences": WITHOUT_MARKS,
    # Elsewhere as many letters are put together as make the words (`jobs.score.rules.letters_per_word`).
    **dict.fromkeys(_COMMONEST, UNMEASURED),
    **dict.fromkeys((f"duplicate_{n}gram_chars" for n in range(5, 11)), UNMEASURED),
}
# Words under which the commonest phrase says nothing: in forty of them one that comes twice is a fifth.
_LEAST_WORDS = 100
# Gopher is about documents of fifty words and more. In fewer one common word is enough, but none makes no sentence.
_GOPHERS_WORDS = 50
# Lines of which a third may end in an ellipsis without being cut.
_LEAST_LINES = 10
# Fraction of the words that are letters of scripts without spaces, above which words have no length.
_MOST_LETTERS = 0.05
# Scores of words of one language.
_BY_LANGUAGE = {"stop_words": "en"}


def abstaining(
    scores: Scores,
    script: Iterable[str],
    language: Iterable[str],
    letters: LettersAsWords,
    n_words: npt.NDArray[np.int64],
    n_lines: npt.NDArray[np.int64],
) -> Scores:
    """Return scores that are null where they mean nothing.

    Args:
        scores: Columns of n texts.
        script: n ISO 15924 codes.
        language: n BCP 47 tags.
        letters: What of the counted words are letters.
        n_words: int64 [n], the counted words.
        n_lines: int64 [n], the lines that are not blank.
    """
    codes = np.array(list(script), dtype="U4")
    primary = np.array([tag.partition("-")[0] for tag in language], dtype="U8")
    silent: dict[str, npt.NDArray[np.bool_]] = {
        **{name: np.isin(codes, list(scripts)) for name, scripts in _BY_SCRIPT.items()},
        # Of a language that is not known, the words may be counted.
        **{name: ~np.isin(primary, [wanted, "und"]) for name, wanted in _BY_LANGUAGE.items()},
    }
    # A page of English with some Chinese in it has words of one letter, too.
    silent["mean_word_length"] |= letters.fraction > _MOST_LETTERS
    for name in _COMMONEST:
        silent[name] |= n_words / letters.per_word < _LEAST_WORDS
    silent["stop_words"] |= (n_words < _GOPHERS_WORDS) & (np.asarray(scores["stop_words"]) == 1)
    silent["ellipsis_lines"] = n_lines < _LEAST_LINES
    return {name: pa.array(values, mask=silent[name]) if name in silent else values for name, values in scores.items()}
