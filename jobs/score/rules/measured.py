"""What the rules share: counts and words of a column of texts, each made once per batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Scores = dict[str, npt.NDArray[np.generic] | pa.Array]


@dataclass(frozen=True, slots=True)
class Measured:
    """Counts of n texts.

    Args:
        text: string or large_string [n].
        counts: int64 [n, WIDTH] of `jobs.text.lines`.
        hashes: uint64 [words], the words as `jobs.text.words` cuts them.
        lengths: int32 [words], their characters.
        places: int64 [n + 1], offsets of each text's words.
    """

    text: pa.Array
    counts: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.int32]
    places: npt.NDArray[np.int64]


def measure(text: pa.Array) -> Measured:
    """Count what the rules need.

    Args:
        text: string or large_string [n].
    """
    from jobs.text.lines import line_counts
    from jobs.text.words import words

    return Measured(text, line_counts(text), *words(text))


def mentions(text: pa.Array, pattern: str, *, head_lines: int = 0) -> npt.NDArray[np.int32]:
    """Return int32 [n], how often a regular expression matches in each text.

    Args:
        text: string or large_string [n].
        pattern: In the syntax of Rust's regex.
        head_lines: Look only at this many lines from the beginning; 0 means all.
    """
    import polars as pl

    column = pl.col("text")
    if head_lines:
        # A line of a minified file may be megabytes long; a marker is near its beginning.
        column = column.str.head(4096).str.splitn("\n", head_lines + 1).struct.unnest()
        frame = pl.DataFrame({"text": pl.Series(pl.from_arrow(text))}).select(column)
        joined = pl.concat_str(pl.all().exclude(f"field_{head_lines}"), separator="\n", ignore_nulls=True)
        frame = frame.select(joined.alias("text"))
    else:
        frame = pl.DataFrame({"text": pl.Series(pl.from_arrow(text))})
    return frame.select(pl.col("text").str.count_matches(pattern).cast(pl.Int32)).to_series().fill_null(0).to_numpy()
