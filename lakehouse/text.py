"""Texts that users give: files, and SQL that is parsed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def quiet_parser() -> Iterator[None]:
    """Keep sqlglot's warnings of what it cannot parse to itself: the caller says what follows from it."""
    logger = logging.getLogger("sqlglot")

    def nothing(_: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)
