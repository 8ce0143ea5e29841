"""The context of all verbs: the selected lake."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.delta.catalog import Catalog
    from lakehouse.lake import Lake
    from lakehouse.project import Project


@dataclass
class Context:
    """The object of a click context; a verb takes it with ``@click.pass_obj``.

    Args:
        uri: The lake's location as given by ``--lake``, None for the configuration's.
    """

    uri: str | None = None

    @functools.cached_property
    def project(self) -> Project:
        """The lake's configuration, declarations and catalog; the configuration is read at the first use."""
        return self.read_project()

    def read_project(self) -> Project:
        """Read the configuration, as it is now, and return its project."""
        from lakehouse.declare.config import load_config
        from lakehouse.project import Project

        config = load_config()
        return Project(config.with_lake(self.uri) if self.uri else config)

    @property
    def catalog(self) -> Catalog:
        """The lake's tables."""
        return self.project.catalog

    @functools.cached_property
    def lake(self) -> Lake:
        """The lake's Python API, which loads the whole engine."""
        from lakehouse.lake import Lake

        return Lake(config=self.project.config)
