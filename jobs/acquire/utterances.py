"""Recorded speech lands in `bronze.utterances` with its transcript, as received."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.original_file import FROM_FILE, by_size, originals, read_original
from jobs.acquire.record_batch import batch_of
from jobs.acquire.record_samples import record_media, split_records
from jobs.acquire.recordings.decode import inspect
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import tagged
from schemas.identity import content_ids
from schemas.sources import LANDABLE
from schemas.utterances import landed_utterances as table

_OF_NEIGHBOURS = ("transcript", "relation", "speaker")
_OF_SOUND = ("format", "sample_rate", "channels", "duration", "declared_duration", "streams")


@dataclass(frozen=True, slots=True)
class UtterancesParams:
    """What an utterance may be.

    Args:
        longest: Length above which a recording is refused: it must be cut first, in seconds.
    """

    longest: float = 60.0


@flow(
    id="jobs.acquire.utterances.utterances",
    writes=table,
    reads={"files": tagged("files", columns=LANDABLE, where="ready and modality = 'speech'")},
    params=UtterancesParams,
    source_key_sql="coalesce(get(parent_ids, 0), sample_id)",
    batch_rows=32,
    batch_seconds=300,
    reject_tolerance=1.0,
    tags=["landing"],
)
def utterances(batch: pa.RecordBatch, params: UtterancesParams) -> Iterator[pa.RecordBatch]:
    """Decode each recording to its end to check that it is whole, and keep its bytes.

    Args:
        batch: Rows of `bronze.files`, and of `bronze.record_files`.
        params: See `UtterancesParams`.

    Yields:
        Rows of `bronze.utterances`. A recording that is gone, changed, empty, too long, cut off, damaged, or that
        libsndfile cannot read is rejected.

    Raises:
        FlowError: If the whole folder of a source is gone.
    """
    whole, records = split_records(batch)
    for part in by_size(whole):
        yield _landed(part, params)
    yield from record_media(records, table, lambda data: _header(data, params), "audio")


def _landed(batch: pa.RecordBatch, params: UtterancesParams) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = []
    for original in originals(batch):
        known = original.attributes
        row: dict[str, Any] = {"reject": None, **{name: known.get(name) for name in _OF_NEIGHBOURS}}
        try:
            with guarded("the recording cannot be read"):
                data = read_original(original)
                row["content_id"] = content_ids(pa.array([data], pa.binary()))[0].as_py()
                row |= _header(data, params)
                row["audio"] = data  # not of a rejected row, of which only the digest is kept
        except RejectedError as rejected:
            row["reject"] = str(rejected)
        rows.append(row)
    made = (*_OF_NEIGHBOURS, *_OF_SOUND, "content_id", "audio")
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in made}
    columns |= {name: batch.column(name) for name in (*FROM_FILE, "language")}
    return batch_of(table, columns, [row["reject"] for row in rows])


def _header(data: bytes, params: UtterancesParams) -> dict[str, Any]:
    """Return what a recording's header says, and decoding it to the end bears out."""
    found = inspect(data, params.longest)
    values = (found.format, found.rate, found.channels, found.samples / found.rate, found.declared, found.streams)
    return dict(zip(_OF_SOUND, values, strict=True))
