"""Text of PDF files by PDFium, page by page in the order of reading; pages that are pictures have none."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from jobs.acquire.child_process import in_child
from jobs.acquire.extract.extracted import Extracted
from jobs.acquire.extract.reading_order import Line, blocks
from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.languages import UNKNOWN, bcp47

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

_MEMORY, _SECONDS = 2 << 30, 60.0
# A page of this share of pictures and fewer characters is a scan, with a stamp at best.
_SCAN_AREA, _SCAN_CHARACTERS = 0.6, 100
# Characters that fonts do not name: U+FFFD and those of private use.
_UNNAMED = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")
_MOST_UNNAMED = 0.1
# A gap of so many heights within a line parts it: between columns, or cells.
_GAP = 1.5
# PDFium's marks of a hyphen that ends a line within a word.
_HYPHENS = ("\x02", "\ufffe")
_LINE_ENDS = "\r\n"
# A step down of so many usual ones begins a paragraph; what is usual are so many heights of a line at most.
_PARAGRAPH, _SPACED = 1.4, 2.5
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Page:
    """One page: its text, or why it has none; empty in both where it is blank."""

    text: str = ""
    problem: str = ""


def pdf_text(data: bytes, most: int) -> Extracted:
    """Return the text of a PDF file, pages parted by a blank line.

    It is read in a process of its own, of 2 GiB, a minute a page. Pages that are scans, whose fonts do not name their
    characters, or that cannot be read are refused.

    Args:
        data: The file.
        most: Characters that it may give.

    Raises:
        RejectedError: If no page gives text, or the file cannot be read.
    """
    texts: list[str] = []
    problems: dict[str, list[int]] = {}
    about: dict[str, str] = {}
    number = size = 0
    try:
        for page in in_child(_pages, data, memory=_MEMORY, seconds=_SECONDS):
            if isinstance(page, dict):
                about = page
                continue
            number += 1
            size += len(page.text)
            if size > most:
                break
            if page.problem:
                problems.setdefault(page.problem, []).append(number)
            elif page.text:
                texts.append(page.text)
    except RejectedError as rejected:
        if not texts:
            raise
        problems.setdefault(f"{rejected}; this and what follows is not read", []).append(number + 1)
    if size > most:
        raise RejectedError(f"more than {most} characters")
    refused = tuple(_refused(problem, pages) for problem, pages in problems.items())
    if not texts:
        raise RejectedError("; ".join(refused) or f"its {number} pages are blank")
    language = bcp47(about["language"]) if about.get("language") else UNKNOWN
    return Extracted("\n\n".join(texts), language, about.get("title") or None, refused)


def _refused(problem: str, pages: list[int]) -> str:
    """Return a reason: what is wrong first, by which quarantined rows are counted, then the pages."""
    rule, colon, details = problem.partition(": ")
    return f"{rule}: {_named(pages)}{colon}{details}"


def _named(pages: list[int]) -> str:
    shown = ", ".join(map(str, pages[:_SHOWN])) + (f" and {len(pages) - _SHOWN} more" if len(pages) > _SHOWN else "")
    return f"page{'s' if len(pages) > 1 else ''} {shown}"


def _pages(data: bytes) -> Iterator[_Page | dict[str, str]]:
    """Yield what a file says of itself, then its pages; called in a process of its own."""
    import pypdfium2

    with guarded("PDFium cannot open it"):
        document = pypdfium2.PdfDocument(data)
    yield _about(document)
    for number in range(len(document)):
        try:
            with guarded("it cannot be read"):
                page = document[number]
                answer = _page(page)
                page.close()
        except RejectedError as rejected:
            answer = _Page(problem=str(rejected))
        yield answer


def _about(document: PdfDocument) -> dict[str, str]:
    """Return the title and the language that a file states."""
    import ctypes

    from pypdfium2 import raw

    title = " ".join(document.get_metadata_dict().get("Title", "").replace("\0", " ").split())
    size = raw.FPDFCatalog_GetLanguage(document.raw, None, 0) if hasattr(raw, "FPDFCatalog_GetLanguage") else 0
    language = ""
    if 0 < size < 1 << 10:
        buffer = ctypes.create_string_buffer(size)
        raw.FPDFCatalog_GetLanguage(document.raw, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
        language = buffer.raw.decode("utf-16-le", "replace").rstrip("\0")
    return {"title": title[:500], "language": language}


def _page(page: PdfPage) -> _Page:
    lines = _lines(page.get_textpage())
    text = "\n\n".join(filter(None, (_joined(block) for block in blocks(lines))))
    characters = sum(not character.isspace() for character in text)
    if characters < _SCAN_CHARACTERS:
        share = _pictures(page)
        if share >= _SCAN_AREA or (not characters and share):
            return _Page(problem="scanned: a picture without text, which must be recognised (OCR) first")
    if characters and len(_UNNAMED.findall(text)) > _MOST_UNNAMED * characters:
        return _Page(problem="its fonts do not say which characters they show")
    return _Page(text.replace("\0", ""))


def _pictures(page: PdfPage) -> float:
    """Return the share of a page that pictures cover, at most."""
    from pypdfium2 import raw

    size: tuple[float, float] = page.get_size()
    width, height = size
    area = 0.0
    box: tuple[float, float, float, float]
    for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]):
        box = item.get_bounds()
        left, bottom, right, top = box
        area += max(0.0, min(right, width) - max(left, 0.0)) * max(0.0, min(top, height) - max(bottom, 0.0))
    return min(1.0, area / max(width * height, 1.0))


def _lines(page: PdfTextPage) -> list[Line]:
    """Return the lines of a page as they are drawn, parted where a wide gap is."""
    from pypdfium2 import raw

    lines: list[Line] = []
    characters: list[str] = []
    box: list[float] = []

    def end() -> None:
        text = "".join(characters).strip()
        if text and box:
            lines.append(Line(text, *box))
        characters.clear()
        box.clear()

    for place in range(page.count_chars()):
        character = _character(raw.FPDFText_GetUnicode(page, place))
        if character in _LINE_ENDS:
            end()
            continue
        if character.isspace():
            characters.append(" ")
            continue
        left, bottom, right, top = page.get_charbox(place, loose=True)
        if box and left - box[2] > _GAP * max(top - bottom, 1.0):
            end()
        characters.append(character)
        box[:] = (
            [min(box[0], left), min(box[1], bottom), max(box[2], right), max(box[3], top)]
            if box
            else [left, bottom, right, top]
        )
    end()
    return lines


def _character(code: int) -> str:
    return "\ufffd" if 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code)


def _joined(block: list[Line]) -> str:
    """Return the lines of a block: words that a hyphen parts are whole, and wide gaps end paragraphs."""
    steps = [before.middle - line.middle for before, line in itertools.pairwise(block)]
    downwards = [step for step in steps if step > 0]
    heights = [line.top - line.bottom for line in block]
    usual = min(median(downwards), _SPACED * median(heights)) if downwards else 0.0
    out: list[str] = []
    before: Line | None = None
    for line in block:
        text = line.text
        if before is not None and out:
            height = max(before.top - before.bottom, 1.0)
            if out[-1].endswith(_HYPHENS):
                out[-1] = out[-1][:-1]
                text = out.pop() + text
            elif abs(before.middle - line.middle) < height / 2:  # parts of one line
                text = f"{out.pop()} {text}"
            elif before.middle - line.middle > _PARAGRAPH * usual:
                out.append("")
        out.append(text)
        before = line
    text = "\n".join(out)
    for mark in _HYPHENS:
        text = text.replace(mark, "-")
    return text
