"""Path patterns: ``*`` and ``?`` stay within a folder, ``**`` crosses folders."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable


@functools.lru_cache(maxsize=4096)
def glob_regex(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern over relative POSIX paths.

    >>> bool(glob_regex("a/**/*.py").match("a/b/c.py")), bool(glob_regex("a/*.py").match("a/b/c.py"))
    (True, False)
    """
    out, at = [], 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out.append("(?:.*/)?")
            at += 3
        elif pattern.startswith("**", at):
            out.append(".*")
            at += 2
        elif pattern[at] == "*":
            out.append("[^/]*")
            at += 1
        elif pattern[at] == "?":
            out.append("[^/]")
            at += 1
        else:
            out.append(re.escape(pattern[at]))
            at += 1
    return re.compile("".join(out) + r"\Z", re.DOTALL)


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path fits one of the patterns."""
    return any(glob_regex(pattern).match(path) for pattern in patterns)
