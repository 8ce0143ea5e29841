"""What a view's file says of it: the comment at its beginning.

The first paragraph says what the view is. Lines further below that begin with a column's name and a colon document that
column, and lines that are indented after such a line go on with it::

    -- Openings by language.
    --
    -- language: BCP 47 tag.
    -- openings: How many there are; pages
    --   without words are left out.
    SELECT ...
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_COLUMN = re.compile(r"(?P<name>\w+): +(?P<text>\S.*)")


@dataclass(frozen=True, slots=True)
class ViewDocs:
    """What is said of a view.

    Args:
        doc: What it is, empty where the file does not say.
        columns: Meaning of each column that is documented.
    """

    doc: str
    columns: Mapping[str, str]


def view_docs(text: str, columns: Collection[str]) -> ViewDocs:
    r"""Read the comment at the beginning of a view's file.

    Args:
        text: The file.
        columns: The view's columns; a line that begins with another word belongs to what it is.

    >>> view_docs("-- Lines.\n-- n: How many\n--   there are.\nSELECT 1 AS n", ["n"])
    ViewDocs(doc='Lines.', columns={'n': 'How many there are.'})
    """
    doc: list[str] = []
    found: dict[str, list[str]] = {}
    current = doc
    names = {name.lower(): name for name in columns}
    for line in text.strip().splitlines():
        if not line.startswith("--"):
            break
        words = line[2:]
        match = _COLUMN.fullmatch(words.strip())
        if match is not None and (name := names.get(match["name"].lower())) is not None:
            current = found.setdefault(name, [])
            current.append(match["text"])
        elif current is doc or not words.strip() or words.startswith("  "):
            current.append(words.strip())
        else:
            current = doc
            current.append(words.strip())
    return ViewDocs(_joined(doc), {name: _joined(lines) for name, lines in found.items()})


def _joined(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
