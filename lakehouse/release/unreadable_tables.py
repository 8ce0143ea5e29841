"""Tables that cannot be read, and the tables of which they may require older versions."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.commit import list_commits, read_info
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.store.table_folder import table_folder
from lakehouse.delta.transitive_closure import transitive_closure
from lakehouse.errors import LakeError, MixlakeError


def unreadable_tables(catalog: Catalog) -> dict[str, LakeError]:
    """Return the tables that cannot be opened, each with its error."""

    def problem(name: str) -> LakeError | None:
        try:
            catalog.open(name)
        except LakeError as error:
            return error
        return None

    names = catalog.names()
    with ThreadPoolExecutor(8) as pool:
        found = zip(names, pool.map(problem, names), strict=True)
        return {name: error for name, error in found if error is not None}


def possibly_required(
    catalog: Catalog, unreadable: Collection[str], reads: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """Return the tables of which an unreadable table may require any version, each with that table.

    What a table requires is in its commit notes. Of an unreadable one those count that can be read, and the inputs
    that are declared of its flow; where neither is known, it may require any table.

    Args:
        catalog: The lake's catalog.
        unreadable: The unreadable tables.
        reads: The tables that the flow of each table reads, as declared.
    """
    found: dict[str, str] = {}
    for name in sorted(unreadable):
        parents = {*reads.get(name, ()), *_noted_inputs(catalog, name)}
        ancestors = (
            transitive_closure(parents, lambda parent: {*reads.get(parent, ()), *_noted_inputs(catalog, parent)})
            if parents or name in reads
            else set(catalog.names())
        )
        for ancestor in ancestors - {name}:
            found.setdefault(ancestor, name)
    return found


def _noted_inputs(catalog: Catalog, name: str) -> set[str]:
    """Return the inputs that the commit notes of a table name, as far as its log can be read."""
    return {parent for note in _notes(catalog, name) for parent in note.inputs}


def _notes(catalog: Catalog, name: str) -> Iterator[CommitNote]:
    with contextlib.suppress(MixlakeError, OSError):
        store = table_folder(catalog.table_uri(name), catalog.storage_options)
        for version in list_commits(store):
            with contextlib.suppress(ValueError, OSError):
                note = CommitNote.from_json(read_info(store, version).get("userMetadata"))
                if note is not None:
                    yield note
