"""Licences of whole packages and folders: what their own files say, as SPDX expressions with the words."""

from __future__ import annotations

import json
import tomllib
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from jobs.acquire.copyright_file import parse_copyright
from jobs.acquire.licence_names import debian_spdx
from jobs.acquire.package_licence import Packaged, card_licence, npm_licence, pyproject_licence, wheel_licence

__all__ = ["debian_copyright", "debian_spdx", "folder_licence"]

_WORDS = 160
_MOST = 4 << 20


def debian_copyright(path: Path) -> tuple[str, str]:
    """Read a Debian copyright file.

    Returns:
        The SPDX expression of its last stanza ``Files: *``; without one that of its head, or of all its stanzas
        together; empty where the file is not machine readable or names a licence that is not known here. And the
        words that were read.
    """
    text = read_text(path)
    if text is None:
        return "", "no copyright file"
    parsed = parse_copyright(text)
    if parsed is None:
        lines = (line.strip() for line in text.splitlines())
        words = next((line for line in lines if "licen" in line.lower() or "permission" in line.lower()), "")
        return "", f"not machine readable: {words[:_WORDS]}"
    if not parsed.stanzas and not parsed.summary:
        return "", "states no licence for its files"
    whole = parsed.whole()
    return whole.license, whole.words


def folder_licence(root: Path) -> tuple[Packaged, str]:
    """Return what a folder's own manifest or card states, and its name; nothing where it has none."""
    copyright_file = root / "debian" / "copyright"
    if copyright_file.is_file():
        license_, words = debian_copyright(copyright_file)
        return Packaged(license_, words), "debian/copyright"
    for path in [root / "pyproject.toml", root / "package.json", *sorted(root.glob("*.dist-info/METADATA"))]:
        text = read_text(path)
        if text is None:
            continue
        name = path.relative_to(root).as_posix()
        if path.name == "METADATA":
            return wheel_licence(HeaderParser().parsestr(text)), name
        try:
            said: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            stated = pyproject_licence(said) if path.suffix == ".toml" else npm_licence(said)
            if stated.stated:
                return stated, name
    stated = card_licence(read_text(root / "README.md") or "")
    return (stated, "README.md") if stated.stated else (Packaged(), "")


def read_text(path: Path) -> str | None:
    """Return a manifest's text, at most 4 MiB of it; None where it is not there or cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(_MOST).decode("utf-8-sig", "replace")
    except (OSError, ValueError):
        return None
