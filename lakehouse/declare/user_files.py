"""Texts that users give: files, and SQL that is parsed."""

from __future__ import annotations

from pathlib import Path

from lakehouse.errors import UsageError


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        UsageError: If it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (at byte {error.start})", "save it as UTF-8") from None
