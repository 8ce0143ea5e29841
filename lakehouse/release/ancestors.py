"""The tables, and their versions, that a table's version was made from according to the commit notes."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import is_whole
from lakehouse.delta.data_version import changed_version, newest_with_same_rows
from lakehouse.delta.history import input_versions
from lakehouse.delta.transitive_closure import transitive_closure
from lakehouse.errors import LakeError, MixlakeError

if TYPE_CHECKING:
    from deltalake import DeltaTable


log = logging.getLogger("mixlake.descent")


def with_ancestors(catalog: Catalog, names: Iterable[str]) -> dict[str, DeltaTable]:
    """Open tables at their latest versions, and their ancestors at the versions that were read.

    Of several versions with the same rows the newest is opened: a flow that ran and found nothing to change has
    recorded there which versions of its own inputs give these rows, too. Where two tables read different versions of
    an ancestor, the newer one is opened. An ancestor that is gone is left out with a warning.
    """
    latest = {name: catalog.open(name) for name in dict.fromkeys(names)}
    opened = {(name, int(table.version())): table for name, table in latest.items()}
    seen: dict[tuple[str, int], tuple[str, int] | None] = {}

    def parents(node: tuple[str, int]) -> Iterator[tuple[str, int]]:
        for parent, version in input_versions(opened[node]).items():
            if parent in latest:
                continue
            if (parent, version) not in seen:
                seen[parent, version] = None
                try:
                    table = _open_same_rows(catalog, parent, version)
                except MixlakeError as error:
                    log.warning(
                        "%s@%s, from which %s was made, is not pinned: %s", parent, version, node[0], error.message
                    )
                    continue
                seen[parent, version] = parent, int(table.version())
                opened[parent, int(table.version())] = table
            if (found := seen[parent, version]) is not None:
                yield found

    nodes = transitive_closure(opened, parents)
    newest = {name: opened[name, version] for name, version in sorted(nodes)}
    # What only an older version of an ancestor was made from does not count.
    reached = transitive_closure(latest, lambda name: newest.keys() & input_versions(newest[name]).keys())
    return {name: newest[name] for name in sorted(reached)}


def mixed_ancestors(catalog: Catalog, opened: Mapping[str, DeltaTable]) -> list[str]:
    """Describe where pinned tables were made from different contents of one ancestor.

    Args:
        catalog: The lake's catalog.
        opened: The tables at their pinned versions.
    """
    readers: dict[str, dict[int, set[str]]] = {}
    for name, table in opened.items():
        for ancestor, version in _data_versions(catalog, table).items():
            readers.setdefault(ancestor, {}).setdefault(version, set()).add(name)
        readers.setdefault(name, {}).setdefault(changed_version(table), set()).add("the release")
    warnings = []
    for ancestor, versions in sorted(readers.items()):
        if len(versions) > 1:
            parts = (f"{', '.join(sorted(names))} from {version}" for version, names in sorted(versions.items()))
            warnings.append(f"different versions of {ancestor} are mixed: {'; '.join(parts)}")
    return warnings


def _data_versions(catalog: Catalog, table: DeltaTable) -> dict[str, int]:
    """Return the inputs of a table's version by name, each at the version where its rows last changed."""
    found = {}
    for parent, read in input_versions(table).items():
        try:
            found[parent] = changed_version(catalog.open(parent, read))
        except MixlakeError:
            log.debug("%s@%s cannot be opened", parent, read)
    return found


def _open_same_rows(catalog: Catalog, name: str, version: int) -> DeltaTable:
    """Open a table at the newest version with the rows that it had at another."""
    latest = catalog.open(name)
    if version > int(latest.version()):
        return catalog.open(name, version)  # refused, by the name of the version
    for same_rows in (newest_with_same_rows(latest, version), version):
        table = catalog.open(name, same_rows)
        if is_whole(table):
            return table
    raise LakeError("its files were vacuumed", f"run the flows again: mixlake run +{name}")
