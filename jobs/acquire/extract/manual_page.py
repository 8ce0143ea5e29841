"""Text of manual pages: the macros of man(7) and mdoc(7), paragraph by paragraph, without line ends within one.

What roff can compute beyond that (registers, traps, pictures, equations) is left out. Nothing is run and no file is
read, as roff's own programs would at a page's request.
"""

from __future__ import annotations

import re

from jobs.acquire.extract.extracted import Extracted
from jobs.acquire.extract.mdoc import MACROS as MDOC
from jobs.acquire.extract.mdoc import Mdoc
from jobs.acquire.extract.roff_escapes import unescape
from jobs.acquire.file_guard import RejectedError

_IS_PAGE = re.compile(r"^[.'][ \t]*(?:TH[ \t]|Dd\b|so[ \t]+\S)", re.MULTILINE)
_LINK = re.compile(r"^[.'][ \t]*so[ \t]+(\S+)", re.MULTILINE)
_CONTROL = re.compile(r"[.'][ \t]*([^\s\\]*)[ \t]*(.*)", re.DOTALL)
_ARGUMENT = re.compile(r'"((?:[^"]|"")*)"?|((?:\\.|[^\s"])(?:\\.|[^\s])*)')

_PARAGRAPH = {"P", "PP", "LP", "HP", "sp", "Sp", "RS", "RE", "SY", "YS", "bp", "Pp", "Lp"}
_FONTS = {"B", "I", "R", "SM", "SB", "CW"}
_ALTERNATING = {"BI", "BR", "IB", "IR", "RB", "RI"}
_VERBATIM, _FILLED = {"nf", "EX", "Vb"}, {"fi", "EE", "Ve"}
_DEFINES = {"de", "de1", "am", "dei", "ami", "ig"}
_KNOWN = {"Sp", "Vb", "Ve", "IX", "SH", "SS", "PP", "IP", "TP", "EX", "EE", "UR", "UE", "MT", "ME", "SY", "YS", "OP"}
# A page's own macros may call each other without end.
_MOST_LINES, _DEPTH = 500_000, 10
_LONGEST_MARK = 3


def is_manual_page(content: str) -> bool:
    """Whether a text begins with a request of roff and has the title line of a manual page."""
    return content.lstrip()[:1] in (".", "'") and _IS_PAGE.search(content) is not None


def manual_text(content: str) -> Extracted:
    """Return the text of a manual page.

    Args:
        content: The page, decoded.

    Raises:
        RejectedError: If it is a link to another page, or shows no text.
    """
    page = _Page()
    page.run(content.splitlines())
    text = page.text()
    if not text:
        link = _LINK.search(content)
        raise RejectedError(f"a link to the page {link.group(1)[:200]}" if link else "the page shows no text")
    return Extracted(text, title=page.title or None)


class _Page:
    """A page while it is read."""

    def __init__(self) -> None:
        self.title = ""
        self._strings: dict[str, str] = {"R": "®", "Tm": "™", "lq": "“", "rq": "”", "S": "", "-": "-"}
        self._macros: dict[str, list[str]] = {}
        self._paragraphs: list[str] = []
        self._words: list[str] = []
        self._filled = True
        self._tag: str | None = None  # of a list's item, until its text begins; empty while its line is to come
        self._heading = False  # the next line of text is one
        self._link = ""
        self._lines_left = _MOST_LINES
        self._mdoc = Mdoc()
        self._else: list[bool] = []

    def text(self) -> str:
        """Return the text."""
        self._break()
        return "\n\n".join(self._paragraphs)

    def run(self, lines: list[str], arguments: tuple[str, ...] = (), depth: int = 0) -> None:  # noqa: C901 - a reader
        """Read lines of a page, or of a macro with its arguments."""
        at = 0
        while at < len(lines) and self._lines_left > 0:
            self._lines_left -= 1
            line = lines[at]
            at += 1
            while line.endswith("\\") and not line.endswith("\\\\") and at < len(lines):
                line = line[:-1] + lines[at]
                at += 1
            if not line.startswith((".", "'")) or line.startswith("'\\\""):
                if not line.startswith("'\\\""):
                    self._show(unescape(line, self._strings, arguments), at_line=True)
                continue
            match = _CONTROL.match(line)
            name, rest = (match.group(1), match.group(2)) if match else ("", "")
            if name in _DEFINES:
                at = self._define(name, rest, lines, at)
            elif name in ("if", "ie", "el", "while"):
                at = self._condition(name, rest, lines, at, arguments, depth)
            elif name == "TS":
                at = self._table(lines, at)
            elif name in ("EQ", "PS", "GS"):
                end = {"EQ": ".EN", "PS": ".PE", "GS": ".GE"}[name]
                at = next((n + 1 for n in range(at, len(lines)) if lines[n].startswith(end)), len(lines))
            elif name in self._macros and name not in _KNOWN:
                if depth < _DEPTH:
                    values = tuple(self._arguments(rest, arguments))
                    self.run(self._macros[name], values, depth + 1)
            elif name:
                self._control(name, rest, arguments)

    def _control(self, name: str, rest: str, outer: tuple[str, ...]) -> None:  # noqa: C901, PLR0912 - one a macro
        if name in ("ds", "as", "ds1"):
            key, _, value = rest.partition(" ")
            value = value.removeprefix('"')
            self._strings[key] = (self._strings.get(key, "") + value if name == "as" else value)[: 1 << 16]
            return
        if name in _PARAGRAPH:
            self._break()
            if name == "SY":
                self._show(" ".join(self._arguments(rest, outer)))
            return
        if name in _VERBATIM or name in _FILLED:
            self._break()
            self._filled = name in _FILLED
            return
        arguments = self._arguments(rest, outer)
        if name in MDOC:
            self._mdoc_line(name, arguments)
        elif name == "TH":
            self.title = f"{arguments[0]}({arguments[1]})" if len(arguments) > 1 else "".join(arguments[:1])
        elif name in ("SH", "SS"):
            self._break()
            self._filled = True
            self._heading = not arguments
            if arguments:
                self._paragraphs.append(" ".join(arguments))
        elif name in ("TP", "TQ"):
            self._break()
            self._tag = ""
        elif name == "IP":
            self._break()
            self._item(arguments[0] if arguments else "")
        elif name in _FONTS:
            self._show(" ".join(arguments))
        elif name in _ALTERNATING:
            self._show("".join(arguments))
        elif name == "br":
            self._words.append("\n")
        elif name in ("UR", "MT"):
            self._link = " ".join(arguments)
        elif name in ("UE", "ME"):
            self._show(f"<{self._link}>{''.join(arguments)}" if self._link else "".join(arguments))
            self._link = ""
        elif name == "OP":
            self._show(f"[{' '.join(arguments)}]")

    def _mdoc_line(self, name: str, arguments: list[str]) -> None:
        """Show a line of mdoc(7)."""
        line = self._mdoc.read(name, arguments)
        self.title = self.title or line.title
        if line.begins_block:
            self._break()
        if line.verbatim is not None:
            self._filled = not line.verbatim
        if line.heading:
            self._paragraphs.append(line.heading)
        elif line.is_item:
            self._item(line.text)
        elif line.text:
            self._show(line.text)

    def _arguments(self, rest: str, outer: tuple[str, ...]) -> list[str]:
        rest = re.sub(r'(?<!\\)\\".*', "", rest)
        found = [
            m.group(1).replace('""', '"') if m.group(1) is not None else m.group(2) for m in _ARGUMENT.finditer(rest)
        ]
        return [unescape(one, self._strings, outer) for one in found]

    def _show(self, text: str, *, at_line: bool = False) -> None:
        """Add text to the paragraph; a blank line, and in filled text one that is indented, begins a new one."""
        if self._heading and text.strip():
            self._paragraphs.append(text.strip())
            self._heading = False
        elif self._tag == "" and text.strip():
            self._item(text.strip())
        elif not self._filled:
            self._words.append(text.rstrip() + "\n")
        elif not text.strip():
            self._break()
        else:
            if at_line and text[0] in " \t" and self._words:
                self._words.append("\n")
            self._words.append(text.strip())

    def _item(self, tag: str) -> None:
        """Begin an item of a list; its tag stands on a line of its own, but a mark or number before the text."""
        tag = tag.strip()
        self._tag = None
        if tag:
            short = len(tag) <= _LONGEST_MARK and not tag[0].isalpha() and not tag.startswith("-")
            self._words += [tag] if short else [tag, "\n"]

    def _break(self) -> None:
        text = ""
        for word in self._words:
            text += word if not text or text.endswith("\n") or word.startswith("\n") or not self._filled else f" {word}"
        text = "\n".join(line.rstrip() if not self._filled else line.strip() for line in text.split("\n")).strip("\n")
        if text.strip():
            self._paragraphs.append(text)
        self._words, self._tag = [], None

    def _define(self, name: str, rest: str, lines: list[str], at: int) -> int:
        """Keep a macro that the page defines; return where its definition ends."""
        words = rest.split()
        end = "." + (words[1] if len(words) > 1 and name != "ig" else words[0] if words and name == "ig" else ".")
        stop = next((n for n in range(at, len(lines)) if lines[n].replace("'", ".").rstrip() == end), len(lines))
        if name != "ig" and words:
            body = [line.replace("\\\\", "\\") for line in lines[at:stop]]
            self._macros[words[0]] = (self._macros.get(words[0], []) if name.startswith("am") else []) + body
        return stop + 1

    def _condition(
        self, name: str, rest: str, lines: list[str], at: int, arguments: tuple[str, ...], depth: int
    ) -> int:
        """Read what stands under a condition, where it holds; return where that ends."""
        if name == "el":
            holds, body = (not self._else.pop() if self._else else False), rest
        else:
            holds, body = _holds(unescape_registers(rest))
            if name == "ie":
                self._else.append(holds)
            holds = holds and name != "while"
        block = [body.lstrip()]
        level = block[0].count("\\{") - block[0].count("\\}")
        while level > 0 and at < len(lines):
            block.append(lines[at])
            level += lines[at].count("\\{") - lines[at].count("\\}")
            at += 1
        if holds and depth < _DEPTH:
            inner = [line.replace("\\{\\", "").replace("\\{", "").replace("\\}", "").lstrip(" \t") for line in block]
            self.run([line for line in inner if line not in ("", ".", "'")], arguments, depth + 1)
        return at

    def _table(self, lines: list[str], at: int) -> int:
        """Show the rows of a table of tbl(1), cells parted by tabs; return where it ends."""
        self._break()
        stop = next((n for n in range(at, len(lines)) if lines[n].startswith(".TE")), len(lines))
        body = lines[at:stop]
        tab = "\t"
        if body and body[0].rstrip().endswith(";"):
            match = re.search(r"tab\s*\((.)\)", body[0])
            tab = match.group(1) if match else tab
            body = body[1:]
        begin = next((n + 1 for n, line in enumerate(body) if line.rstrip().endswith(".")), len(body))
        rows: list[str] = []
        block = False
        for line in body[begin:]:
            if block and not line.startswith("T}"):
                rows[-1] += " " + unescape(line, self._strings) if not line.startswith((".", "'")) else ""
                continue
            text = line
            if block:
                text, block = line[2:], False
                rows[-1] += unescape(text, self._strings).replace(tab, "\t").replace("T{", "")
            elif line.strip() not in ("_", "=", "") and not line.startswith((".", "'")):
                rows.append(unescape(line, self._strings).replace(tab, "\t").replace("T{", ""))
            block = block or text.rstrip().endswith("T{")
        shown = ("\t".join(" ".join(cell.split()) for cell in row.split("\t")).rstrip() for row in rows)
        text = "\n".join(row for row in shown if row.strip())
        if text:
            self._paragraphs.append(text)
        return stop + 1


def unescape_registers(text: str) -> str:
    """Return a condition with the registers in it as numbers: 1 for those of groff, 0 for all others."""
    return re.sub(r"\\n[+-]?(?:\((..)|\[([^\]]*)\]|(.))", lambda m: "1" if (m[1] or m[2]) == ".g" else "0", text)


def _holds(rest: str) -> tuple[bool, str]:
    """Return whether a condition holds for a terminal, and what stands behind it."""
    rest = rest.lstrip()
    negated = rest.startswith("!")
    rest = rest[1:].lstrip() if negated else rest
    if rest[:1] in ("'", '"'):
        mark = rest[0]
        parts = rest[1:].split(mark, 2)
        return ((len(parts) == 3 and parts[0] == parts[1]) != negated, parts[2] if len(parts) == 3 else "")
    match = re.match(r"(\S+?)(?=\s|\\\{|$)(.*)", rest, re.DOTALL)
    if match is None:
        return False, ""
    word, behind = match.groups()
    number = re.match(r"\(?(\d+)", word)
    holds = word == "n" or bool(number and int(number.group(1)[:9]) > 0)
    return holds != negated, behind
