"""Move finished shards into place, and write the manifest last: a folder with a manifest is whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lakehouse.errors import ExportError
from lakehouse.export.format import ShardFile
from lakehouse.export.manifest import MANIFEST, Manifest, parse_manifest, require_inside
from lakehouse.export.work_folder import WorkFolder, write_file

_EXTRA = "extra"


def prepare(work: WorkFolder, extra: Mapping[str, bytes]) -> tuple[list[ShardFile], dict[str, str]]:
    """Write a format's further files into the work folder.

    Returns:
        The files under their final names, and their names in the work folder by these.
    """
    files, moves = [], {}
    for index, (path, data) in enumerate(sorted(extra.items())):
        name = f"{_EXTRA}-{index:03d}"
        write_file(work.path / name, data)
        files.append(ShardFile(path, len(data), hashlib.sha256(data).hexdigest()))
        moves[path] = name
    return files, moves


def begin(work: WorkFolder, manifest: Manifest, moves: Mapping[str, str], replaced: Iterable[str]) -> Mapping[str, Any]:
    """Record what is to be moved where, and return what `finish` takes.

    Args:
        work: The work folder.
        manifest: The manifest of the finished export.
        moves: Names in the work folder by final names.
        replaced: Files of the export that is replaced.
    """
    state = {"manifest": manifest.as_dict(), "moves": dict(moves), "replaced": sorted(replaced)}
    work.publish(state)
    return state


def finish(work: WorkFolder, folder: Path, state: Mapping[str, Any]) -> Manifest:
    """Do what `begin` recorded, from wherever an earlier attempt was stopped; then delete the work folder.

    Raises:
        ExportError: If a finished shard is no longer there, or a folder is where a file must go.
    """
    manifest = parse_manifest(state["manifest"], work.path)
    moves, replaced = state["moves"], state["replaced"]
    require_inside([*moves.values(), *replaced], work.path)
    (folder / MANIFEST).unlink(missing_ok=True)
    folders = {folder}
    for final, name in moves.items():
        source, target = work.path / name, inside(folder, final)
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                raise ExportError(f"{target} is a folder", "move it away, and export again")
            source.replace(target)
        elif not target.exists():
            raise ExportError(f"{source} is gone", f"to start over, delete {work.path}")
        folders.add(target.parent)
    for path in sorted(set(replaced) - moves.keys()):
        old = inside(folder, path)
        old.unlink(missing_ok=True)
        _remove_if_empty(folder, old.parent)
    for each in folders:
        _flush(each)
    write_file(work.path / MANIFEST, manifest.to_json().encode())
    (work.path / MANIFEST).replace(folder / MANIFEST)
    _flush(folder)
    work.remove()
    return manifest


def inside(folder: Path, path: str) -> Path:
    """Return the place of a file of an export.

    Raises:
        ExportError: If a link leads out of the folder.
    """
    target = folder / path
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise ExportError(f"{target} is outside {folder}: a folder there is a link", "remove the link")
    return target


def occupied(folder: Path, paths: Sequence[str]) -> list[str]:
    """Return the names of an export's files that exist already."""
    return [path for path in paths if os.path.lexists(folder / path)]


def _remove_if_empty(folder: Path, place: Path) -> None:
    while place != folder and place.is_dir() and not any(place.iterdir()):
        place.rmdir()
        place = place.parent


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
