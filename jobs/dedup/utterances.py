"""Recordings whose sound repeats, sample by sample, that of another, of which the first in the declared order stays.

The identity is the hash of the samples at 16 kHz, so that one recording in two containers is found, and one in two
lossy codecs is not.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobs.dialect import literal
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import tagged
from lakehouse.declare.relations import Dialect, Relations, Rows
from schemas.lineage import LICENSE, LINEAGE_NAMES, PARENT_IDS, SAMPLE_ID, SOURCE
from schemas.utterances import LANGUAGE, RELATION, SOUND_ID, TRANSCRIPT, utterance_duplicates

_READ = (SAMPLE_ID, PARENT_IDS, SOURCE, LICENSE, LANGUAGE, TRANSCRIPT, RELATION, SOUND_ID)
RULE = "equal sound_id (SHA-256 of samples, 128 bits)"
# What the words are to the sound, the surest first; then a licence that is known, the longer text, the lesser id.
_RELATIONS = ("verbatim", "caption", "title")
_UNLICENSED = ("NOASSERTION", "NONE", "")


@dataclass(frozen=True, slots=True)
class UtteranceDuplicateParams:
    """Which of equal recordings stays.

    Args:
        sources: Sources whose recordings stay before others', in order.
    """

    sources: tuple[str, ...] = ()


@flow(
    id="jobs.dedup.utterances.utterance_duplicates_by_sound",
    writes=utterance_duplicates,
    reads={"utterances": tagged("utterances", columns=_READ)},
    kind="relational",
    params=UtteranceDuplicateParams,
)
def utterance_duplicates_by_sound(utterances: Rows, relations: Relations, params: UtteranceDuplicateParams) -> Rows:
    """Name for each recording that repeats another the one that stays."""
    dialect = relations.dialect
    order = [
        *([_place("source", params.sources, dialect)] if params.sources else []),
        f"CASE WHEN license IN ({', '.join(literal(value, dialect) for value in _UNLICENSED)}) THEN 1 ELSE 0 END",
        _place("relation", _RELATIONS, dialect),
        "length(transcript) DESC",
        "sample_id",
    ]
    return relations.sql(
        f"""
        WITH placed AS (
          SELECT *, row_number() OVER (PARTITION BY sound_id ORDER BY {", ".join(order)}) AS place FROM utterances
        )
        SELECT {", ".join(f"u.{name}" for name in LINEAGE_NAMES)},
          k.sample_id AS keeper_id,
          u.transcript = k.transcript AND u.language = k.language AS same_transcript,
          {literal(RULE, dialect)} AS rule
        FROM placed AS u INNER JOIN placed AS k ON u.sound_id = k.sound_id
        WHERE k.place = 1 AND u.place > 1
        """,  # noqa: S608 - literals and names of ours
        utterances=utterances,
    )


def _place(column: str, values: tuple[str, ...], dialect: Dialect) -> str:
    """Return the SQL of a value's place in an order; the last for values that are not in it."""
    cases = " ".join(f"WHEN {literal(value, dialect)} THEN {at}" for at, value in enumerate(values))
    return f"CASE {column} {cases} ELSE {len(values)} END"
