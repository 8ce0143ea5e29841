"""Which files of a folder belong to a source, and what their neighbours say of them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jobs.acquire.file_guard import stat_source_file
from jobs.acquire.globs import matches
from jobs.acquire.languages import UNKNOWN, bcp47
from jobs.acquire.sidecar import read_beside
from jobs.acquire.source_list import Source

# The digest of a listing without files.
_LICENCE_FILES = ("REUSE.toml", ".reuse/dep5", "debian/copyright", "package.json", "pyproject.toml")
EMPTY_LISTING = hashlib.sha256().hexdigest()[:32]
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


def list_files(root: Path, source: Source, most: int = 0) -> Iterator[Entry]:
    """Yield a source's files in the order of their names, one folder of names in memory at a time.

    Folders that are symbolic links are not entered; a link to a file is followed where it stays inside. A
    folder that cannot be read is an entry with a problem.

    Args:
        root: The source's folder.
        source: Its declaration.
        most: Files to yield at most; 0 for all.
    """
    real = root.resolve()
    count = 0
    for name, closed in _walk(root, source.exclude):
        if closed:
            yield Entry(name, _uri(source, f"{name}/"), 0, 0, problem=f"unreadable folder: {closed}")
            continue
        if not matches(name, source.include) or matches(name, source.exclude):
            continue
        uri = _uri(source, name)
        if source.keep < 1 and _fraction(uri) >= source.keep:
            continue
        yield _entry(real, root / name, name, uri, source)
        count += 1
        if count == most:
            return


def listing_digest(root: Path, source: Source, entries: Iterable[Entry]) -> str:
    """Return a digest of names, sizes and times of files and of what describes them: neighbours, licence files."""
    digest = hashlib.sha256()
    folders: set[Path] = set()
    for entry in entries:
        place = root / entry.name
        folders.update(folder for folder in place.parents if folder.is_relative_to(root))
        if (stated := place.with_name(f"{place.name}.license")).is_file():
            digest.update(f"{entry.uri}.license {_stat_words(stated)}\n".encode())
        beside = neighbour_path(root / entry.name, source)
        known = [entry.uri, str(entry.size), str(entry.mtime_ns), entry.problem]
        if beside is not None:
            known += _stat_words(beside)
        digest.update("\0".join(known).encode())
        digest.update(b"\n")
    for folder in sorted(folders):
        names = _LICENCE_FILES if folder == root else _LICENCE_FILES[:1]
        for path in [folder / name for name in (*names, source.license_file if folder == root else "") if name]:
            if path.is_file():
                digest.update(f"{os.fsencode(path.relative_to(root))!r} {_stat_words(path)}\n".encode())
    return digest.hexdigest()[:32]


def describe(source: Source, name: str) -> tuple[str, str]:
    """Return the kind and the BCP 47 tag (``und`` where unknown) that a file's path gives it."""
    kind = next((rule.kind for rule in source.rules if rule.kind and matches(name, [rule.match])), source.kind)
    stated = next((rule.language for rule in source.rules if rule.language and matches(name, [rule.match])), "")
    if not stated and source.language_from:
        match = re.search(source.language_from, name)
        tag = match.group("tag") if match else None
        stated = bcp47(tag) if tag else ""
    return kind, stated if stated and stated != UNKNOWN else source.language


def neighbour_path(path: Path, source: Source) -> Path | None:
    """Return the path of the text beside a file, whether it exists or not; None where none is declared."""
    rule = source.neighbour
    if rule is None or rule.format == "name":
        return None
    stem = re.sub(f"(?:{rule.strip})$", "", path.stem) if rule.strip else path.stem
    name = stem + rule.suffix
    return path.parent / name if name.strip(".") else None


def captions(path: Path, source: Source, language: str, root: Path) -> dict[str, str]:
    """Return the texts beside a file by BCP 47 tag; empty where there are none.

    Args:
        path: The file.
        source: Its source's declaration.
        language: The file's own language.
        root: The source's folder.

    Raises:
        RejectedError: If the file beside it cannot be used.
    """
    rule = source.neighbour
    if rule is None:
        return {}
    if rule.format == "name":
        words = re.sub(r"[\s_-]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", path.stem)).strip()
        return {rule.language: words} if words else {}
    beside = neighbour_path(path, source)
    text = read_beside(beside, root, source.max_bytes) if beside is not None else ""
    if rule.format == "plain":
        return {language: text.strip()} if text.strip() else {}
    return _tagged_lines(text, rule.language)


def _tagged_lines(text: str, first: str) -> dict[str, str]:
    lines = text.splitlines()
    out = {first: lines[0].strip()} if lines and lines[0].strip() else {}
    for line in lines[1:]:
        match = _TAGGED.match(line)
        if match and match.group(2).strip():
            out[bcp47(match.group(1))] = match.group(2).strip()
    return out


def _walk(root: Path, exclude: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the relative names of all files, sorted; a folder that is excluded whole (``name/**``) is not entered.

    Yields:
        A file's name and no words, or the name of a folder that cannot be read, and why.
    """
    whole = [pattern.removesuffix("/**") for pattern in exclude if pattern.endswith("/**")]
    # A folder's name ends in a slash among its neighbours, so that walking it in place yields whole names sorted.
    ahead = [""]
    while ahead:
        name = ahead.pop()
        if name and not name.endswith("/"):
            yield name, ""
            continue
        try:
            with os.scandir(root / name) as entries:
                below = [
                    name + entry.name + "/" * _is_folder(entry) for entry in entries if not _is_linked_folder(entry)
                ]
        except OSError as error:
            yield name.removesuffix("/") or ".", error.strerror or str(error)
            continue
        ahead += sorted((n for n in below if not (n.endswith("/") and matches(n[:-1], whole))), reverse=True)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads round in circles
        return False


def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and _is_folder(entry)


def _uri(source: Source, name: str) -> str:
    return f"{source.base}/{quote(os.fsencode(name), safe='/@+,=()!~')}"


def _entry(real: Path, path: Path, name: str, uri: str, source: Source) -> Entry:
    status, problem = stat_source_file(path, real, source.max_bytes)
    if status is None:
        return Entry(name, uri, 0, 0, problem)
    return Entry(name, uri, status.st_size, status.st_mtime_ns, problem)


def _stat_words(path: Path) -> list[str]:
    try:
        status = path.stat()
    except OSError:
        return ["absent"]
    return [str(status.st_size), str(status.st_mtime_ns)]


def _fraction(uri: str) -> float:
    """Return a number in [0, 1) that depends on the address alone."""
    return int.from_bytes(hashlib.sha256(f"keep\0{uri}".encode()).digest()[:7]) / (1 << 56)
