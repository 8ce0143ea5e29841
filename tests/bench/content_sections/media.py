"""Media faults planted and found: recordings and pictures that landing should take, and ones that it should refuse.

    python tests/bench/content.py media [FOLDER ...]

With folders, the recordings and pictures in them are read too: what is refused of files that are thought to be whole.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.pictures.decode import whole
from jobs.acquire.recordings.decode import inspect
from tests.jobs.acquire.planted_media import Planted, pictures, recordings

_LONGEST, _MOST_PIXELS = 60.0, 64_000_000
_SOUNDS = (".wav", ".ogg", ".oga", ".opus", ".flac", ".mp3", ".aiff")
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class Faults:
    """What became of planted files.

    Args:
        what: "recordings" or "pictures".
        damaged: Damaged files planted.
        found: Damaged files refused.
        good: Whole files planted.
        kept: Whole files landed, with the length that they have.
        wrong: Names of those that went the other way.
    """

    what: str
    damaged: int
    found: int
    good: int
    kept: int
    wrong: tuple[str, ...]


def media_faults() -> list[Faults]:
    """Return what landing says of the planted recordings and pictures."""
    return [_counted("recordings", recordings()), _counted("pictures", pictures())]


def refused_in(folder: Path) -> collections.Counter[str]:
    """Return the reasons for which files of a folder are refused; "landed" counts the others."""
    reasons: collections.Counter[str] = collections.Counter()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _SOUNDS + _PICTURES and path.is_file():
            reason = _reason(path.read_bytes(), is_sound=path.suffix.lower() in _SOUNDS)
            reasons[reason or "landed"] += 1
    return reasons


def _counted(what: str, planted: Iterable[Planted]) -> Faults:
    counts: collections.Counter[tuple[bool, bool]] = collections.Counter()
    wrong = []
    for one in planted:
        is_right = bool(_reason(one.data, is_sound=what == "recordings", seconds=one.seconds)) != one.lands
        counts[one.lands, is_right] += 1
        if not is_right:
            wrong.append(one.name)
    damaged, good = (counts[lands, True] + counts[lands, False] for lands in (False, True))
    return Faults(what, damaged, counts[False, True], good, counts[True, True], tuple(wrong))


def _reason(data: bytes, *, is_sound: bool, seconds: float = 0.0) -> str:
    try:
        if not is_sound:
            whole(data, _MOST_PIXELS)
            return ""
        found = inspect(data, _LONGEST)
    except RejectedError as error:
        return str(error).split(":", 1)[0]
    length = found.samples / found.rate
    return f"{length:.1f} s" if seconds and abs(length - seconds) > 0.1 else ""


def run(folders: list[str]) -> None:
    """Print the counts."""
    for faults in media_faults():
        print(
            f"   {faults.what}: {faults.found} of {faults.damaged} damaged found, {faults.kept} of {faults.good} whole kept"
        )
        for name in faults.wrong:
            print(f"   wrong: {name}")
    for folder in folders:
        print("  ", folder, dict(refused_in(Path(folder))))
