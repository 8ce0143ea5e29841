"""Which files of a folder belong to a source, and what their neighbours say of them."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jobs.acquire.declared import Source
from jobs.acquire.globs import matches
from jobs.acquire.languages import UNKNOWN, bcp47

_TAGGED = re.compile(r"^([A-Za-z]{2,3}(?:_[A-Za-z]+)?(?:@[A-Za-z0-9]+)?)(?:\.[A-Za-z0-9-]+)?=(.*)$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a source.

    Args:
        name: Its path, relative to the source's folder, with ``/``.
        uri: Its canonical address: the same on every machine and for every version of the package.
        size: Bytes.
        mtime_ns: When it was changed, nanoseconds since 1970.
        problem: Why it is refused; empty where it is not.
    """

    name: str
    uri: str
    size: int
    mtime_ns: int
    problem: str = ""


def list_files(root: Path, source: Source, most: int = 0) -> list[Entry]:
    """Return a source's files in the order of their names.

    Folders that are symbolic links are not entered; a link to a file is followed where it stays inside.

    Args:
        root: The source's folder.
        source: Its declaration.
        most: Files to return at most; 0 for all.
    """
    closed: list[OSError] = []
    found = _walk(root, source.exclude, closed)
    names = sorted(name for name in found if matches(name, source.include) and not matches(name, source.exclude))
    real = root.resolve()
    out: list[Entry] = []
    for name in names:
        uri = _uri(source, name)
        if source.keep < 1 and _fraction(uri) >= source.keep:
            continue
        out.append(_entry(real, root / name, name, uri, source))
        if most and len(out) >= most:
            break
    return [_closed(root, source, error) for error in closed] + out


def listing_digest(root: Path, source: Source, entries: list[Entry]) -> str:
    """Return a digest of names, sizes and times of files and of the neighbours that describe them."""
    digest = hashlib.sha256()
    for entry in entries:
        beside = neighbour_path(root / entry.name, source)
        known = [entry.uri, str(entry.size), str(entry.mtime_ns), entry.problem]
        if beside is not None:
            known += _stat_words(beside)
        digest.update("\0".join(known).encode())
        digest.update(b"\n")
    return digest.hexdigest()[:32]


def describe(source: Source, name: str) -> tuple[str, str]:
    """Return the kind and the BCP 47 tag (``und`` where unknown) that a file's path gives it."""
    kind = next((rule.kind for rule in source.rules if rule.kind and matches(name, [rule.match])), source.kind)
    stated = next((rule.language for rule in source.rules if rule.language and matches(name, [rule.match])), "")
    if not stated and source.language_from:
        found = re.search(source.language_from, name)
        tag = found.group("tag") if found else None
        stated = bcp47(tag) if tag else ""
    return kind, stated if stated and stated != UNKNOWN else source.language


def neighbour_path(path: Path, source: Source) -> Path | None:
    """Return where the text beside a file stands, whether it is there or not; None where none is declared."""
    rule = source.neighbour
    if rule is None or rule.format == "name":
        return None
    stem = re.sub(f"(?:{rule.strip})$", "", path.stem) if rule.strip else path.stem
    return path.with_name(stem + rule.suffix)


def captions(path: Path, source: Source, language: str) -> dict[str, str]:
    """Return the texts beside a file by BCP 47 tag; empty where there are none or they are not UTF-8."""
    rule = source.neighbour
    if rule is None:
        return {}
    if rule.format == "name":
        words = re.sub(r"[\s_-]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", path.stem)).strip()
        return {rule.language: words} if words else {}
    beside = neighbour_path(path, source)
    try:
        text = beside.read_text("utf-8-sig") if beside is not None else ""
    except (OSError, UnicodeDecodeError):
        return {}
    if rule.format == "plain":
        return {language: text.strip()} if text.strip() else {}
    return _tagged_lines(text, rule.language)


def _tagged_lines(text: str, first: str) -> dict[str, str]:
    lines = text.splitlines()
    out = {first: lines[0].strip()} if lines and lines[0].strip() else {}
    for line in lines[1:]:
        found = _TAGGED.match(line)
        if found and found.group(2).strip():
            out[bcp47(found.group(1))] = found.group(2).strip()
    return out


def _walk(root: Path, exclude: Sequence[str], closed: list[OSError]) -> Iterator[str]:
    """Yield the relative names of all files; a folder that is excluded whole (``name/**``) is not entered.

    The error of a folder that cannot be read is appended to `closed`.
    """
    whole = [pattern.removesuffix("/**") for pattern in exclude if pattern.endswith("/**")]
    for folder, folders, files in os.walk(root, followlinks=False, onerror=closed.append):
        below = Path(folder).relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"
        folders[:] = [name for name in folders if not matches(prefix + name, whole)]
        yield from (prefix + name for name in files)


def _closed(root: Path, source: Source, error: OSError) -> Entry:
    name = Path(os.fsdecode(error.filename)).relative_to(root).as_posix()
    return Entry(name, _uri(source, f"{name}/"), 0, 0, problem=f"unreadable folder: {error.strerror}")


def _uri(source: Source, name: str) -> str:
    return f"{source.base}/{quote(os.fsencode(name), safe='/@+,=()!~')}"


def _entry(real: Path, path: Path, name: str, uri: str, source: Source) -> Entry:
    none = Entry(name, uri, 0, 0)
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(real):
            return dataclasses.replace(none, problem="a symbolic link that leaves the source's folder")
        found = path.stat()
    except (OSError, RuntimeError) as error:
        return dataclasses.replace(none, problem=f"unreadable: {getattr(error, 'strerror', None) or error}")
    if not stat.S_ISREG(found.st_mode):
        return dataclasses.replace(none, problem="not a regular file")
    problem = ""
    if found.st_size > source.max_bytes:
        problem = f"{found.st_size} bytes, more than the {source.max_bytes} that the source allows"
    return Entry(name, uri, found.st_size, found.st_mtime_ns, problem)


def _stat_words(path: Path) -> list[str]:
    try:
        found = path.stat()
    except OSError:
        return ["absent"]
    return [str(found.st_size), str(found.st_mtime_ns)]


def _fraction(uri: str) -> float:
    """Return a number in [0, 1) that depends on the address alone."""
    return int.from_bytes(hashlib.sha256(f"keep\0{uri}".encode()).digest()[:7]) / (1 << 56)
