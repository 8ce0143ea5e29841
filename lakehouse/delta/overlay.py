"""Tables of one lake of which some lie elsewhere: what is tried out is written there, the rest is read as it stands."""

from __future__ import annotations

from dataclasses import dataclass, field

from lakehouse.delta.catalog import Catalog

_LEDGER = "ledger."
# Before the name of a table that lies in the folder: the lake's own, as in ``standing."gold.samples"``.
STANDING = "standing"


@dataclass(frozen=True)
class OverlayCatalog(Catalog):
    """A lake's tables, some of which are written and read in another folder.

    Args:
        uri: That folder.
        storage_options: The lake's.
        base: The lake, in which nothing is written.
        own: Tables that lie in the folder. Those of the ledger do, too, but for the orders of retractions, which hold
            here as they do in the lake, and for releases.
    """

    base: Catalog = field(default_factory=lambda: Catalog(""))
    own: frozenset[str] = frozenset()

    def is_own(self, name: str) -> bool:
        """Whether a table lies in the folder."""
        if name.startswith(_LEDGER):
            return name not in {"ledger.retractions", "ledger.releases"}
        return name in self.own

    def table_uri(self, name: str) -> str:
        """Return a table's location, in the folder or in the lake."""
        layer, _, rest = name.partition(".")
        if layer == STANDING and "." in rest:
            return self.base.table_uri(rest)
        return super().table_uri(name) if self.is_own(name) else self.base.table_uri(name)

    def names(self) -> list[str]:
        """Return the names of the tables that exist, sorted."""
        return sorted({*super().names(), *(name for name in self.base.names() if not self.is_own(name))})
