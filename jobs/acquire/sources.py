"""Declared sources are retrieved, and land as rows of `bronze.sources`."""

from __future__ import annotations

import fnmatch
import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.acquire.connectors.base import Retrieved
from jobs.acquire.connectors.retrieve import retrieval_state, retrieve_all
from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.licence_expression import UNKNOWN, agrees, spdx
from jobs.acquire.listing import EMPTY_LISTING, list_files, listing_digest
from jobs.acquire.package_licence import Packaged
from jobs.acquire.source_list import Source, load_sources, packaged_file
from lakehouse.declare.flow import REJECT, flow
from lakehouse.errors import ConfigError, FlowError
from schemas.sources import sources as table

log = logging.getLogger("mixlake.acquire")

# Members of an archive that are named one by one; an archive of other people's may have any number of bad ones.
_MEMBERS_NAMED = 100


@dataclass(frozen=True, slots=True)
class SourcesParams:
    """Which sources are landed.

    Args:
        files: More YAML files of sources; a source of theirs replaces one of the same key.
        packaged: Whether the sources that come with the project are landed too.
        only: Keys, or patterns of keys (``debian-*``), of the sources to land; empty for all.
        skip: Keys or patterns of those to leave out.
    """

    files: tuple[str, ...] = field(default=(), metadata={"file": True})
    packaged: bool = True
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()


def chosen(params: SourcesParams) -> list[Source]:
    """Return the declared sources that the parameters choose.

    Raises:
        ConfigError: If a file is broken, or a pattern fits no source.
    """
    files = [*([packaged_file()] if params.packaged else []), *(Path(file).expanduser() for file in params.files)]
    declared = load_sources(files)
    for name in ("only", "skip"):
        for pattern in getattr(params, name):
            if not fnmatch.filter(declared, pattern):
                raise ConfigError(f"{name} names {pattern!r}, which fits no source", f"there are {', '.join(declared)}")
    return [
        source
        for key, source in declared.items()
        if (not params.only or any(fnmatch.fnmatchcase(key, pattern) for pattern in params.only))
        and not any(fnmatch.fnmatchcase(key, pattern) for pattern in params.skip)
    ]


def outside(params: SourcesParams) -> str:
    """Return a fingerprint of the sources' environment, without network access.

    Folders count by their listings. Packages do not change once they were retrieved; they count by whether
    a client was added or an attempt failed, so that a source that was skipped is tried again.
    """
    digest = hashlib.sha256()
    for source in chosen(params):
        state = retrieval_state(source)
        if source.connector == "folder":
            root = Path(source.path)
            try:
                with guarded("unlisted"):
                    state = listing_digest(root, source, list_files(root, source))
            except RejectedError as error:
                state = str(error)
        digest.update(f"{source.to_json()}\0{state}\n".encode())
    return digest.hexdigest()[:32]


@flow(
    id="jobs.acquire.sources.sources",
    writes=table,
    kind="landing",
    params=SourcesParams,
    external=outside,
    reject_tolerance=1.0,
    tags=["landing"],
)
def sources(params: SourcesParams, current_rows: pa.Table | None = None) -> pa.Table:
    """Retrieve the declared sources; one that cannot be retrieved is reported, and kept as it was landed before.

    What was skipped, and what was left out of an archive, is a rejected row each that names the source and the cause.
    A source leaves the table when it is no longer declared or chosen, never because it cannot be reached.

    Args:
        params: See `SourcesParams`.
        current_rows: Rows of `bronze.sources` as they are; None without an engine.

    Raises:
        ConfigError: If a declaration is broken.
        FlowError: If a source that cannot be retrieved was landed under an older contract.
    """
    wanted = chosen(params)
    found, skipped = retrieve_all(wanted)
    rows: dict[str, dict[str, Any]] = {}
    refused: list[dict[str, Any]] = []
    for source in wanted:
        if source.key in found:
            try:
                with guarded("its files cannot be listed"):
                    rows[source.key] = _row(source, found[source.key])
            except RejectedError as error:
                skipped[source.key] = str(error)
                log.warning("%s skipped: %s", source.key, error)
            members = found[source.key].refused
            refused += [_refused(source, f"a member is left out: {member}") for member in members[:_MEMBERS_NAMED]]
    refused += [_refused(source, f"skipped: {skipped[source.key]}") for source in wanted if source.key in skipped]
    schema = pa.schema([field for field in table.schema if field.name != "run_id"])
    if skipped:
        log.warning("%d of %d sources skipped; the next run tries again", len(skipped), len(wanted))
        if current_rows is not None:
            rows |= _kept(current_rows, list(skipped), schema)
    landed = [rows[source.key] for source in wanted if source.key in rows]
    # A rejected row lacks most values, so no field of what is returned is declared as never null.
    fields = [*(column.with_nullable(True) for column in schema), pa.field(REJECT, pa.string())]
    return pa.Table.from_pylist([*landed, *refused], schema=pa.schema(fields))


def _refused(source: Source, reason: str) -> dict[str, Any]:
    return {"source": source.key, "license": source.license, "package": source.package or None, REJECT: reason}


def _kept(current: pa.Table, skipped: list[str], schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """Return the current rows of sources that were skipped, by source key."""
    landed = current.filter(pc.is_in(current.column("source"), pa.array(skipped, pa.string())))
    keys = landed.column("source").to_pylist()
    for column in schema if keys else ():
        if column.name not in landed.column_names:
            if column.name in table.required:
                raise FlowError(
                    f"{', '.join(keys)} cannot be retrieved, and was landed without the column {column.name}",
                    "make it retrievable again, or leave it out to have its rows deleted; nothing was committed",
                )
            landed = landed.append_column(column.name, pa.nulls(landed.num_rows, column.type))
    for key in keys:
        log.warning("%s: kept as landed before", key)
    same = landed.select(schema.names).cast(schema) if keys else schema.empty_table()
    return dict(zip(keys, same.to_pylist(), strict=True))


def _row(source: Source, got: Retrieved) -> dict[str, Any]:
    listing = listing_digest(got.root, source, list_files(got.root, source))
    if listing == EMPTY_LISTING:
        log.warning("%s: no file of %s fits its patterns", source.key, got.root)
    evidence = got.evidence
    declared = spdx(source.license) or source.license
    # A family of licences adds nothing where the declaration names one of them.
    stated = Packaged(got.license, "", got.families).beside(declared)
    if stated and declared not in UNKNOWN and not agrees(stated, declared):
        log.warning("%s is declared %s, but says %s", source.key, declared, stated)
        evidence += f" ({stated}; declared: {declared})"
    return {
        "source": source.key,
        "title": source.title or source.key,
        "license": declared,
        "license_evidence": evidence,
        "package_license": stated or None,
        "terms": source.terms,
        "robots": source.robots,
        "connector": source.connector,
        "package": source.package or None,
        "package_version": got.version or None,
        "modality": source.modality,
        "kind": source.kind,
        "language": source.language,
        "location": str(got.root),
        "listing": listing,
        "rules": source.to_json(),
        "synthetic": source.synthetic,
        "retrieved_at": got.at,
    }
