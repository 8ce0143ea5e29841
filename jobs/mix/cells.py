"""Cells of the quota table: modality / language group / kind, where a quota line may say ``*``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A cell of samples, or the pattern of a quota line.

    Args:
        modality: text, code, speech, image, or *.
        language_group: zh, en, other, code, or *.
        kind: Genre, or *.
    """

    modality: str
    language_group: str
    kind: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``modality/language group/kind``.

        Raises:
            ValueError: If it has another form.
        """
        parts = text.split("/", 2)
        if len(parts) != 3 or not all(parts):
            message = f"{text!r} is not modality/language group/kind"
            raise ValueError(message)
        return cls(*parts)

    def __str__(self) -> str:
        """Return ``modality/language group/kind``."""
        return f"{self.modality}/{self.language_group}/{self.kind}"

    @property
    def specificity(self) -> int:
        """How much a pattern says: a kind outweighs a language group, that a modality (as in sql/views/quota.sql)."""
        return 4 * (self.kind != "*") + 2 * (self.language_group != "*") + (self.modality != "*")

    def covers(self, cell: Cell) -> bool:
        """Whether the pattern holds for a cell."""
        pairs = zip(
            (self.modality, self.language_group, self.kind),
            (cell.modality, cell.language_group, cell.kind),
            strict=True,
        )
        return all(mine in ("*", other) for mine, other in pairs)


def most_specific(cell: Cell, patterns: Iterable[Cell]) -> Cell | None:
    """Return the pattern that a cell's samples belong to, None where none covers it."""
    matching = [pattern for pattern in patterns if pattern.covers(cell)]
    return max(matching, key=lambda pattern: pattern.specificity) if matching else None
