"""Mojibake: UTF-8 whose bytes were taken for Windows-1252, so that "é" reads "Ã©"."""

from __future__ import annotations

import pyarrow as pa


def repair(text: pa.Array) -> pa.Array:
    """Read each text again as the UTF-8 that it was, where that is possible throughout.

    A text that is not wholly such stays as it is. Meant for the few texts of a batch that look like it.

    Args:
        text: large_string [n].

    Returns:
        large_string [n].
    """
    return pa.array([_repaired(item.as_py()) for item in text], pa.large_string())


def _repaired(text: str) -> str:
    from jobs.text.normalise import CP1252

    table = {ord(character): 0x80 + place for place, character in enumerate(CP1252)}
    try:
        # Latin-1 has a byte for each of its code points, Windows-1252 its own for 27 characters more.
        return text.translate(table).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
