"""Write a report's folder as a whole: beside its place, and renamed there at the end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lakehouse.errors import UsageError

MARK = "mixlake-report.json"
"""The file by which a folder is known as a report; it lists the folder's files."""
FORMAT = 1


def require_replaceable(folder: Path) -> None:
    """Refuse a place where something is that a report would destroy.

    A place that is free, an empty folder and a report with nothing else in it are fine.

    Raises:
        UsageError: If the place has anything else.
    """
    if folder.is_symlink():
        raise UsageError(f"{folder} is a link, which a report does not replace", "name the folder that it leads to")
    if not folder.exists():
        if not folder.absolute().parent.is_dir():
            raise UsageError(f"{folder.absolute().parent} is not a folder", "create it, or name another place with -o")
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file", "name a folder with -o")
    if folder.absolute() == Path.cwd():
        raise UsageError(f"{folder} is the current folder, which cannot be replaced", "name a folder in it with -o")
    found = {path.name for path in folder.iterdir()}
    strange = sorted(found - _files_of_report(folder))
    if strange:
        raise UsageError(
            f"{folder} has what is no report's, such as {strange[0]}: a report replaces only a report",
            "name a new folder with -o",
        )


def write_report(folder: Path, pages: Mapping[str, str], about: Mapping[str, Any]) -> None:
    """Write the files of a report; on any failure what was there stays as it was.

    Args:
        folder: Its place.
        pages: Content of each file.
        about: What the report is of, recorded in `MARK`.

    Raises:
        UsageError: If the place has something that is no report.
        OSError: If it cannot be written.
    """
    require_replaceable(folder)
    place = folder.absolute()
    beside = Path(tempfile.mkdtemp(prefix=f".{place.name}-", suffix=".new", dir=place.parent))
    try:
        mark = {"format": FORMAT, "files": sorted([*pages, MARK]), **about}
        for name, text in {**pages, MARK: json.dumps(mark, indent=2, ensure_ascii=True) + "\n"}.items():
            with (beside / name).open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        # A temporary folder is its maker's alone; this one is as a new folder would be.
        mask = os.umask(0)
        os.umask(mask)
        beside.chmod(0o777 & ~mask)
        require_replaceable(folder)
        _replace(place, beside)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _replace(place: Path, new: Path) -> None:
    if not place.exists():
        new.rename(place)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{place.name}-", suffix=".old", dir=place.parent))
    try:
        place.rename(old / "report")
        try:
            new.rename(place)
        except BaseException:
            with contextlib.suppress(OSError):
                (old / "report").rename(place)
            raise
    finally:
        # Not where the former report could not be moved back: it is all that there is.
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)


def _files_of_report(folder: Path) -> set[str]:
    """Return the names of the files that a report's mark lists; none where there is no such mark."""
    try:
        mark = json.loads((folder / MARK).read_bytes())
    except (OSError, ValueError, RecursionError):
        return set()
    files = mark.get("files") if isinstance(mark, dict) and mark.get("format") == FORMAT else None
    names = {name for name in files if isinstance(name, str)} if isinstance(files, list) else set()
    return {name for name in names if (folder / name).is_file() and not (folder / name).is_symlink()}
