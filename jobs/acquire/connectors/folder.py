"""Plain folders: files that are on the machine already. Nothing is copied."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from jobs.acquire.connectors.base import Retrieved, SourceSkippedError
from jobs.acquire.connectors.licences import debian_copyright, folder_licence, read_text
from jobs.acquire.package_licence import Packaged

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
    stated, manifest = folder_licence(root)
    evidence = _evidence(root, license_file)
    if license_file:
        expression, words = debian_copyright(root / license_file)
        if expression:  # the file is a copyright file of Debian's format
            stated, manifest, evidence = Packaged(expression), "", f"{license_file}: {words}"
    if manifest:
        evidence = f"{evidence}; {manifest}: {stated.words}"
    return Retrieved(root, "", stated.license, evidence, dt.datetime.now(dt.UTC), families=stated.families)


def _evidence(root: Path, license_file: str) -> str:
    if not license_file:
        return "as declared"
    text = read_text(root / license_file)
    if text is None:
        return f"as declared; {license_file} is missing"
    said = [line.strip() for line in text.splitlines() if "licen" in line.lower()]
    said.sort(key=lambda line: not line.isupper())  # headings, such as PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2
    return f"{license_file}: {said[0][:_WORDS] if said else 'names no licence'}"
