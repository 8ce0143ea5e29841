"""What every verb shares: the lake that the user means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.lake import Lake


@dataclass
class Context:
    """The object of a click context; a verb takes it with ``@click.pass_obj``.

    Args:
        uri: The lake's place as given by ``--lake``, None for the configuration's.
    """

    uri: str | None = None
    _lake: Lake | None = None

    @property
    def lake(self) -> Lake:
        """The lake; the configuration is read at the first use."""
        if self._lake is None:
            from lakehouse.lake import Lake

            self._lake = Lake(self.uri)
        return self._lake
