"""Read ``openlineage:`` of ``mixlake.yaml`` and its environment overrides; see `lakehouse.run.openlineage`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lakehouse.errors import ConfigError

_KEYS = ("file", "url", "namespace")
_NAMESPACE = "mixlake"
_OFF = (False, "off", "no", "false")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a run's events go.

    Args:
        enabled: Whether there are any.
        file: File of JSON lines, in which ``{run}`` stands for the run's id; empty for none, None for the
            default in the lake or the project.
        url: Server that receives events; empty for none.
        namespace: OpenLineage namespace of the jobs.
        explicit: Whether the configuration or the environment names OpenLineage, so that events that cannot be made
            are an error.
    """

    enabled: bool = True
    file: str | None = None
    url: str = ""
    namespace: str = _NAMESPACE
    explicit: bool = False


def settings(value: object, root: Path, place: str) -> Settings:
    """Return the settings of a configuration; the environment wins.

    Args:
        value: The key's value; None if it is not set.
        root: The folder that a relative ``file`` starts from.
        place: The configuration file, for errors.

    Raises:
        ConfigError: If the value is not a mapping, or has an unknown key or a value of the wrong type.
    """
    if os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true" or value in _OFF:
        return Settings(enabled=False)
    options: Mapping[Any, Any] = {} if value is None or value is True else _mapping(value, place)
    unknown = sorted(set(map(str, options)) - set(_KEYS))
    if unknown:
        raise ConfigError(f"{place}: unknown key {unknown[0]!r} in openlineage", f"known keys are {', '.join(_KEYS)}")
    url = os.environ.get("OPENLINEAGE__TRANSPORT__URL") or os.environ.get("OPENLINEAGE_URL")
    return Settings(
        file=_file(options.get("file"), root, place),
        url=_url(url, "OPENLINEAGE_URL") if url else _url(options.get("url"), f"{place}: openlineage.url"),
        namespace=os.environ.get("OPENLINEAGE_NAMESPACE") or _namespace(options.get("namespace"), place),
        explicit=value is not None or bool(url) or has_client_config(),
    )


def has_client_config() -> bool:
    """Whether the environment configures OpenLineage's client by itself, for a transport other than HTTP."""
    kind = os.environ.get("OPENLINEAGE__TRANSPORT__TYPE", "http")
    return bool(os.environ.get("OPENLINEAGE_CONFIG") or os.environ.get("OPENLINEAGE__TRANSPORT")) or kind != "http"


def _mapping(value: object, place: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{place}: openlineage must be a mapping", "write file:, url: or namespace: under it, or off")
    return value


def _file(value: object, root: Path, place: str) -> str | None:
    if value is None or value is True:
        return None
    if value in _OFF:
        return ""
    if not isinstance(value, str) or not value or "://" in value.removeprefix("file://"):
        raise ConfigError(
            f"{place}: openlineage.file is {value!r}", "give a local file, or off; a server goes under url:"
        )
    return str((root / Path(value.removeprefix("file://")).expanduser()).absolute())


def _url(value: object, place: str) -> str:
    if value is None or value in _OFF:
        return ""
    try:
        parts = urlsplit(str(value))
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError(f"{place} is {value!r}", "give the address of a server, such as http://localhost:5000")
    return str(value)


def _namespace(value: object, place: str) -> str:
    if value is None:
        return _NAMESPACE
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{place}: openlineage.namespace is {value!r}", "give a name, such as acme")
    return value
