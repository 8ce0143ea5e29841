"""Mojibake: UTF-8 whose bytes were taken for another encoding, so that "é" reads "Ã©", once or several times.

A sequence of characters is repaired only where it is what the other encoding makes of a character's UTF-8, and where
the text's form says that it was misread (`jobs.clean.mojibake_structure`), or the text with all of them repaired is
likelier than what came in (`jobs.text.likelihood`), by more than such a mishap is rare. Capitals before quotes,
ellipses and signs ("CAFÉ”", "NESTLÉ®") form such sequences, too: what they would become is less likely. Where what
begins a sequence is a letter of the text, as it is of languages that the model does not know, nothing is repaired.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.clean.mojibake_structure import SEQUENCE, Structure, is_odd, structure, total

# Nats by which a text must be likelier repaired, and a line for each sequence. Mojibake gains 15 and more a sequence;
# a rare sign behind a capital, up to 9.
_TEXT, _SEQUENCE_GAIN = 10.0, 11.0
# Nats a sequence that form outweighs: letters of languages that the model does not know cost as much.
_FORM = 30.0
_ROUNDS = 4
# The last byte of "à" is a no-break space there, which much software makes a space.
_WITH_SPACE = re.compile(SEQUENCE.pattern + "|\xc3[ ](?=[ ,.;:!?)]|$)")
_OUTSIDE = "\u0100"
_BEYOND = re.compile("[^\x00-\x7f]{2}")
# Lines of one text that are weighed together.
_MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class _Repair:
    text: str
    gain: float
    sequences: int


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    sequences: int
    odd: bool


def repair(text: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Repair the mojibake of each text.

    Args:
        text: string or large_string [n]; nulls are empty texts.

    Returns:
        large_string [n] and int32 [n], the characters that were repaired.
    """
    from jobs.text.misread import ENCODINGS, count_sequences

    text = text.cast(pa.large_string())
    repaired = np.zeros(len(text), np.int32)
    counts = count_sequences(text)
    suspects = np.flatnonzero(counts.any(axis=1))
    if not len(suspects):
        return text, repaired
    rows = text.take(pa.array(suspects)).to_pylist()
    for place, row in enumerate(suspects):
        encodings = [ENCODINGS[at] for at in np.argsort(-counts[row], kind="stable") if counts[row, at]]
        rows[place], repaired[row] = _repaired(rows[place], encodings)
    changed = repaired > 0
    if not changed.any():
        return text, repaired
    import pyarrow.compute as pc

    new = [value for value, row in zip(rows, suspects, strict=True) if changed[row]]
    return pc.replace_with_mask(text, pa.array(changed), pa.array(new, pa.large_string())), repaired


def _repaired(text: str, encodings: list[str]) -> tuple[str, int]:
    from jobs.text.misread import ENCODINGS

    repaired = 0
    for _ in range(_ROUNDS):
        likeliest = _likeliest(text, encodings)
        best = max((_attempt(text, encoding) for encoding in likeliest), key=lambda one: one.gain)
        if best.gain < _TEXT:
            break
        text, repaired = best.text, repaired + best.sequences
        encodings = list(ENCODINGS)
    return text, repaired


def _likeliest(text: str, encodings: list[str]) -> list[str]:
    """Return the encodings worth an attempt on all lines of a long text: the best two on some, if they gain there."""
    lines = [line for line in text.split("\n") if _BEYOND.search(line)]
    if len(lines) <= 2 * _MOST_LINES:
        return encodings
    sample = "\n".join(lines[:: len(lines) // _MOST_LINES])
    gains = {encoding: _attempt(sample, encoding).gain for encoding in encodings}
    best = sorted((encoding for encoding in encodings if gains[encoding] >= _TEXT), key=lambda one: -gains[one])
    # Of a text in which few lines were misread, some lines say nothing.
    return best[:2] or encodings


def _attempt(text: str, encoding: str) -> _Repair:
    """Return the text with those lines repaired that are likelier so, and how much likelier they are in all."""
    from jobs.text.likelihood import likelihood
    from jobs.text.misread import bytes_of

    table = _Map(bytes_of(encoding))
    lines = text.split("\n")
    # Most lines hold no two characters beyond ASCII side by side, and cannot hold a sequence.
    mapped = {at: line.translate(table) for at, line in enumerate(lines) if _BEYOND.search(line)}
    found = [at for at, line in mapped.items() if SEQUENCE.search(line)]
    if not found:
        return _Repair(text, 0.0, 0)
    parts = {at: structure(line) for at, line in mapped.items()}
    whole = _of_text(text, parts, encoding)
    certain = {at for at in found if _is_certain(parts[at], whole)}
    # A letter of the text begins no sequence.
    doubtful = {at for at in found if at not in certain and _begins_with_letters(parts[at], whole)}
    pairs = {at: _unrolled(lines[at], mapped[at], encoding) for at in found if at not in doubtful}
    pairs = {at: found for at, found in pairs.items() if at in certain or not found.odd}
    if not pairs:
        return _Repair(text, 0.0, 0)
    places = list(pairs)
    sample = places[:: max(1, len(places) // _MOST_LINES)]
    language = int(likelihood("\n".join(pairs[at].text for at in sample)).nats.argmax())
    gain, sequences = 0.0, 0
    for at, line in pairs.items():
        better = float(likelihood(line.text).nats[language]) - _as_it_is(lines[at])
        better += _FORM * line.sequences * (at in certain)
        if better >= _SEQUENCE_GAIN * line.sequences:
            lines[at] = line.text
            gain += better
            sequences += line.sequences
    return _Repair("\n".join(lines), gain, sequences)


def _of_text(text: str, parts: dict[int, Structure], encoding: str) -> Structure:
    """Return the structure of a text from that of its lines with two characters beyond ASCII side by side."""
    from jobs.text.misread import bytes_of

    whole = total(parts.values())
    characters = {byte: chr(point) for point, byte in bytes_of(encoding).items()}
    for lead in whole.leading:
        elsewhere = text.count(characters[ord(lead)]) - sum(part.leads[lead] for part in parts.values())
        whole.alone[lead] += max(elsewhere, 0)
    return whole


def _is_certain(line: Structure, whole: Structure) -> bool:
    """Return whether form alone says that a line was misread: its own, or that of the whole text."""
    return line.explains_all and (line.is_misread or (whole.is_misread and whole.few_alone))


def _begins_with_letters(line: Structure, whole: Structure) -> bool:
    return line.leading_bytes_are_letters or any(whole.alone[lead] > whole.leading[lead] for lead in line.leading)


@functools.lru_cache(maxsize=1024)
def _as_it_is(line: str) -> float:
    """Return the likelihood of a line in its likeliest language; several encodings ask for the same ones."""
    from jobs.text.likelihood import likelihood

    return float(likelihood(line).nats.max())


def _unrolled(line: str, mapped: str, encoding: str) -> _Line:
    """Return a line repaired as often as makes it likelier; its sequences are those that it held at first."""
    from jobs.text.likelihood import likelihood
    from jobs.text.misread import bytes_of

    first = best = _repaired_line(line, mapped, encoding)
    for _ in range(_ROUNDS):
        mapped = best.text.translate(_Map(bytes_of(encoding)))
        if not SEQUENCE.search(mapped):
            break
        again = _repaired_line(best.text, mapped, encoding)
        form = structure(mapped)
        certain = form.is_misread and form.explains_all
        gain = float(likelihood(again.text).nats.max() - likelihood(best.text).nats.max())
        if gain + _FORM * again.sequences * certain < _SEQUENCE_GAIN * again.sequences / 2:
            break
        best = again
    return _Line(best.text, first.sequences, best.odd)


def _repaired_line(line: str, mapped: str, encoding: str) -> _Line:
    pattern = _WITH_SPACE if encoding in ("cp1252", "iso8859-1") else SEQUENCE
    out, end, count, odd = "", 0, 0, False
    for match in pattern.finditer(mapped):
        out += line[end : match.start()]
        character = match.group().replace(" ", "\xa0").encode("latin-1").decode("utf-8")
        end = match.end()
        odd |= is_odd(out[-2:], character, line[end : end + 1])
        out += character
        count += 1
    return _Line(out + line[end:], count, odd)


class _Map(dict[int, int]):
    """Bytes as characters; ASCII stays, what has no byte becomes a character that no sequence holds."""

    def __missing__(self, point: int) -> int:
        return point if point < 0x80 else ord(_OUTSIDE)
