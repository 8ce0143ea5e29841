"""Read ``openlineage:`` of ``mixlake.yaml`` and its environment overrides; see `lakehouse.run.openlineage`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lakehouse.declare.user_files import YamlMapping, convert
from lakehouse.errors import ConfigError

_NAMESPACE = "mixlake"
_OFF = (False, "off", "no", "false")
_SERVER = "give the address of a server, such as http://localhost:5000"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a run's events go.

    Args:
        enabled: Whether there are any.
        file: File of JSON lines, in which ``{run}`` is replaced by the run's id; empty for none, None for the
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


@dataclass(frozen=True, slots=True)
class _Options:
    """What ``openlineage:`` may say."""

    file: str | bool | None = None
    url: str | bool | None = None
    namespace: str = _NAMESPACE


def settings(body: YamlMapping, root: Path) -> Settings:
    """Return the settings of a configuration; the environment wins.

    Args:
        body: The configuration file's content.
        root: The folder that a relative ``file`` starts from.

    Raises:
        ConfigError: If ``openlineage`` is not a mapping, or has an unknown key or a wrong value.
    """
    value = body.get("openlineage")
    if os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true" or value in _OFF:
        return Settings(enabled=False)
    mapping = YamlMapping() if value is True else body.mapping("openlineage")
    options = convert(_Options, mapping, "openlineage")
    url = os.environ.get("OPENLINEAGE__TRANSPORT__URL") or os.environ.get("OPENLINEAGE_URL")
    if url and not _is_server(url):
        raise ConfigError(f"OPENLINEAGE_URL is {url!r}", _SERVER)
    if options.url not in (None, *_OFF) and not _is_server(options.url):
        raise mapping.error("url", f"openlineage: url is {options.url!r}", _SERVER)
    if not options.namespace:
        raise mapping.error("namespace", "openlineage: namespace is empty", "give a name, such as acme")
    if options.file == "" or "://" in str(options.file).removeprefix("file://"):
        hint = "give a local file, or off; a server goes under url:"
        raise mapping.error("file", f"openlineage: file is {options.file!r}", hint)
    return Settings(
        file=_path(options.file, root),
        url=url or ("" if options.url in (None, *_OFF) else str(options.url)),
        namespace=os.environ.get("OPENLINEAGE_NAMESPACE") or options.namespace,
        explicit=value is not None or bool(url) or has_client_config(),
    )


def has_client_config() -> bool:
    """Whether the environment configures OpenLineage's client by itself, for a transport other than HTTP."""
    kind = os.environ.get("OPENLINEAGE__TRANSPORT__TYPE", "http")
    return bool(os.environ.get("OPENLINEAGE_CONFIG") or os.environ.get("OPENLINEAGE__TRANSPORT")) or kind != "http"


def _path(file: str | bool | None, root: Path) -> str | None:
    if file is None or file is True:
        return None
    return "" if file in _OFF else str((root / Path(str(file).removeprefix("file://")).expanduser()).absolute())


def _is_server(url: object) -> bool:
    try:
        parts = urlsplit(str(url))
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
