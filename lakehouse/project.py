"""One lake's configuration, its declared tables and flows, and its catalog, as packages receive them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakehouse.declare.config import Config, EngineName
from lakehouse.declare.discovery import load_registry
from lakehouse.declare.lineage_columns import lineage_columns
from lakehouse.declare.registry import Registry
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_version import read_data_version
from lakehouse.delta.log import log_of
from lakehouse.ledger.tables import TABLES


@dataclass(frozen=True)
class Project:
    """One lake with what is declared for it.

    Args:
        config: The configuration that governs it.
        overlay: Tables that are read and written instead of the lake's; None for the lake itself.
    """

    config: Config
    overlay: Catalog | None = field(default=None, kw_only=True)

    @functools.cached_property
    def catalog(self) -> Catalog:
        """The lake's tables.

        Raises:
            ConfigError: If Delta's readers cannot open tables at the lake's location.
        """
        return self.overlay or Catalog(self.config.lake, dict(self.config.storage) or None)

    @functools.cached_property
    def registry(self) -> Registry:
        """The tables and flows that are declared, the engine's own among them."""
        return load_registry(self.config, TABLES)

    @property
    def log_folder(self) -> Path:
        """The folder for the logs of runs: in a lake that is a folder, else in the configuration's."""
        if "://" in self.catalog.uri:
            return self.config.root / ".mixlake"
        return Path(self.catalog.uri) / "_logs"

    def lineage_columns(self, table: str, stored: Mapping[str, object]) -> frozenset[str]:
        """Return the names of mixlake's own columns among those of a stored table, given with their types.

        See `lakehouse.declare.lineage_columns`.
        """
        contract = self.registry.tables.get(table)
        return lineage_columns(stored, contract.columns if contract else ())

    def only_flows_wrote(self, table: str, versions: Mapping[str, int]) -> bool:
        """Whether a flow wrote all rows of a table at its version, so that a key names at most one row."""
        if table not in self.registry.writers:
            return False
        log = self.catalog.log(table)
        if log.version != versions[table]:
            log = log_of(self.catalog.open(table, versions[table]))
        return not read_data_version(log).external_writes

    def with_params(self, params: Mapping[str, Mapping[str, Any]]) -> Project:
        """Return a project with more parameter overrides, which win over the configuration's."""
        return replace(self, config=self.config.with_params(params)) if params else self

    def with_engine(self, engine: EngineName | None) -> Project:
        """Return a project with another engine; None keeps the configuration's."""
        return replace(self, config=self.config.with_engine(engine)) if engine else self

    def with_verify(self, *, verify: bool) -> Project:
        """Return a project that verifies whole tables after a commit; False keeps the configuration's."""
        return replace(self, config=self.config.with_verify()) if verify else self

    def with_spark(self, settings: Mapping[str, str]) -> Project:
        """Return a project with more Spark settings, which win over the configuration's."""
        return replace(self, config=self.config.with_spark(settings)) if settings else self

    def empty_rows(self, name: str) -> pa.Table | None:
        """Return no rows under a declared table's schema, None where no contract declares the table."""
        contract = self.registry.tables.get(name)
        return None if contract is None else pa.Table.from_batches([], contract.schema)
