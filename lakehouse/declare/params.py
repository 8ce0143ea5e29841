"""A flow's parameters: its dataclass with a configuration's overrides, checked before a run, and as canonical JSON."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from lakehouse.declare.config import Config
from lakehouse.declare.flow import Flow
from lakehouse.declare.value_types import declared_types, describe_type, fix_of, matches_type
from lakehouse.errors import ConfigError, did_you_mean

_SHOWN = 60
_FIX = "correct params: in mixlake.yaml or --param"


def resolve_params(flow: Flow, config: Config) -> Any:
    """Return the flow's parameters with the configuration's overrides.

    Relative paths of parameters that name files start from the configuration's folder, those of defaults too.

    A field with ``metadata={"follows": (...)}`` names written tables or flow ids: where the configuration gives none
    for the flow itself, it takes what is given to a parameter of its name there.

    Raises:
        ConfigError: If an override names no parameter, is of another type, or the parameters refuse its value.
    """
    fields = {item.name: item for item in dataclasses.fields(flow.params)}
    values: dict[str, Any] = {
        **{
            name: config.params[followed][name]
            for name, item in fields.items()
            for followed in item.metadata.get("follows", ())
            if name in config.params.get(followed, {})
        },
        **config.params.get(flow.writes.name, {}),
        **config.params.get(flow.id, {}),
    }
    for name in sorted(set(values) - set(fields)):
        known = f"it has {', '.join(fields) or 'none'}"
        raise ConfigError(f"{flow.id} has no parameter {name!r}", did_you_mean(name, fields, n=1) or known)
    kinds = declared_types(flow.params) if values else {}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
        elif isinstance(value, str) and isinstance(fields[name].default, tuple):
            raise ConfigError(f"{flow.id}: {name} is a text, {value!r}", f"write a list: {name}: [{value}]")
        if name in kinds and not matches_type(values[name], kinds[name]):
            expected = describe_type(kinds[name])
            raise ConfigError(
                f"{flow.id}: {name} is {_shown(value)}, where {expected} is expected", fix_of(value) or _FIX
            )
    values |= _located_files(fields.values(), values, config.root)
    try:
        params = flow.params(**values)
        if check := getattr(params, "check", None):
            check()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{flow.id}: {error}", _FIX) from error
    return params


def _located_files(fields: Iterable[Any], values: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return the parameters that name files, given ones and defaults, with absolute paths."""
    located = {}
    for item in fields:
        if not item.metadata.get("file"):
            continue
        value = values.get(item.name, item.default)
        if value is dataclasses.MISSING and item.default_factory is not dataclasses.MISSING:
            value = item.default_factory()
        if value is not dataclasses.MISSING:
            located[item.name] = _absolute(value, root)
    return located


def params_json(flow: Flow, params: Any) -> str:
    """Return the parameters as canonical JSON; a parameter that names files is given by their digests."""
    body: dict[str, Any] = {}
    for item in dataclasses.fields(params):
        value = getattr(params, item.name)
        if item.metadata.get("file"):
            missing = [name for name in _names(value) if not Path(name).is_file()]
            if missing:
                raise ConfigError(f"{flow.id}: {item.name} names {missing[0]}, which is not a file", "correct params:")
            value = [[Path(name).name, file_digest(Path(name))] for name in _names(value)]
        body[item.name] = value
    try:
        return json.dumps(body, sort_keys=True, default=_plain, ensure_ascii=False)
    except TypeError as error:
        raise ConfigError(
            f"{flow.id}: a parameter is not a plain value: {error}", "use numbers, texts and lists"
        ) from None


def _shown(value: Any) -> str:
    if isinstance(value, date):
        return f"the date {value.isoformat()}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, first 64 bits, or "missing"."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return "missing"


def _names(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str | Path) and str(value) else [str(v) for v in value or ()]


def _absolute(value: Any, root: Path) -> Any:
    if isinstance(value, tuple):
        return tuple(_absolute(item, root) for item in value)
    if not isinstance(value, str | Path) or not str(value) or Path(value).is_absolute():
        return value
    return root / value if isinstance(value, Path) else str(root / value)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} {value!r}")


def file_fields(params: Any) -> list[str]:
    """Return the names of the parameters that name files."""
    return [item.name for item in dataclasses.fields(params) if item.metadata.get("file")]


def parameter_files(params: Any) -> list[Path]:
    """Return the files that a flow's parameters name."""
    if not dataclasses.is_dataclass(params):
        return []
    return [Path(name) for field in file_fields(params) for name in _names(getattr(params, field))]
