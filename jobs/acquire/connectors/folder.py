"""Plain folders: files that are on the machine already. Nothing is copied."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from jobs.acquire.connectors.base import Retrieved, SourceSkippedError

_WORDS = 160


def fetch(path: str, license_file: str = "") -> Retrieved:
    """Look at a folder.

    Args:
        path: The folder.
        license_file: File below it that states the licence; empty where the declaration alone does.

    Raises:
        SourceSkippedError: If there is no such folder, or it may not be read.
    """
    root = Path(path)
    try:
        present = root.is_dir() and any(True for _ in root.iterdir())
    except OSError as error:
        raise SourceSkippedError(
            f"the folder {root} cannot be read: {error.strerror}", "give it to this user"
        ) from error
    if not present:
        raise SourceSkippedError(f"the folder {root} is missing or empty", "correct path, or put files there")
    return Retrieved(root, "", "", _evidence(root, license_file), dt.datetime.now(dt.UTC))


def _evidence(root: Path, license_file: str) -> str:
    if not license_file:
        return "as declared"
    try:
        lines = (root / license_file).read_text("utf-8", "replace").splitlines()
    except OSError:
        return f"as declared; {license_file} is missing"
    said = [line.strip() for line in lines if "licen" in line.lower()]
    said.sort(key=lambda line: not line.isupper())  # headings, such as PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2
    return f"{license_file}: {said[0][:_WORDS] if said else 'names no licence'}"
