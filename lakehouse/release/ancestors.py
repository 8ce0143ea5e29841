"""What a table's version was made from, as the commit notes tell it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import is_whole
from lakehouse.delta.data_version import changed_version, settled_version
from lakehouse.delta.history import input_versions
from lakehouse.errors import LakeError, MixlakeError

if TYPE_CHECKING:
    from deltalake import DeltaTable


log = logging.getLogger("mixlake.descent")


def with_ancestors(catalog: Catalog, names: Iterable[str]) -> dict[str, DeltaTable]:
    """Open tables at their latest versions, and what they descend from at the versions that were read.

    Where two tables read different versions of an ancestor, it is opened at the newer one. Where the files of
    a version were vacuumed, a later one that holds the same rows stands for it. An ancestor that is gone is
    left out, and a warning says so.
    """
    opened = {name: catalog.open(name) for name in dict.fromkeys(names)}
    asked = set(opened)
    gone: set[tuple[str, int]] = set()
    waiting = list(opened)
    while waiting:
        name = waiting.pop()
        for parent, version in input_versions(opened[name]).items():
            known = parent in opened and int(opened[parent].version()) >= version
            if parent in asked or known or (parent, version) in gone:
                continue
            try:
                opened[parent] = _open_whole(catalog, parent, version)
            except MixlakeError as error:
                gone.add((parent, version))
                log.warning("%s@%s, from which %s was made, is not pinned: %s", parent, version, name, error.message)
                continue
            waiting.append(parent)
    # What only an older version of an ancestor descends from is not part of it.
    reached, waiting = set(asked), list(asked)
    while waiting:
        found = {parent for parent in input_versions(opened[waiting.pop()]) if parent in opened} - reached
        reached |= found
        waiting.extend(found)
    return {name: opened[name] for name in sorted(reached)}


def mixed_ancestors(catalog: Catalog, opened: Mapping[str, DeltaTable]) -> list[str]:
    """Say where pinned tables were made from different contents of one ancestor.

    Args:
        catalog: The lake's catalog.
        opened: The tables at their pinned versions.
    """
    read: dict[str, dict[int, set[str]]] = {}
    seen: dict[tuple[str, int], Mapping[str, int]] = {}
    for name, table in opened.items():
        for ancestor, version in _inputs(catalog, name, int(table.version()), seen).items():
            read.setdefault(ancestor, {}).setdefault(version, set()).add(name)
        read.setdefault(name, {}).setdefault(changed_version(table), set()).add("the release")
    warnings = []
    for ancestor, versions in sorted(read.items()):
        if len(versions) > 1:
            told = "; ".join(
                f"{', '.join(sorted(names))} from {version}" for version, names in sorted(versions.items())
            )
            warnings.append(f"different versions of {ancestor} are mixed: {told}")
    return warnings


def _inputs(
    catalog: Catalog, name: str, version: int, seen: dict[tuple[str, int], Mapping[str, int]]
) -> Mapping[str, int]:
    """Return the inputs of a table's version by name, each at the version where its rows last changed."""
    if (name, version) not in seen:
        inputs = {}
        for parent, read in input_versions(catalog.open(name, version)).items():
            try:
                inputs[parent] = changed_version(catalog.open(parent, read))
            except MixlakeError:
                log.debug("%s@%s cannot be looked at", parent, read)
        seen[name, version] = inputs
    return seen[name, version]


def _open_whole(catalog: Catalog, name: str, version: int) -> DeltaTable:
    """Open a table at a version, or at a later one with the same rows where its files were vacuumed."""
    table = catalog.open(name, version)
    if is_whole(table):
        return table
    settled = settled_version(catalog.open(name), version)
    later = catalog.open(name, settled)
    if settled == version or not is_whole(later):
        raise LakeError("its files were vacuumed", f"run the flows again: mixlake run +{name}")
    return later
