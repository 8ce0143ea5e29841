"""Planted texts, and duplicates judged by plain Python."""

from __future__ import annotations

import hashlib
import random
import re

import pyarrow as pa

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
_HAN = [chr(point) for point in range(0x4E00, 0x4E00 + 2500)]


def shingles(text, size=5):
    """The definition: words in a row, each Chinese character a word."""
    tokens = _TOKEN.findall(text.lower())
    width = min(size, len(tokens))
    return {tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1)} if tokens else set()


def jaccard(a, b):
    """Exact similarity of two texts."""
    one, two = shingles(a), shingles(b)
    both = len(one & two)
    return both / (len(one) + len(two) - both) if one or two else 0.0


def edited(drawn, text, changes, chinese):
    """Replace so many words."""
    tokens = list(text) if chinese else text.split(" ")
    for place in drawn.sample(range(len(tokens)), changes):
        tokens[place] = drawn.choice(_HAN) if chinese else f"z{drawn.randrange(10**6)}"
    return ("" if chinese else " ").join(tokens)


def texts(seed=1, singles=30, family=0):
    """Original texts, near and exact copies of some, texts that share only a template, and very short ones."""
    drawn = random.Random(seed)
    template = " ".join(f"licence{n}" for n in range(60))
    english = [" ".join(f"v{drawn.randrange(3000)}" for _ in range(120)) for _ in range(singles)]
    chinese = ["".join(drawn.choice(_HAN) for _ in range(150)) for _ in range(singles)]
    out = [*english, *chinese]
    for k in range(singles):
        is_chinese = k % 2 == 1
        base = (chinese if is_chinese else english)[drawn.randrange(singles)]
        out.append(edited(drawn, base, drawn.choice([1, 2, 3, 4, 8]), is_chinese))
    out += drawn.sample(english, 4) + drawn.sample(chinese, 4)
    # A chain of templates: neighbours share bands, ends share nothing.
    out += [f"{template} " + " ".join(f"t{k}x{n}" for n in range(50)) for k in range(10)]
    out += ["ok", "OK!", "yes no", "", "...", "!!!"]
    if family:
        copy = " ".join(f"fam{n}" for n in range(200))
        out += [edited(drawn, copy, 1, chinese=False) for _ in range(family)]
    drawn.shuffle(out)
    return out


def batch(rows, sources=None):
    """The rows as documents; ids do not follow the order of rows."""
    n = len(rows)
    ids = [hashlib.md5(f"{k} {text}".encode(), usedforsecurity=False).hexdigest() for k, text in enumerate(rows)]
    return pa.RecordBatch.from_pydict(
        {
            "sample_id": pa.array(ids, pa.string()),
            "parent_ids": pa.array([[]] * n, pa.list_(pa.string())),
            "source": pa.array(sources or ["s"] * n, pa.string()),
            "license": pa.array(["MIT"] * n, pa.string()),
            "modality": pa.array(["text"] * n, pa.string()),
            "text": pa.array(rows, pa.string()),
        }
    )


def verify(rows, removals, threshold=0.75):
    """Assert that each removal repeats a kept document, with the similarity that it states.

    Args:
        rows: Text by sample_id.
        removals: (sample_id, keeper_id, jaccard) of each.
    """
    gone = {sample for sample, _, _ in removals}
    assert len(gone) == len(removals)
    for sample, keeper, similarity in removals:
        assert keeper not in gone
        assert keeper != sample
        if rows[sample] != rows[keeper]:
            assert abs(jaccard(rows[sample], rows[keeper]) - similarity) < 1e-12
        assert similarity >= threshold
    return gone


def missed(rows, gone, threshold):
    """Pairs of kept documents at least that similar, by comparing all pairs."""
    kept = {sample: shingles(rows[sample]) for sample in rows if sample not in gone}
    found = []
    items = sorted(kept.items())
    for place, (a, one) in enumerate(items):
        for b, two in items[place + 1 :]:
            both = len(one & two)
            if both and both / (len(one) + len(two) - both) >= threshold:
                found.append((a, b))
    return found
