"""Mojibake: UTF-8 whose bytes were taken for another encoding, so that "é" reads "Ã©", once or several times.

A sequence of characters is repaired only where it is what the other encoding makes of a character's UTF-8, and where
the text with all of them repaired is likelier text than what came in (`jobs.text.likelihood`), by more than such a
mishap is rare. Capitals before quotes, ellipses and signs ("CAFÉ”", "NESTLÉ®") form such sequences, too: what they
would become is less likely.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# Nats by which a text must be likelier repaired, and a line for each sequence. Mojibake gains 15 and more a sequence;
# a rare sign behind a capital, up to 9.
_TEXT, _SEQUENCE_GAIN = 10.0, 11.0
_ROUNDS = 4
_SEQUENCE = re.compile(
    "[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    "|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
# The last byte of "à" is a no-break space there, which much software makes a space.
_WITH_SPACE = re.compile(_SEQUENCE.pattern + "|\xc3[ ](?=[ ,.;:!?)]|$)")
_OUTSIDE = "\u0100"
_BEYOND = re.compile("[^\x00-\x7f]{2}")
# Lines of one text that are weighed together.
_MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class _Repair:
    text: str
    gain: float
    sequences: int


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
        best = max((_attempt(text, encoding) for encoding in encodings), key=lambda one: one.gain)
        if best.gain < _TEXT:
            break
        text, repaired = best.text, repaired + best.sequences
        encodings = list(ENCODINGS)
    return text, repaired


def _attempt(text: str, encoding: str) -> _Repair:
    """Return the text with those lines repaired that are likelier so, and how much likelier they are in all."""
    from jobs.text.likelihood import likelihood
    from jobs.text.misread import bytes_of

    table = _Map(bytes_of(encoding))
    lines = text.split("\n")
    # Most lines hold no two characters beyond ASCII side by side, and cannot hold a sequence.
    mapped = {at: line.translate(table) for at, line in enumerate(lines) if _BEYOND.search(line)}
    found = [at for at, line in mapped.items() if _SEQUENCE.search(line)]
    if not found:
        return _Repair(text, 0.0, 0)
    pairs = {at: _unrolled(lines[at], mapped[at], encoding) for at in found}
    sample = found[:: max(1, len(found) // _MOST_LINES)]
    language = int(likelihood("\n".join(pairs[at][0] for at in sample)).nats.argmax())
    gain, sequences = 0.0, 0
    for at, (line, count) in pairs.items():
        better = float(likelihood(line).nats[language]) - _as_it_is(lines[at])
        if better >= _SEQUENCE_GAIN * count:
            lines[at] = line
            gain += better
            sequences += count
    return _Repair("\n".join(lines), gain, sequences)


@functools.lru_cache(maxsize=1024)
def _as_it_is(line: str) -> float:
    """Return the likelihood of a line in its likeliest language; several encodings ask for the same ones."""
    from jobs.text.likelihood import likelihood

    return float(likelihood(line).nats.max())


def _unrolled(line: str, mapped: str, encoding: str) -> tuple[str, int]:
    """Return a line repaired as often as makes it likelier, and how many sequences it held at first."""
    from jobs.text.likelihood import likelihood
    from jobs.text.misread import bytes_of

    line, count = _repaired_line(line, mapped, encoding)
    for _ in range(_ROUNDS):
        mapped = line.translate(_Map(bytes_of(encoding)))
        if not _SEQUENCE.search(mapped):
            break
        again, sequences = _repaired_line(line, mapped, encoding)
        if likelihood(again).nats.max() - likelihood(line).nats.max() < _SEQUENCE_GAIN * sequences / 2:
            break
        line = again
    return line, count


def _repaired_line(line: str, mapped: str, encoding: str) -> tuple[str, int]:
    pattern = _WITH_SPACE if encoding in ("cp1252", "iso8859-1") else _SEQUENCE
    parts, end, count = [], 0, 0
    for match in pattern.finditer(mapped):
        parts.append(line[end : match.start()])
        parts.append(match.group().replace(" ", "\xa0").encode("latin-1").decode("utf-8"))
        end = match.end()
        count += 1
    return "".join([*parts, line[end:]]), count


class _Map(dict[int, int]):
    """Bytes as characters; ASCII stays, what has no byte becomes a character that no sequence holds."""

    def __missing__(self, point: int) -> int:
        return point if point < 0x80 else ord(_OUTSIDE)
