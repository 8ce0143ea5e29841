"""The range of a medium that a segment of a packed row refers to."""

from __future__ import annotations

from dataclasses import dataclass

# For every error that says that a medium and what was promised of it differ.
HINT = "the medium is not the one that was tokenised: rebuild gold.tokens and what follows, or gold.media_addresses"


@dataclass(frozen=True, slots=True)
class MediaRange:
    """A range of a medium, and where and when it was recorded.

    Args:
        begin: First sample (log-mel) or patch (rgb-patch, counted row by row).
        end: One past the last.
        columns: Patches in a row of the image; not used for sound.
        time: Time of the range's beginning, in s.
        camera: Number of the camera or microphone.
    """

    begin: int
    end: int
    columns: int = 0
    time: float = 0.0
    camera: int = 0
