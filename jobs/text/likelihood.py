"""How likely a text is in each of many languages, by pairs of neighbouring characters.

The model behind the detection of encodings and the repair of mojibake: of several readings of the same bytes
the right one is the one that is likely text in some language. `jobs.text.train_likelihood` counts the pairs.
"""

from __future__ import annotations

import functools
import io
import unicodedata
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from jobs.package_data import package_bytes
from jobs.text.bigram_units import CLASSES, EAST_ASIAN, FIRST_LETTER, case_table, floors, members, unit_table
from jobs.text.characters import CODE_POINTS, Bytes
from jobs.text.data_files import LIKELIHOOD as MODEL
from jobs.text.scripts import NAMES, script_numbers

GENERIC = "und"
# Characters on either side of one beyond ASCII that are read: in code these are the comment or the literal.
WINDOW = 30
_DISCOUNT = 0.5
_UNKNOWN = 0.01
# Log share of its class that a character has which a language was not seen to write.
_UNSEEN = -13.0
# What a character costs more in an English word than in one of the language.
_FOREIGN = 0.7
# Nats that any script by itself is behind a known language.
_GENERIC = -4.0
# A word of two alphabets. Hangul, kana and Han, which the later numbers are, stand beside any letter.
_TWO_SCRIPTS = 4.0
# And Latin letters, whose languages are known, once more each.
_LATIN = 2.0

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A text's log likelihood in each language.

    Args:
        nats: float64 [languages]: of all characters within `WINDOW` of one beyond ASCII.
        beyond: float64 [languages]: of the characters beyond ASCII and those after them alone.
        count: How many those are.
        read: How many characters are read in all.
    """

    nats: npt.NDArray[np.float64]
    beyond: npt.NDArray[np.float64]
    count: int
    read: int


@dataclass(frozen=True, slots=True)
class _Model:
    languages: tuple[str, ...]
    pairs: Floats  # [languages, 256, 256] log P(unit | unit before)
    number: npt.NDArray[np.uint16]  # [code points] place among the characters that any language counts, 0: none
    units: Bytes  # [languages, characters]
    single: Floats  # [languages, characters] log P(character | its unit)
    classes: Floats  # [256] the same for characters that no language counts
    cases: Floats  # [4, 4]
    handicaps: Floats  # [languages] nats
    sizes: npt.NDArray[np.float32]  # [scripts] log of a script's letters


def languages() -> tuple[str, ...]:
    """Return the model's languages, BCP 47; the last one, `und`, is any script written by itself."""
    return (*_model().languages, GENERIC)


def likelihood(text: str, most: int = 4000) -> Likelihood:
    """Return how likely a text is in each language.

    Args:
        text: Any text; it is composed (normalisation form C) first.
        most: Characters near such beyond ASCII that are read at most.
    """
    model = _model()
    text = unicodedata.normalize("NFC", text)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    near = _near(points, most)
    nats = np.append(model.handicaps, _GENERIC).astype(np.float64)
    beyond = np.zeros(len(model.languages) + 1)
    count = _score(
        points, near, unit_table(), case_table(), model.pairs, model.number, model.units, model.single,
        model.classes, model.cases, script_numbers(), model.sizes, model.languages.index("en"), NAMES.index("Kore"),
        nats, beyond,
    )  # fmt: skip
    return Likelihood(nats, beyond, int(count), len(near))


def _near(points: npt.NDArray[np.uint32], most: int) -> npt.NDArray[np.int64]:
    """Return the places of the characters to read."""
    beyond = np.flatnonzero(points >= 0x80)
    if not len(beyond):
        return beyond
    size = len(points) + 1
    begins = np.bincount(np.maximum(beyond - WINDOW, 0), minlength=size)
    change = begins - np.bincount(np.minimum(beyond + WINDOW + 1, len(points)), minlength=size)
    near = np.cumsum(change[:-1]) > 0
    # Nor farther than the line: in code the next one is another comment or none.
    lines = np.cumsum(points == 10)
    held = np.zeros(int(lines[-1]) + 1, np.bool_)
    held[lines[beyond]] = True
    return np.flatnonzero(near & held[lines])[:most]


@functools.cache
def _model() -> _Model:
    with np.load(io.BytesIO(package_bytes(MODEL)), allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    tags = tuple(str(tag) for tag in data["languages"])
    letters = [str(row) for row in data["letters"]]
    singles = [str(row) for row in data["singles"]]
    known = sorted(set("".join(letters) + "".join(singles)))
    place = {character: number for number, character in enumerate(known, 1)}
    number = np.zeros(CODE_POINTS, np.uint16)
    for character, at in place.items():
        number[ord(character)] = at
        upper = character.upper()
        if len(upper) == 1 and not number[ord(upper)]:
            number[ord(upper)] = at
    plain = unit_table()
    base = np.array([0, *(plain[ord(character)] for character in known)], np.uint8)
    classes = members()
    single = np.repeat(classes[base][None], len(tags), axis=0)
    units = np.repeat(base[None], len(tags), axis=0)
    pairs = np.zeros((len(tags), 256, 256), np.float32)
    bounds = data["bounds"]
    begin = 0
    for row, own in enumerate(letters):
        for at, character in enumerate(own):
            units[row, place[character]] = FIRST_LETTER + at
            single[row, place[character]] = 0
        part = slice(bounds[row], bounds[row + 1])
        pairs[row] = _smoothed(data["first"][part], data["second"][part], data["counts"][part], len(own))
        if singles[row]:
            logs = data["shares"][begin : begin + len(singles[row])].astype(np.float32) / -16
            begin += len(singles[row])
            for name in EAST_ASIAN:
                single[row, units[row] == list(CLASSES).index(name)] = _UNSEEN
            for character, log in zip(singles[row], logs, strict=True):
                single[row, place[character]] = log
    sizes = np.bincount(script_numbers(), minlength=256).astype(np.float32)
    return _Model(
        tags, pairs, number, units, single, classes, data["cases"], data["handicaps"], np.log(np.maximum(sizes, 1))
    )


def _smoothed(first: Bytes, second: Bytes, logs: Bytes, n_letters: int) -> Floats:
    """Return log probabilities [256, 256] of stored counts: absolute discounting over floored frequencies."""
    counts = np.zeros((256, 256))
    counts[first, second] = np.exp2(logs.astype(np.float64) / 8)
    floor = floors()
    floor[FIRST_LETTER : FIRST_LETTER + n_letters] = 1e-6
    floor[FIRST_LETTER + n_letters :] = 1e-12
    single = counts.sum(axis=0)
    single = single / single.sum() + floor
    single /= single.sum()
    total = counts.sum(axis=1, keepdims=True)
    kept = np.maximum(counts - _DISCOUNT, 0)
    # A context that is new says nothing: what follows has its own frequency.
    rest = np.where(total > 0, (total - kept.sum(axis=1, keepdims=True) + 1) / (total + 1), 1.0)
    # Words of other subjects than what was counted hold pairs that were not seen.
    chances = (1 - _UNKNOWN) * (kept / (total + 1) + rest * single[None]) + _UNKNOWN * single[None]
    # Which letter stands before a sign is no matter of the sign.
    signs = slice(len(CLASSES), FIRST_LETTER)
    after = counts[FIRST_LETTER:, signs].sum(axis=0) / counts[FIRST_LETTER:].sum() + floors()[signs]
    chances[FIRST_LETTER:, signs] = np.maximum(chances[FIRST_LETTER:, signs], after)
    return np.log(chances).astype(np.float32)


@numba.njit(nogil=True, cache=True)
def _score(  # noqa: PLR0913, PLR0917 - flat arrays
    points: npt.NDArray[np.uint32],
    near: npt.NDArray[np.int64],
    plain: Bytes,
    case: Bytes,
    pairs: Floats,
    number: npt.NDArray[np.uint16],
    units: Bytes,
    single: Floats,
    classes: Floats,
    cases: Floats,
    scripts: Bytes,
    sizes: Floats,
    english: int,
    first_solo: int,
    nats: npt.NDArray[np.float64],
    beyond: npt.NDArray[np.float64],
) -> int:
    n_languages = pairs.shape[0]
    count = 0
    for at in near:
        point = points[at]
        before = points[at - 1] if at > 0 else np.uint32(32)
        here = number[point]
        there = number[before]
        wide = point >= 0x80 or before >= 0x80
        # What could not be read says nothing of what was.
        counted = wide and point != 0xFFFD and before != 0xFFFD
        count += int(counted)
        shape = cases[case[before], case[point]]
        script = scripts[point]
        other = scripts[before]
        if script != other and script < first_solo and other < first_solo:
            shape -= _TWO_SCRIPTS
        first = units[english, there] if there else plain[before]
        second = units[english, here] if here else plain[point]
        foreign = pairs[english, first, second] + shape - _FOREIGN
        for language in range(n_languages):
            unit = units[language, here] if here else plain[point]
            last = units[language, there] if there else plain[before]
            value = pairs[language, last, unit] + (single[language, here] if here else classes[unit]) + shape
            if not wide:
                # Names and keywords stand in text of any language: that they are English speaks against none.
                value = max(value, foreign)
            nats[language] += value
            if counted:
                beyond[language] += value
        # Any script by itself: after a letter one of the same script, all alike.
        if not wide:
            value = foreign
        elif script != 255:
            value = -sizes[script] - (0.3 if script == other else (2.0 if other == 255 else 12.0))
            value -= _LATIN if script == 1 else 0.0
        else:
            value = pairs[0, 0, plain[point]] if point >= 0x80 else np.float32(-3.0)
            value -= 0.0 if other == 255 or point < 0x80 else 1.0
        nats[n_languages] += value
        if counted:
            beyond[n_languages] += value
    return count
