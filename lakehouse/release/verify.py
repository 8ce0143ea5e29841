"""Verify that a release is whole: all its files exist, unchanged.

Sizes come from the log. A release records a digest of the ends of its Parquet files (`lakehouse.release.seal`), so
that a byte changed there is found. Each page carries a checksum (parquet-format, `PageHeader.crc`), which
Spark writes and `deep` verifies.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.data_files import addresses_files, files
from lakehouse.delta.history import input_versions
from lakehouse.delta.parquet_footer import Footer, read_footers
from lakehouse.delta.parquet_pages import chunk_range, read_page_header
from lakehouse.delta.store.listing import sizes
from lakehouse.delta.store.table_folder import table_store
from lakehouse.errors import MixlakeError, first_line
from lakehouse.ledger.releases import Release, load_release
from lakehouse.release.digest import content_digest, files_digest_of
from lakehouse.release.seal import seal_of

if TYPE_CHECKING:
    from deltalake import DeltaTable


log = logging.getLogger("mixlake.verify")

# Rows are decoded in batches of about so many bytes: a row may be a picture or a film.
_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a release.

    Args:
        table: The table.
        file: The data file, empty where the whole version is meant.
        problem: missing, altered, or another one.
    """

    table: str
    file: str
    problem: str


def verify_release(catalog: Catalog, name: str, *, deep: bool = False) -> list[Problem]:
    """Check that all data files of a release exist unchanged.

    Names and sizes are compared with the log, footers with what the release recorded.

    Args:
        catalog: The lake's catalog.
        name: The release.
        deep: Whether all pages are read, too, their checksums verified and the rows counted.

    Returns:
        The problems, empty where the release is whole.

    Raises:
        ReleaseError: If there is no such release.
    """
    release = load_release(catalog, name)
    problems: list[Problem] = []
    opened: dict[str, DeltaTable] = {}
    for table, version in sorted(release.tables.items()):
        try:
            opened[table] = catalog.open(table, version)
        except MixlakeError as error:
            problems.append(Problem(table, "", error.message))
            continue
        problems.extend(_table_problems(table, opened[table], release, deep=deep))
        if content_digest(opened[table]) != release.digests.get(table):
            problems.append(Problem(table, "", f"version {version} has another content digest than was released"))
    for table, version in _addressed(opened):
        try:
            problems.extend(_file_problems(table, catalog.open(table, version))[0])
        except MixlakeError as error:
            problems.append(Problem(table, "", error.message))
    if not problems and files_digest_of(opened) != release.files_digest:
        problems.append(Problem("", "", "the data files are not those that were released"))
    return problems


def _addressed(opened: dict[str, DeltaTable]) -> list[tuple[str, int]]:
    """Return the versions whose files rows of the release name, and that it does not pin itself."""
    found = {pair for table in opened.values() if addresses_files(table) for pair in input_versions(table).items()}
    return sorted(found - {(name, int(table.version())) for name, table in opened.items()})


def _table_problems(name: str, table: DeltaTable, release: Release, *, deep: bool) -> list[Problem]:
    problems, paths = _file_problems(name, table)
    listed = files(table)
    released = dict(zip(listed["file"].to_pylist(), listed["num_records"].to_pylist(), strict=True))
    footers: list[Footer] = []
    for path, footer in zip(paths, read_footers(table_store(table), paths), strict=True):
        if isinstance(footer, Exception):
            problems.append(Problem(name, path, f"altered: {footer}"))
        elif released[path] is not None and footer.rows != released[path]:
            problems.append(Problem(name, path, f"altered: {footer.rows} rows, {released[path]} were released"))
        else:
            footers.append(footer)
    if not problems and seal_of(listed["path"].to_pylist(), footers) != release.footers.get(name):
        problems.append(Problem(name, "", "altered: a file's footer is not the one that was released"))
    if deep:
        altered = {problem.file for problem in problems}
        problems.extend(_page_problems(name, table, [path for path in paths if path not in altered]))
    return problems


def _file_problems(name: str, table: DeltaTable) -> tuple[list[Problem], list[str]]:
    """Return the files that are missing or of another size, and the names of the others."""
    found = files(table)
    problems, left = [], []
    now_sizes = sizes(table_store(table), found["file"])
    for path, size, now in zip(found["file"].to_pylist(), found["size_bytes"].to_pylist(), now_sizes, strict=True):
        if now is None:
            problems.append(Problem(name, path, "missing"))
        elif now != size:
            problems.append(Problem(name, path, f"altered: {now} bytes, {size} were released"))
        else:
            left.append(path)
    return problems, left


def _page_problems(name: str, table: DeltaTable, paths: Sequence[str]) -> list[Problem]:
    store = table_store(table)
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        found = list(pool.map(lambda path: _read_pages(store, path), paths))
    bare = sum(not checked for _, checked in found)
    if bare:
        log.warning("%s: %s of %s files carry no checksums; their pages were decoded only", name, bare, len(paths))
    return [Problem(name, path, f"altered: {what}") for path, (what, _) in zip(paths, found, strict=True) if what]


def _read_pages(store: pafs.FileSystem, path: str) -> tuple[str, bool]:
    """Decode all pages of a file.

    Returns:
        What is wrong, empty where nothing is; and whether its pages carry checksums.
    """
    checked = True
    try:
        with store.open_input_file(path) as source:
            file = pq.ParquetFile(source, page_checksum_verification=True, buffer_size=1 << 20, pre_buffer=False)
            metadata = file.metadata
            checked = _has_checksums(source, metadata)
            width = sum(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))
            batch = max(1, min(_BATCH_ROWS, _BATCH_BYTES * metadata.num_rows // max(1, width)))
            rows = sum(part.num_rows for part in file.iter_batches(batch_size=batch))
    except (OSError, pa.ArrowException, ValueError, IndexError) as error:
        return first_line(error, 200), checked
    return (f"{rows} rows were read, {metadata.num_rows} were released" if rows != metadata.num_rows else ""), checked


def _has_checksums(source: pa.NativeFile, metadata: pq.FileMetaData) -> bool:
    """Whether the first page of a file carries a checksum."""
    if not metadata.num_rows:
        return True
    return read_page_header(source, *chunk_range(metadata.row_group(0).column(0)))[0].has_checksum
