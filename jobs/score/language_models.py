"""The fastText models of languages: what each of them can say, and its answers about passages.

- lid.176 (arXiv:1612.03651) knows 176 languages from Wikipedia and Tatoeba, in the scripts of their Wikipedias.
- The wide model, `languages.ftz`, knows what `jobs.score.train_languages` found: several hundred languages, each from
  one short text of one genre. It tells languages apart that lid.176 does not know; it decides nothing alone where
  that one is sure (see `jobs.score.language`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.package_data import package_path
from jobs.text.language_facts import HAN, facts

WIDE = Path(__file__).with_name("languages.ftz")

# Labels of lid.176 that are no BCP 47 tags of what they mean: Wikipedia's als is Alemannic, bh Bhojpuri, eml Emilian.
_TAGS = {"als": "gsw", "bh": "bho", "eml": "egl"}

# Its languages whose Wikipedias are in two scripts; of the others it knows the likely one.
_SCRIPTS = {"sr": ("Cyrl", "Latn"), "sh": ("Latn", "Cyrl"), "uz": ("Latn", "Cyrl"), "zh": HAN, "yue": HAN, "wuu": HAN}

_PREFIX = "__label__"
_MOST = 5
_WIDE_MOST = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A language that a model names, in a script, and the probability that it gives it."""

    language: str
    script: str
    probability: float

    @property
    def tag(self) -> str:
        """The BCP 47 tag; its script is named where the language has another one first."""
        first = facts().likely.get(self.language, self.script)
        same = self.script == first or (self.script in HAN and first in HAN)
        return self.language if same else f"{self.language}-{self.script}"


def normal(text: pa.Array) -> list[str]:
    """Return texts as the models take them: in lower case, one line, Tibetan syllables as words.

    In capitals lid.176 knows few languages, since it was trained on text that has them at beginnings only.
    """
    import polars as pl

    series = pl.from_arrow(text)
    assert isinstance(series, pl.Series)  # noqa: S101 - for the type checker
    return series.str.to_lowercase().str.replace_all("[\\s\u0f0b]+", " ").str.strip_chars().to_list()


@functools.lru_cache(maxsize=4)
def load(path: str) -> Any:
    """Load a model once per process."""
    import fasttext

    return fasttext.load_model(str(package_path(Path(path))))


def first_answers(texts: list[str], scripts: list[str], path: str) -> list[Answer | None]:
    """Return the likeliest language of lid.176 that is written in the script that each text is in.

    Args:
        texts: As `normal` makes them.
        scripts: ISO 15924 codes.
        path: The model.

    Returns:
        None where the model names no language of the script.
    """
    labels, chances = load(path).predict(texts, k=_MOST)
    return [
        next((found for found in map(_answer, named, sure) if said_in(found.language, script)), None)
        for named, sure, script in zip(labels, chances, scripts, strict=True)
    ]


def said_in(language: str, script: str) -> bool:
    """Return whether lid.176 can mean a language when it is given text of a script."""
    known = _SCRIPTS.get(language)
    if known is None:
        first = facts().likely.get(language, "Latn")
        return first == script or (first in HAN and script in HAN)
    return script in known


def can_say(language: str, script: str, path: str) -> bool:
    """Return whether lid.176 has a label for a language in a script."""
    return language in _languages(path) and said_in(language, script)


def languages_of(script: str, path: str) -> int:
    """Return how many languages of a script lid.176 can name."""
    return sum(said_in(language, script) for language in _languages(path))


def wide_answers(texts: list[str], script: str, path: str) -> dict[str, float]:
    """Return the wide model's mean probability of each language of a script, by tag.

    The probabilities are those among the languages of the script; empty where it knows none.
    """
    known = _wide_labels(path).get(script, {})
    if not known or not texts:
        return {}
    if len(known) == 1:
        return {next(iter(known.values())).tag: 1.0}
    totals: dict[str, float] = {}
    for named, chances in zip(*load(path).predict(texts, k=_WIDE_MOST), strict=True):
        found = {label: float(chance) for label, chance in zip(named, chances, strict=True) if label in known}
        everything = sum(found.values())
        for label, chance in found.items():
            tag = known[label].tag
            totals[tag] = totals.get(tag, 0.0) + chance / everything / len(texts)
    return totals


def wide_knows(language: str, script: str, path: str) -> bool:
    """Return whether the wide model has a label for a language in a script."""
    return any(answer.language == language for answer in _wide_labels(path).get(script, {}).values())


@functools.lru_cache(maxsize=4)
def _languages(path: str) -> frozenset[str]:
    names = (label.removeprefix(_PREFIX) for label in load(path).labels)
    return frozenset(_TAGS.get(name, name) for name in names)


@functools.lru_cache(maxsize=4)
def _wide_labels(path: str) -> dict[str, dict[str, Answer]]:
    """Return the wide model's labels by script; those of Han under all its codes."""
    out: dict[str, dict[str, Answer]] = {}
    for label in load(path).labels:
        language, _, script = label.removeprefix(_PREFIX).partition("-")
        for code in HAN if script in HAN else (script,):
            out.setdefault(code, {})[label] = Answer(language, script, 1.0)
    return out


def _answer(label: str, chance: float) -> Answer:
    name = label.removeprefix(_PREFIX)
    language = _TAGS.get(name, name)
    script = facts().likely.get(language, "Latn")
    return Answer(language, script, min(max(float(chance), 0.0), 1.0))
