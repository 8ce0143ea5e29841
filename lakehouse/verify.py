"""Whether a release is whole, and how two releases differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow.fs as pafs

from lakehouse.catalog import files, totals
from lakehouse.errors import MixlakeError
from lakehouse.history import table_store
from lakehouse.lake import open_table
from lakehouse.release import content_digest, files_digest_of, load_release

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakehouse.lake import Lake


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a release.

    Args:
        table: The table.
        file: The data file, empty where the whole version is meant.
        what: missing, altered, or what else is wrong.
    """

    table: str
    file: str
    what: str


def verify_release(lake: Lake, name: str) -> list[Problem]:
    """Check that all data files of a release are there with the sizes that the log states.

    Returns:
        What is wrong, empty where the release is whole.

    Raises:
        ReleaseError: If there is no such release.
    """
    release = load_release(lake.uri, name, storage_options=lake.storage_options)
    problems: list[Problem] = []
    opened: dict[str, DeltaTable] = {}
    for table, version in sorted(release.tables.items()):
        try:
            opened[table] = open_table(lake.uri, table, version, lake.storage_options)
        except MixlakeError as error:
            problems.append(Problem(table, "", error.message))
            continue
        problems.extend(_file_problems(table, opened[table]))
        if content_digest(opened[table]) != release.digests.get(table):
            problems.append(Problem(table, "", f"version {version} has another content digest than was released"))
    if not problems and files_digest_of(opened) != release.files_digest:
        problems.append(Problem("", "", "the data files are not those that were released"))
    return problems


def diff_releases(lake: Lake, before: str, after: str) -> list[dict[str, Any]]:
    """Compare two releases table by table.

    Returns:
        One dictionary a table: table, change (same, changed, added, removed), versions [before, after]
        and rows [before, after], null where a side lacks the table.
    """
    sides = [load_release(lake.uri, name, storage_options=lake.storage_options) for name in (before, after)]
    found = []
    for table in sorted({*sides[0].tables, *sides[1].tables}):
        versions = [side.tables.get(table) for side in sides]
        digests = [side.digests.get(table) for side in sides]
        rows = [None if version is None else totals(lake.open(table, version))[0] for version in versions]
        change = "same" if digests[0] == digests[1] else "changed"
        if versions[0] is None or versions[1] is None:
            change = "added" if versions[0] is None else "removed"
        found.append({"table": table, "change": change, "versions": versions, "rows": rows})
    return found


def _file_problems(name: str, table: DeltaTable) -> list[Problem]:
    found = files(table)
    paths = [unquote(path) for path in found.column("path").to_pylist()]
    sizes = found.column("size_bytes").to_pylist()
    problems = []
    for path, size, info in zip(paths, sizes, table_store(table).get_file_info(paths), strict=True):
        if info.type != pafs.FileType.File:
            problems.append(Problem(name, path, "missing"))
        elif info.size != size:
            problems.append(Problem(name, path, f"altered: {info.size} bytes, {size} were released"))
    return problems
