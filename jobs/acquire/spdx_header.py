"""The licence that a file states of itself: ``SPDX-License-Identifier`` in a comment of its first lines."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from dataclasses import dataclass

from jobs.acquire.licence_expression import joined, longest

# What is read of a file, and how many of its lines: a header with a long notice before the tag fits.
HEAD_BYTES = 16 << 10
_LINES = 80
# Tags of a file, and characters of one, that are looked at.
_TAGS, _LONGEST = 16, 2000

_TAG = re.compile(r"SPDX-License-Identifier\s*:", re.IGNORECASE)
# What ends a comment, in any language.
_CLOSERS = re.compile(r"(?:\*+/|--+>|\*+\)|-\}|#\}|--?%>|%>|\"\"\"|'''|#+>|\|#|\]\]|\s[*#;/%!-]+|\}\})\s*$")
# What a line of a comment begins with, in any language; words are those of dnl (m4), REM (batch), @c (Texinfo), C
# (Fortran), and the roff request.
_LEADER = re.compile(
    r"""^\s*(?:
        (?:[#;%!*/<>{}()|\[\]~=+:\\⍝-]|--|\.\.|\.\\"|'\\"|\"\"\"|'''|&lt;!--|@c(?:omment)?\b|dnl\b|rem\b|C\b|"(?=\s)|'(?=\s))[!*#/\s-]*
    )*""",
    re.VERBOSE | re.IGNORECASE,
)
_CREDIT = re.compile(r"^(?:copyright\b|\(c\)|©|spdx-)", re.IGNORECASE)
_FENCE = re.compile(r"^\s*(```|~~~)")
_HTML_COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.DOTALL)
_HEREDOC = re.compile(r"<<[-~]?\s*(['\"]?)([A-Za-z_][A-Za-z0-9_]*)\1")
_MARKUP = ("text/html", "application/xhtml+xml", "application/xml", "text/xml")


@dataclass(frozen=True, slots=True)
class Stated:
    """A licence as something states it.

    Args:
        license: SPDX expression; empty where the words name none.
        words: Where it was read, and the words.
    """

    license: str
    words: str


def head_text(data: bytes) -> str:
    """Return the first characters of a file as text: decompressed, by its byte order mark, else byte by byte."""
    if data.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = stream.read1(HEAD_BYTES)
        except (OSError, EOFError, zlib.error):
            return ""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return data[len(mark) : HEAD_BYTES].decode(encoding, "replace")
    # The tag is ASCII, and so in every encoding that text without a mark is likely to have.
    return data[:HEAD_BYTES].decode("utf-8", "replace")


def spdx_header(text: str, media_type: str = "") -> Stated | None:
    """Return the licence that a file's first lines state in a comment; None where they do not.

    A tag within a string, a here document, a fenced example or an SPDX snippet is about something else. Several tags
    hold together, as REUSE says.

    Args:
        text: The file's beginning, see `head_text`.
        media_type: Its IANA media type: pages state it in a comment of markup.
    """
    if "spdx-license-identifier" not in text.lower():
        return None
    if media_type in _MARKUP or media_type.endswith("+xml"):
        text = _comments(text)
    found = _tagged(text.splitlines()[:_LINES], prose=media_type in ("text/markdown", "text/plain"))
    if not found:
        return None
    expressions = [longest(value)[0] for _, value in found]
    words = "; ".join(f"line {number}: SPDX-License-Identifier: {value[:200]}" for number, value in found[:4])
    return Stated(joined(expressions), words)


def _comments(page: str) -> str:
    """Return a page's comments, each at its line."""
    out = ""
    for match in _HTML_COMMENT.finditer(page):
        out += "\n" * (page.count("\n", 0, match.start()) - out.count("\n") or bool(out)) + match.group(1)
    return out


def _tagged(lines: list[str], *, prose: bool) -> list[tuple[int, str]]:
    """Return the line numbers and values of tags, in order."""
    found: list[tuple[int, str]] = []
    skip = _Skip()
    for place, line in enumerate(lines):
        if skip(line, prose=prose):
            continue
        match = _TAG.search(line)
        if match and _is_comment(line[: match.start()]):
            found.append((place + 1, _value(line[match.end() :][:_LONGEST], lines[place + 1 : place + 4])))
    return found[:_TAGS]


class _Skip:
    """Whether a line is within something that is not a comment of the file."""

    def __init__(self) -> None:
        self._until: re.Pattern[str] | None = None

    def __call__(self, line: str, *, prose: bool) -> bool:
        if self._until is not None:
            if self._until.search(line):
                self._until = None
            return True
        if "SPDX-SnippetBegin" in line:
            self._until = re.compile("SPDX-SnippetEnd")
        elif "REUSE-IgnoreStart" in line:
            self._until = re.compile("REUSE-IgnoreEnd")
        elif prose and (fence := _FENCE.match(line)):
            self._until = re.compile(rf"^\s*{fence.group(1)}")
        elif heredoc := _HEREDOC.search(line):
            self._until = re.compile(rf"^\s*{heredoc.group(2)}\b")
        else:
            for quote in ('"""', "'''", "`"):
                # A string that is given to something, rather than one that stands alone, as a docstring does.
                if (
                    line.count(quote) % 2
                    and line.split(quote, maxsplit=1)[0].strip(" \trRuUbBfF(")
                    and not _opens(line)
                ):
                    self._until = re.compile(re.escape(quote))
        return self._until is not None


def _opens(line: str) -> bool:
    """Whether a line begins with what leads a comment."""
    match = _LEADER.match(line)
    return bool(match and match.group().strip())


def _is_comment(before: str) -> bool:
    """Whether what stands before a tag is the beginning of a comment, or nothing."""
    match = _LEADER.match(before)
    rest = before[match.end() if match else 0 :].strip()
    if not rest:
        return True
    if any(quote in rest for quote in "\"'`"):
        return False
    # Words before the tag on its line: a copyright notice, or the rest of a comment's line.
    return bool(_CREDIT.match(rest)) or (bool(match and match.group().strip()) and rest[-1] in ".,;:|*-/#)")


def _value(text: str, following: list[str]) -> str:
    """Return a tag's value, without what ends the comment; one that breaks off goes on in the next lines."""
    value = _stripped(text)
    for line in following:
        if value.count("(") <= value.count(")") and not re.search(r"(?i)(?:^|\s)(?:and|or|with)$", value):
            break
        match = _LEADER.match(line)
        value = f"{value} {_stripped(line[match.end() if match else 0 :])}".strip()
    return value


def _stripped(text: str) -> str:
    before, text = None, text.strip()
    while before != text:
        before, text = text, _CLOSERS.sub("", text).strip()
    return text
