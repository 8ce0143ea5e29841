"""One page of the report: its frame, and the tables in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.package_data import package_bytes
from jobs.report.markup import Markup, join, tag

STYLE = Path(__file__).parent / "style.css"
# Nothing runs and nothing is fetched, whatever a page says: pictures, sound and style are in the page itself.
POLICY = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
PAGES = {
    "index.html": "Overview",
    "catalogue.html": "Catalogue",
    "flows.html": "Flows",
    "mixture.html": "Mixture",
    "samples.html": "Samples",
    "releases.html": "Releases",
    "training.html": "Training",
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column's heading, and whether it is aligned as numbers are."""

    title: str


def page(file: str, about: str, body: Iterable[object]) -> str:
    """Return a whole page.

    Args:
        file: Its name, one of `PAGES`.
        about: Which lake it is of, and at which version.
        body: What is on it.
    """
    title = PAGES[file]
    links = [tag("a", name, href=to, aria_current="page" if to == file else None) for to, name in PAGES.items()]
    style = Markup(package_bytes(STYLE).decode())
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("title", f"{title} · {about}"),
        tag("style", style),
    )
    nav = tag("header", tag("nav", tag("strong", "mixlake"), *links, aria_label="Pages"))
    skip = tag("a", "Skip to the content", href="#content", class_="skip")
    main = tag("main", tag("h1", title), tag("p", tag("bdi", about), class_="dim"), *body, id="content")
    return "<!doctype html>\n" + tag("html", head, tag("body", skip, nav, main), lang="en") + "\n"


def table(
    columns: Sequence[str | Numbers], rows: Iterable[Sequence[object]], caption: str = "", label: str = ""
) -> Markup:
    """Return a table in a frame that scrolls by itself where it is wide, by keyboard too."""
    right = [isinstance(column, Numbers) for column in columns]
    titles = [column.title if isinstance(column, Numbers) else column for column in columns]
    heads = [tag("th", title, class_="n" if n else None, scope="col") for title, n in zip(titles, right, strict=True)]
    lines = [
        tag("tr", *(tag("td", value, class_="n" if n else None) for value, n in zip(row, right, strict=True)))
        for row in rows
    ]
    above = [tag("caption", caption)] if caption else []
    inner = tag("table", *above, tag("thead", tag("tr", *heads)), tag("tbody", *lines))
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=label or caption or titles[0])


def note(text: object) -> Markup:
    """Return a remark, such as why a section is empty."""
    return tag("p", text, class_="note")


def state(word: str, known: frozenset[str]) -> Markup:
    """Return a word in the colour of its state; one that is not known has none."""
    return tag("span", word, class_=f"state {word}" if word in known else "state")


def key(names: Iterable[str], colours: Mapping[str, int]) -> Markup:
    """Return the key of a chart: what each colour stands for."""
    items = (tag("li", tag("i", class_=f"c{colours[name]}"), name) for name in names)
    return tag("ul", *items, class_="key")


def section(title: str, *body: object, id_: str = "") -> Markup:
    """Return a section with its heading."""
    return tag("section", tag("h2", title, id=id_ or None), join(body))
