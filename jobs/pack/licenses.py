"""The licence of a packed row: the sorted AND of its samples' licences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.acquire.licence_expression import spdx


def conjunctions(license_: pa.Array, row: npt.NDArray[np.int64], rows: int) -> pa.Array:
    """Return one SPDX expression per row.

    Terms of an AND are taken apart, so that each licence occurs once; an OR goes into parentheses.

    Args:
        license_: string [n], one a document.
        row: int64 [n], ascending, its row.
        rows: How many rows there are, each with a document.

    Returns:
        string [rows].
    """
    coded = license_.dictionary_encode()
    codes = coded.indices.to_numpy().astype(np.int64)
    # One entry per licence in use, however many samples carry it.
    terms = [_terms(text) for text in coded.dictionary.to_pylist()]
    # By the first licence of a term, whether or not it stands in parentheses.
    names = sorted({term for found in terms for term in found}, key=lambda term: (term.lstrip("(").split(" ")[0], term))
    number = {name: place for place, name in enumerate(names)}
    widths = np.array([len(found) for found in terms], np.int64)
    flat = np.array([number[term] for found in terms for term in found], np.int64)
    starts = np.cumsum(widths) - widths
    count = widths[codes]
    nth = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    named = flat[np.repeat(starts[codes], count) + nth]
    pairs = np.unique(np.repeat(row, count) * len(names) + named)
    offsets = np.searchsorted(pairs // len(names), np.arange(rows + 1)).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(names, pa.string()).take(pa.array(pairs % len(names))))
    return pc.binary_join(lists, " AND ")


def _terms(expression: str) -> list[str]:
    """Return the terms of an expression whose AND it is."""
    words = (spdx(expression) or expression).replace("(", " ( ").replace(")", " ) ").split()
    words = [word.upper() if word.lower() in ("and", "or", "with") else word for word in words]
    terms: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += (word == "(") - (word == ")")
        if word == "OR" and depth == 0:
            return [f"({_written(words)})"]
        if word == "AND" and depth == 0:
            terms.append([])
        else:
            terms[-1].append(word)
    return [_written(term) for term in terms]


def _written(words: Sequence[str]) -> str:
    return " ".join(words).replace("( ", "(").replace(" )", ")")
