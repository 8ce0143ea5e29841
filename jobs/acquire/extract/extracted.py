"""What was taken out of a document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extracted:
    """Text of a document that is no text.

    Args:
        text: The text.
        language: BCP 47 tag that the document states, und where it states none.
        title: Its title, where it states one.
        refused: What of it gives no text, and why.
    """

    text: str
    language: str = "und"
    title: str | None = None
    refused: tuple[str, ...] = ()
