"""``mixlake.yaml`` and its environment overrides.

A configuration is found in the current folder or the nearest one above it. All keys are optional::

    lake: ./lake                      # where the tables are: a folder or an object-store URI
    modules: [acme.tables, acme.flows]
    sql: [flows/*.sql]
    params:
      silver.document_scores: {batch: 512}   # by table written or by flow id
    spark:
      spark.driver.memory: 8g
    storage:                          # of a lake in an object store, e.g. s3://bucket/path
      endpoint_url: https://s3.example.org
    engine: auto                      # auto, embedded (in this process) or spark
    parallel: 2                       # flows that run side by side
    verify: false                     # whether each table is read back whole after a commit, not only a sample of it
    openlineage:                      # where a run's events go; off disables them, see `lakehouse.run.openlineage`
      url: http://marquez:5000        # in addition to the file _logs/openlineage-RUN.jsonl in the lake
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

from lakehouse.declare.lake_location import lake_location
from lakehouse.declare.openlineage_config import Settings, settings
from lakehouse.declare.user_files import YamlMapping, convert, read_yaml
from lakehouse.errors import ConfigError

FILE_NAME = "mixlake.yaml"
EngineName = Literal["auto", "embedded", "spark"]


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration, as `load_config` reads it.

    Args:
        lake: Absolute folder or object-store URI.
        modules: Python modules that declare tables and flows, in addition to the installed ones.
        sql: Absolute globs of SQL flow files.
        views: Absolute globs of SQL view files.
        params: Flow id or written table to parameter overrides.
        spark: Spark settings.
        storage: Options of the object store, for readers and for Spark; see `lakehouse.delta.store.s3`.
        parallel: Flows that run side by side.
        openlineage: Where OpenLineage events go.
        engine: auto, embedded or spark; see `lakehouse.plan.engine_choice`.
        verify: Whether each table is read back whole after a commit; see `lakehouse.execute.read_back`.
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
    engine: EngineName = "auto"
    verify: bool = False
    root: Path = field(default_factory=Path.cwd)

    def with_lake(self, uri: str) -> Config:
        """Return a copy that names another lake."""
        return replace(self, lake=lake_location(uri, Path.cwd()))

    def with_params(self, params: Mapping[str, Mapping[str, Any]]) -> Config:
        """Return a copy with more parameter overrides, which win over the file's."""
        merged = {key: dict(value) for key, value in self.params.items()}
        for key, value in params.items():
            merged.setdefault(key, {}).update(value)
        return replace(self, params=merged)

    def with_engine(self, engine: EngineName) -> Config:
        """Return a copy with another engine."""
        return replace(self, engine=engine)

    def with_verify(self) -> Config:
        """Return a copy that verifies each whole table after a commit."""
        return replace(self, verify=True)

    def with_spark(self, settings: Mapping[str, str]) -> Config:
        """Return a copy with more Spark settings, which win over the file's."""
        return replace(self, spark={**self.spark, **settings})


@dataclass(frozen=True, slots=True)
class _File:
    """What ``mixlake.yaml`` may say."""

    lake: str = "./lake"
    modules: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    spark: Mapping[str, str | float | bool] = field(default_factory=dict)
    storage: Mapping[str, str | float | bool] = field(default_factory=dict)
    parallel: int = 2
    engine: EngineName = "auto"
    verify: bool = False
    openlineage: Any = None  # read by `lakehouse.declare.openlineage_config`


def load_config(start: Path | None = None) -> Config:
    """Read the configuration that governs a folder, by default the current one.

    Raises:
        ConfigError: If it is not a file, does not parse, or holds an unknown key or a value of the wrong type.
    """
    path = _find(start or Path.cwd())
    body = read_yaml(path) if path else YamlMapping()
    file = convert(_File, body)
    root = path.parent.resolve() if path else (start or Path.cwd()).resolve()
    if not file.lake:
        raise body.error("lake", "lake is empty", "give a folder or an object-store URI")
    if file.parallel < 1:
        raise body.error("parallel", f"parallel is {file.parallel}", "give a whole number from 1")
    for name in file.modules:
        if not all(part.isidentifier() for part in name.split(".")):
            raise body.error("modules", f"modules names {name!r}, which is not a module", "write package.module")
    override = os.environ.get("MIXLAKE_LAKE")
    spark = {key: _text(value) for key, value in file.spark.items()}
    if os.environ.get("MIXLAKE_MASTER"):
        spark["spark.master"] = os.environ["MIXLAKE_MASTER"]
    if override:
        lake = lake_location(override, Path.cwd())
    else:
        try:
            lake = lake_location(file.lake, root)
        except ConfigError as error:
            raise body.error("lake", error.message, error.hint) from None
    return Config(
        lake=lake,
        modules=file.modules,
        sql=tuple(_absolute(glob, root) for glob in file.sql),
        views=tuple(_absolute(glob, root) for glob in file.views),
        params=file.params,
        spark=spark,
        storage={key: _text(value) for key, value in file.storage.items()},
        parallel=file.parallel,
        engine=_engine(file.engine),
        verify=file.verify,
        openlineage=settings(body, root),
        root=root,
    )


def _find(start: Path) -> Path | None:
    named = os.environ.get("MIXLAKE_CONFIG")
    if named:
        if not Path(named).is_file():
            raise ConfigError(f"MIXLAKE_CONFIG names {named}, which is not a file", "correct the variable")
        return Path(named)
    for folder in (start.resolve(), *start.resolve().parents):
        path = folder / FILE_NAME
        if path.is_file():
            return path
        if os.path.lexists(path):
            raise ConfigError(f"{path} is not a file", "move it away, or write the configuration there")
    return None


def _engine(requested: EngineName) -> EngineName:
    """Return the engine that the environment names, else the one that the file does."""
    named = os.environ.get("MIXLAKE_ENGINE")
    if not named:
        return requested
    for engine in get_args(EngineName):
        if named == engine:
            return cast("EngineName", engine)
    raise ConfigError(f"MIXLAKE_ENGINE is {named!r}", "write auto, embedded or spark")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _absolute(path: str, root: Path) -> str:
    if "\0" in path:
        raise ConfigError(f"{path!r} contains a NUL character", "correct it")
    return str((root / Path(path).expanduser()).absolute())
