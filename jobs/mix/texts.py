"""The text that is tokenised: documents without the repeated lines that the policy removes."""
# ruff: noqa: RUF001 - signs of other scripts

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.mix.policy import POLICY, load_policy
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read, tagged
from lakehouse.declare.relations import Relations, Rows
from schemas.documents import MODALITY, TEXT, document_boilerplate, document_texts
from schemas.lineage import LICENSE, LINEAGE_NAMES, PARENT_IDS, SAMPLE_ID, SOURCE

# Characters of a heading at most.
_HEADING = 60
_WORD = re.compile(r"[^\W\d_]{2}|[\u3400-\u9fff]")
# Items of lists; ends of sentences; what stands between links.
_NO_HEADING = re.compile(r"^(?:[-*+]|\d+[.)]) |[.!?;,:…。！？；，：।]$|[|»›→•·<>©]|https?:")


@dataclass(frozen=True, slots=True)
class TextParams:
    """What is removed.

    Args:
        policy: The policy, by default that of gold.samples.
    """

    policy: str = field(default=POLICY, metadata={"file": True, "follows": ("gold.samples", "jobs.mix.samples.decide")})

    def check(self) -> None:
        """Read the policy; raises `ConfigError` where it is broken."""
        load_policy(self.policy)


@flow(
    id="jobs.mix.texts.reduce_texts",
    writes=document_texts,
    kind="relational",
    reads={
        "documents": tagged("documents", columns=(SAMPLE_ID, PARENT_IDS, SOURCE, LICENSE, MODALITY, TEXT, "_table")),
        "boilerplate": read(document_boilerplate, columns=["sample_id", "head_lines", "tail_lines"]),
    },
    params=TextParams,
    tags=("mix",),
)
def reduce_texts(documents: Rows, boilerplate: Rows, relations: Relations, params: TextParams) -> Rows:
    """Take the repeated lines at the beginning and the end off each document, where the policy says so.

    Args:
        documents: All documents.
        boilerplate: silver.document_boilerplate.
        relations: The engine's.
        params: See `TextParams`.

    Returns:
        Rows of gold.document_texts, one for each document, with what was removed in numbers.
    """
    policy = load_policy(params.policy, relations.dialect)
    wanted = "true" if policy.drop_repeated_lines else "false"
    counted = relations.sql(
        f"""
        SELECT {", ".join(f"d.{name}" for name in LINEAGE_NAMES)}, d._table AS source_table, d.modality,
          CASE WHEN {wanted} THEN coalesce(b.head_lines, 0) ELSE 0 END AS head,
          CASE WHEN {wanted} THEN coalesce(b.tail_lines, 0) ELSE 0 END AS tail, d.text
        FROM documents AS d
        LEFT JOIN boilerplate AS b ON d.sample_id = b.sample_id
        """,  # noqa: S608 - names of ours
        documents=documents,
        boilerplate=boilerplate,
    )
    return relations.map_batches(counted, _reduced, _REDUCED)


_REDUCED = pa.schema([pa.field(c.name, c.type) for c in document_texts.columns if c.name != "run_id"])


def _reduced(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the documents without so many lines at both ends."""
    for batch in batches:
        head, tail = (np.asarray(batch.column(name)) for name in ("head", "tail"))
        touched = (head > 0) | (tail > 0)
        text = batch.column("text")
        before = np.asarray(pc.utf8_length(text)).astype(np.int64)
        some = zip(text.filter(pa.array(touched)).to_pylist(), head[touched], tail[touched], strict=True)
        short = [without_ends(*one) for one in some]
        lines = np.zeros(len(text), np.int32)
        lines[touched] = [count for _, count in short]
        text = pc.replace_with_mask(text, pa.array(touched), pa.array([left for left, _ in short], text.type))
        removed = before - np.asarray(pc.utf8_length(text)).astype(np.int64)
        columns = {
            **{name: batch.column(name) for name in LINEAGE_NAMES},
            "table": batch.column("source_table"),
            "modality": batch.column("modality"),
            "removed_lines": pa.array(lines),
            "removed_chars": pa.array(removed),
            "text": text,
        }
        yield pa.record_batch(
            [columns[name].cast(kind) for name, kind in zip(_REDUCED.names, _REDUCED.types, strict=True)],
            schema=_REDUCED,
        )


def without_ends(text: str, head: int, tail: int) -> tuple[str, int]:
    """Return a text without so many of its first and last lines, blank ones not counted, nor blank lines at its ends.

    The last of the first lines stays where it looks like the heading of what follows (`is_heading`): all manual pages
    begin with NAME, and what they say of the name belongs below it.

    Args:
        text: The text.
        head: Lines to take off at the beginning.
        tail: Lines to take off at the end.

    Returns:
        The text, and the lines that were taken off.
    """
    lines = text.split("\n")
    solid = [number for number, line in enumerate(lines) if line.strip()]
    if 0 < head < len(solid) - tail and is_heading(lines[solid[head - 1]]):
        head -= 1
    kept = solid[head : max(head, len(solid) - tail)]
    return ("\n".join(lines[kept[0] : kept[-1] + 1]) if kept else ""), len(solid) - len(kept)


def is_heading(line: str) -> bool:
    """Return whether a line looks like a heading: short, with words, and neither a sentence nor a list of links.

    >>> is_heading("SYNOPSIS"), is_heading("Choose any three."), is_heading("Home | Help"), is_heading("* * *")
    (True, False, False, False)
    """
    line = line.strip()
    return len(line) <= _HEADING and _WORD.search(line) is not None and _NO_HEADING.search(line) is None
