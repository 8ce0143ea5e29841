"""Compare an export with its manifest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lakehouse.errors import ExportError, MixlakeError, first_line
from lakehouse.export.format import ShardFile
from lakehouse.export.formats import load_format
from lakehouse.export.manifest import MANIFEST, Manifest, read_manifest
from lakehouse.export.work_folder import NAME


@dataclass(frozen=True, slots=True)
class Problem:
    """One difference between a folder and its manifest.

    Args:
        file: The file, relative to the folder.
        problem: missing, altered, unexpected, or another one.
    """

    file: str
    problem: str


def verify_export(folder: Path) -> tuple[Manifest, list[Problem]]:
    """Read all files of an export, and compare sizes, SHA-256 and rows with its manifest.

    Hidden files, which the manifest never names, are disregarded.

    Args:
        folder: The export's folder.

    Returns:
        The manifest, and the problems: empty where the export is whole.

    Raises:
        ExportError: If the folder has no manifest, or is no export.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        unfinished = (folder / NAME).is_dir()
        what = "has an unfinished export" if unfinished else "has no manifest"
        hint = "finish it: give the command that began it again" if unfinished else f"an export has {MANIFEST}"
        raise ExportError(f"{folder} {what}", hint)
    problems: list[Problem] = []
    for file in manifest.files:
        problems.extend(_file_problems(folder, file))
    if not problems:
        problems.extend(_row_problems(folder, manifest))
    listed = {file.path for file in manifest.files} | {MANIFEST}
    problems.extend(Problem(path, "unexpected: the manifest does not name it") for path in _visible(folder, listed))
    return manifest, problems


def _file_problems(folder: Path, file: ShardFile) -> Iterator[Problem]:
    path = folder / file.path
    try:
        size = path.stat().st_size
        if size != file.bytes:
            yield Problem(file.path, f"altered: {size} bytes, {file.bytes} were written")
            return
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != file.sha256:
                yield Problem(file.path, "altered: its SHA-256 is another")
    except FileNotFoundError:
        yield Problem(file.path, "missing")
    except OSError as error:
        yield Problem(file.path, f"cannot be read: {first_line(error)}")


def _row_problems(folder: Path, manifest: Manifest) -> Iterator[Problem]:
    """Yield the shards that do not hold the rows that were written; none where the format is not installed."""
    try:
        found = load_format(str(manifest.request.get("format", "")))
    except MixlakeError:
        return
    options = {option.name: option.default for option in found.options} | dict(manifest.request.get("options", {}))
    for shard in (shard for dataset in manifest.datasets for shard in dataset.shards):
        try:
            rows = found.rows_in([folder / file.path for file in shard.files], options)
        except (OSError, pa.ArrowException, ValueError) as error:
            yield Problem(shard.files[0].path, f"cannot be read back: {first_line(error)}")
            continue
        if rows is not None and rows != shard.rows:
            yield Problem(shard.files[0].path, f"{rows} rows were read back, {shard.rows} were written")


def _visible(folder: Path, listed: set[str]) -> Iterator[str]:
    """Yield the files that are neither hidden nor listed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = (Path(place) / name).relative_to(folder).as_posix()
            if not name.startswith(".") and path not in listed:
                yield path
