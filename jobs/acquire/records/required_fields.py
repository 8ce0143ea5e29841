"""Refuse a file whose columns lack what is declared, before its rows are read."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.acquire.file_guard import RejectedError
from jobs.acquire.records.declaration import Records

_NAMED = 20


def require_fields(names: Sequence[str], declared: Records) -> None:
    """Refuse a file whose columns lack a declared one, or repeat it.

    Raises:
        RejectedError: If that is so.
    """
    has = f"it has {', '.join(map(repr, names[:_NAMED]))}" if names else "it has none"
    for field in declared.fields:
        first = field if field in names else field.partition(".")[0]
        if field in declared.media:
            continue
        if names.count(first) == 0:
            raise RejectedError(f"there is no column {field!r}, which records declares: {has}")
        if names.count(first) > 1:
            raise RejectedError(f"there are several columns {field!r}")
    if declared.media and not any(field.partition(".")[0] in names for field in declared.media):
        raise RejectedError(f"there is no column {' or '.join(map(repr, declared.media))} of media: {has}")
