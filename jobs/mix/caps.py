"""Caps of a line: how much of what it requests one document, or one source, may be.

A share is of the line's target, all epochs of a sample together, so that it does not depend on what else is drawn. A
draw is made without caps first. Where it keeps to them, it stays as it is; else the sources that are too large are
drawn as parts of their own with their caps as targets, documents that are too large are left out, and the others fill
what is then free, until no cap is exceeded. What cannot be filled is the line's shortfall.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.mix.last_sample import choose_last_samples

_LINE = (("stage", pa.string()), ("line", pa.string()))


@dataclass(frozen=True, slots=True)
class Caps:
    """The caps that a draw met.

    Args:
        documents: Tokens of the largest document that may be drawn, by stage and line.
        sources: Tokens of a source that may be drawn, by stage, line and source.
    """

    documents: Mapping[tuple[str, str], int] = field(default_factory=dict)
    sources: Mapping[tuple[str, str, str], int] = field(default_factory=dict)

    def document_table(self) -> pa.Table:
        """Return the rows ``document_caps``: stage, line, most."""
        rows = [dict(zip(("stage", "line"), key, strict=True), most=most) for key, most in self.documents.items()]
        return pa.Table.from_pylist(rows, schema=pa.schema([*_LINE, ("most", pa.int64())]))

    def source_table(self) -> pa.Table:
        """Return the rows ``source_caps``: stage, line, source, most."""
        names = ("stage", "line", "source")
        rows = [dict(zip(names, key, strict=True), most=most) for key, most in self.sources.items()]
        return pa.Table.from_pylist(rows, schema=pa.schema([*_LINE, ("source", pa.string()), ("most", pa.int64())]))


def are_declared(lines: pa.Table) -> bool:
    """Whether any line of a quota has a cap."""
    names = ("max_document_share", "max_source_share")
    return any(share < 1 for name in names if name in lines.column_names for share in lines.column(name).to_pylist())


def tightened(caps: Caps, taken: pa.Table, lines: pa.Table) -> Caps:
    """Return the caps with those that a draw exceeds; the same caps where it keeps to all.

    Args:
        caps: The caps that the draw was made under.
        taken: By stage, line and source: tokens, those of the largest document, and the most times one was drawn.
        lines: Rows of ``gold.quotas``.
    """
    declared = {(row["stage"], row["cell"]): row for row in lines.to_pylist()}
    documents, sources = dict(caps.documents), dict(caps.sources)
    for row in taken.to_pylist():
        line = (row["stage"], row["line"])
        target = declared[line]["target"]
        most_of_one = int(declared[line]["max_document_share"] * target)
        most_of_source = int(declared[line]["max_source_share"] * target)
        if declared[line]["max_document_share"] < 1 and row["largest"] > most_of_one:
            # Drawn as often as the most repeated one, none of those left exceeds it.
            most = most_of_one // row["times"]
            documents[line] = min(most, documents.get(line, most))
        if declared[line]["max_source_share"] < 1 and row["tokens"] > most_of_source:
            sources[*line, row["source"]] = most_of_source
    return Caps(documents, sources)


def choose_at_most(
    sizes: npt.NDArray[np.int64], taken: npt.NDArray[np.bool_], needed: int, target: int
) -> npt.NDArray[np.bool_]:
    """Choose as `jobs.mix.last_sample.choose_last_samples` does, but never more than is needed."""
    chosen = choose_last_samples(sizes, taken, needed, target)
    over = int(sizes[chosen].sum()) - needed
    if over > 0:
        chosen = choose_last_samples(sizes, taken, needed - over, target)
        over = int(sizes[chosen].sum()) - needed
    while over > 0 and chosen.any():
        places = np.flatnonzero(chosen)
        enough = places[sizes[places] >= over]
        # The smallest that is enough, or else the largest; of equal ones the last.
        drop = (
            enough[::-1][np.argmin(sizes[enough][::-1])]
            if len(enough)
            else places[::-1][np.argmax(sizes[places][::-1])]
        )
        chosen[drop] = False
        over -= int(sizes[drop])
    return chosen
