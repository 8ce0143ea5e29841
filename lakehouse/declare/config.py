"""``mixlake.yaml`` and its environment overrides.

A configuration is found in the current folder or the nearest one above it. All keys are optional::

    lake: ./lake                      # where the tables lie: a folder or an object-store URI
    modules: [acme.tables, acme.flows]
    sql: [flows/*.sql]
    params:
      silver.document_scores: {batch: 512}   # by table written or by flow id
    spark:
      spark.driver.memory: 8g
    storage:                          # of a lake in an object store, e.g. s3://bucket/path
      endpoint_url: https://s3.example.org
    parallel: 2                       # flows that run side by side
    openlineage:                      # where a run's events go; off for nowhere, see `lakehouse.run.openlineage`
      url: http://marquez:5000        # beside the file _logs/openlineage-RUN.jsonl in the lake
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from lakehouse.declare.openlineage_config import Settings, settings
from lakehouse.errors import ConfigError

FILE_NAME = "mixlake.yaml"
_KEYS = {"lake", "modules", "sql", "params", "spark", "parallel", "storage", "views", "openlineage"}


@dataclass(frozen=True, slots=True)
class Config:
    """What `load_config` found.

    Args:
        lake: Absolute folder or object-store URI.
        modules: Python modules that declare tables and flows, beside the installed ones.
        sql: Absolute globs of SQL flow files.
        views: Absolute globs of SQL view files.
        params: Flow id or written table to parameter overrides.
        spark: Spark settings.
        storage: Options of the object store, for readers and for Spark; see `lakehouse.delta.store.s3`.
        parallel: Flows that run side by side.
        openlineage: Where OpenLineage events go.
        root: The folder that relative paths start from.
    """

    lake: str
    modules: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    spark: Mapping[str, str] = field(default_factory=dict)
    storage: Mapping[str, str] = field(default_factory=dict)
    parallel: int = 2
    openlineage: Settings = field(default_factory=Settings)
    root: Path = field(default_factory=Path.cwd)

    def with_lake(self, uri: str) -> Config:
        """Return a copy that names another lake."""
        return replace(self, lake=_absolute(uri, Path.cwd()))

    def with_params(self, params: Mapping[str, Mapping[str, Any]]) -> Config:
        """Return a copy with more parameter overrides, which win over the file's."""
        merged = {key: dict(value) for key, value in self.params.items()}
        for key, value in params.items():
            merged.setdefault(key, {}).update(value)
        return replace(self, params=merged)

    def with_spark(self, settings: Mapping[str, str]) -> Config:
        """Return a copy with more Spark settings, which win over the file's."""
        return replace(self, spark={**self.spark, **settings})


def load_config(start: Path | None = None) -> Config:
    """Read the configuration that governs a folder, by default the current one.

    Raises:
        ConfigError: If it is no file, does not parse, or holds an unknown key or a value of the wrong type.
    """
    named = os.environ.get("MIXLAKE_CONFIG")
    found = Path(named) if named else _nearest(start or Path.cwd())
    if named and (found is None or not found.is_file()):
        raise ConfigError(f"MIXLAKE_CONFIG names {named}, which is no file", "correct the variable")
    body = _parse(found) if found else {}
    root = found.parent.resolve() if found else (start or Path.cwd()).resolve()
    told = body.get("lake", "./lake")
    if not isinstance(told, str) or not told:
        raise ConfigError(f"{found}: lake is {told!r}", "give a folder or an object-store URI")
    lake = os.environ.get("MIXLAKE_LAKE") or told
    spark = {str(key): _text(value) for key, value in _mapping(found, body, "spark").items()}
    if os.environ.get("MIXLAKE_MASTER"):
        spark["spark.master"] = os.environ["MIXLAKE_MASTER"]
    params = _mapping(found, body, "params")
    for key, value in params.items():
        if not isinstance(value, Mapping):
            raise ConfigError(f"{found}: params.{key} is no mapping", "write params: {TABLE: {name: value}}")
    parallel = body.get("parallel", 2)
    if not isinstance(parallel, int) or parallel < 1:
        raise ConfigError(f"{found}: parallel is {parallel!r}", "give a whole number from 1")
    base = Path.cwd() if os.environ.get("MIXLAKE_LAKE") else root
    return Config(
        lake=_absolute(lake, base),
        modules=_strings(found, body, "modules"),
        sql=tuple(_absolute(glob, root) for glob in _strings(found, body, "sql")),
        views=tuple(_absolute(glob, root) for glob in _strings(found, body, "views")),
        params=params,
        spark=spark,
        storage={str(key): _text(value) for key, value in _mapping(found, body, "storage").items()},
        parallel=parallel,
        openlineage=settings(body.get("openlineage"), root, str(found)),
        root=root,
    )


def _nearest(start: Path) -> Path | None:
    for folder in (start.resolve(), *start.resolve().parents):
        path = folder / FILE_NAME
        if path.is_file():
            return path
        if os.path.lexists(path):
            raise ConfigError(f"{path} is no file, or leads to none", "move it away, or write the configuration there")
    return None


def _parse(path: Path) -> dict[str, Any]:
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError(f"{path}, line {line}: {error.problem}", "mend the YAML there") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", "mend the file") from None
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise ConfigError(f"{path} holds no mapping", "write key: value lines")
    unknown = sorted(set(map(str, body)) - _KEYS)
    if unknown:
        raise ConfigError(f"{path}: unknown key {unknown[0]!r}", f"known keys are {', '.join(sorted(_KEYS))}")
    return body


def _mapping(path: Path | None, body: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key) or {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: {key} is no mapping", "write key: value lines under it")
    return {str(name): item for name, item in value.items()}


def _strings(path: Path | None, body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = body.get(key) or []
    if isinstance(value, str) or not isinstance(value, list):
        raise ConfigError(f"{path}: {key} is no list", f"write {key}: [NAME, ...]")
    return tuple(str(item) for item in value)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _absolute(path: str, root: Path) -> str:
    if "\0" in path:
        raise ConfigError("the lake's place holds a NUL character", "correct it")
    if "://" in path:
        if path.startswith("file://"):
            return path.removeprefix("file://")
        # One name of a lake for all: what Hadoop calls s3a is s3 to everyone else.
        scheme, rest = path.split("://", 1)
        return f"{'s3' if scheme == 's3a' else scheme}://{rest.rstrip('/')}"
    return str((root / Path(path).expanduser()).absolute())
