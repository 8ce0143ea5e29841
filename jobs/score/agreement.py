"""How far a text agrees with what a model of speech recognition hears in the sound.

The model is the user's: a folder with a Whisper model as CTranslate2 stores it (`model.bin`, `tokenizer.json`), read by
faster-whisper, on one thread, greedily, so that equal sound gives equal words.
"""

from __future__ import annotations

import functools
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np

from lakehouse.errors import ConfigError, MachineError

_WEIGHTS = "model.bin"


def require_model(folder: str) -> Path:
    """Return the folder of a model.

    Raises:
        ConfigError: If it holds none.
    """
    found = Path(folder).expanduser()
    if not (found / _WEIGHTS).is_file():
        raise ConfigError(f"{found} holds no {_WEIGHTS}", "give the folder of a Whisper model made for CTranslate2")
    return found


def hear(wave: np.ndarray, language: str, folder: str) -> str:
    """Return the words that a model hears.

    Args:
        wave: int16 [n] at 16 kHz.
        language: BCP 47 tag.
        folder: The model's.

    Raises:
        ConfigError: If the folder holds no model.
        MachineError: If faster-whisper is not installed.
    """
    segments, _ = _model(str(require_model(folder))).transcribe(
        wave.astype(np.float32) / 32768.0,
        language=primary(language),
        beam_size=1,
        temperature=0.0,
        without_timestamps=True,
        condition_on_previous_text=False,
    )
    return " ".join(segment.text.strip() for segment in segments)


def agreement(said: str, heard: str) -> float:
    """Return 1 less the edit distance of two texts over the length of the longer, letters and digits alone.

    >>> agreement("A frog.", "Frog!"), agreement("owl", "crow")
    (0.8, 0.25)
    """
    one, other = _letters(said), _letters(heard)
    longer = max(len(one), len(other))
    return 1.0 - _distance(one, other) / longer if longer else 1.0


def primary(language: str) -> str:
    """Return the primary subtag of a BCP 47 tag, lower case."""
    return language.split("-", maxsplit=1)[0].lower()


@functools.cache
def _model(folder: str) -> Any:
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise MachineError("faster-whisper is not installed", "install mixlake[recognition]") from error
    return WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LMN")


def _distance(one: str, other: str) -> int:
    """Return the Levenshtein distance."""
    row = list(range(len(other) + 1))
    for count, character in enumerate(one, start=1):
        before, row[0] = row[0], count
        for at, compared in enumerate(other, start=1):
            change = before + (character != compared)
            before = row[at]
            row[at] = min(before + 1, row[at - 1] + 1, change)
    return row[-1]
