"""Reading declarations: what a YAML mapping may say, and errors that name file and line."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from lakehouse.errors import ConfigError


def broken(place: Path, body: Any, key: str, message: str, hint: str) -> ConfigError:
    """Return the error of a key of a mapping that `read_yaml` gave; an empty key is the mapping itself."""
    lines = getattr(body, "lines", {})
    return ConfigError(f"{place}:{lines.get(key, lines.get('', 1))}: {message}", hint)


def only(place: Path, body: Any, known: Collection[str]) -> None:
    """Refuse keys that are not known.

    Raises:
        ConfigError: If there is one.
    """
    for key in body:
        if key not in known:
            raise broken(place, body, key, f"unknown key {key!r}", f"known keys are {', '.join(sorted(known))}")


def mapping(place: Path, body: Any, key: str) -> Any:
    """Return the mapping under a key, an empty one where there is none.

    Raises:
        ConfigError: If something else is there.
    """
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise broken(place, body, key, f"{key} is no mapping", "write key: value lines under it")
    return value
