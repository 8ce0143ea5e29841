"""The language that a file's path gives it where its source states none: folders and names that differ by it alone.

A folder "de" is a folder of German where "fr" and "ja" stand beside it, and "guide.de.html" is German where
"guide.fr.html" and "guide.ja.html" do; "it", "no" and "lib" by themselves are words. It is weak evidence: landing takes
it for a hint, which what a document states and what its text shows overrule.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from jobs.acquire.languages import UNKNOWN, bcp47
from jobs.text.language_facts import facts

# Different languages that must stand beside each other.
_LEAST = 3
# A locale in a file's name, before a suffix: the suffix itself may be of a format (.pl, .ts, .cs).
_IN_NAME = re.compile(r"(?<![A-Za-z0-9])[a-z]{2,3}(?:[_-][A-Za-z]{2,4})?(?:@[a-z]+)?(?=\.)")
_FOLDER = re.compile(r"^[a-z]{2,3}(?:[_-][A-Za-z]{2,4})?(?:\.(?:utf-?8|UTF-?8))?(?:@[a-z]+)?$")


class PathLanguages:
    """The languages that the paths of a source's files name.

    Args:
        names: Paths relative to the source's folder, with ``/``.
    """

    def __init__(self, names: Iterable[str]) -> None:
        folders: dict[str, set[str]] = defaultdict(set)
        files: dict[tuple[str, str], set[str]] = defaultdict(set)
        entered = ""
        for name in names:
            folder, _, file = name.rpartition("/")
            if folder != entered:
                entered = folder
                parts = folder.split("/")
                for depth, part in enumerate(parts):
                    folders["/".join(parts[:depth])].add(part)
            if (found := _in_name(file)) is not None:
                files[folder, found[0]].add(found[1])
        self._folders = {parent for parent, parts in folders.items() if _are_languages(parts)}
        self._files = {place for place, tags in files.items() if _different(tags) >= _LEAST}

    def of(self, name: str) -> str:
        """Return the BCP 47 tag that a path names, of the file itself before a folder; und where it names none."""
        folder, _, file = name.rpartition("/")
        found = _in_name(file)
        if found is not None and (folder, found[0]) in self._files:
            return found[1]
        parts = folder.split("/")
        for depth in range(len(parts) - 1, -1, -1):
            if "/".join(parts[:depth]) in self._folders and (tag := _tag(parts[depth])) != UNKNOWN:
                return tag
        return UNKNOWN


def _in_name(file: str) -> tuple[str, str] | None:
    """Return a file's name without its locale, and the tag of that."""
    for match in reversed(list(_IN_NAME.finditer(file))):
        if (tag := _locale(match[0])) != UNKNOWN:
            return f"{file[: match.start()]}*{file[match.end() :]}", tag
    return None


def _tag(folder: str) -> str:
    return _locale(re.sub(r"\.(?:utf-?8)", "", folder, flags=re.IGNORECASE)) if _FOLDER.match(folder) else UNKNOWN


def _locale(name: str) -> str:
    """Return the tag of a locale whose language is known to be written; und for other words of two or three letters."""
    tag = bcp47(name)
    return tag if tag.partition("-")[0] in facts().scripts else UNKNOWN


def _are_languages(folders: set[str]) -> bool:
    """Whether folders beside each other are named for languages: three and more, half of them at least."""
    tags = {_tag(name) for name in folders} - {UNKNOWN}
    return _different(tags) >= _LEAST and 2 * sum(_tag(name) != UNKNOWN for name in folders) >= len(folders)


def _different(tags: set[str]) -> int:
    """Return the languages of two letters among tags: words of three letters are often codes of small languages."""
    return len({tag.partition("-")[0] for tag in tags if len(tag.partition("-")[0]) == 2})
