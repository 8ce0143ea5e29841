"""Recorded speech lands in `bronze.utterances` with its transcript, as received."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from jobs.acquire.original_file import RejectedError, by_size, originals, read_original
from jobs.acquire.record_batch import batch_of
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read
from schemas.identity import content_ids
from schemas.sources import files
from schemas.utterances import landed_utterances as table


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
    reads={"files": read(files, where="modality = 'speech'")},
    params=UtterancesParams,
    batch_rows=32,
    reject_tolerance=1.0,
    tags=["landing"],
)
def utterances(batch: pa.RecordBatch, params: UtterancesParams) -> Iterator[pa.RecordBatch]:
    """Read each recording's header, and keep its bytes.

    Args:
        batch: Rows of `bronze.files`.
        params: See `UtterancesParams`.

    Yields:
        Rows of `bronze.utterances`. A recording that is gone, changed, empty, too long, or that libsndfile
        cannot read is rejected.

    Raises:
        FlowError: If the whole folder of a source is gone.
    """
    for part in by_size(batch):
        yield _landed(part, params)


def _landed(batch: pa.RecordBatch, params: UtterancesParams) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = []
    for original in originals(batch):
        known = original.attributes
        row: dict[str, Any] = {"transcript": known.get("transcript"), "speaker": known.get("speaker"), "reject": None}
        try:
            data = read_original(original)
            row["content_id"] = content_ids(pa.array([data], pa.binary()))[0].as_py()
            row |= _header(data, params)
            row["audio"] = data  # not of a rejected row, of which only the digest is kept
        except RejectedError as rejected:
            row["reject"] = str(rejected)
        rows.append(row)
    made = ("transcript", "speaker", "format", "sample_rate", "channels", "duration", "content_id", "audio")
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in made}
    kept = (
        "sample_id",
        "parent_ids",
        "source",
        "license",
        "license_status",
        "license_evidence",
        "uri",
        "retrieved_at",
        "kind",
        "language",
    )
    columns |= {name: batch.column(name) for name in kept}
    return batch_of(table, columns, [row["reject"] for row in rows])


def _header(data: bytes, params: UtterancesParams) -> dict[str, Any]:
    """Return the properties in a recording's header; the last second is read, which a truncated file lacks."""
    import soundfile

    if not data:
        raise RejectedError("the file is empty")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            frames, rate = sound.frames, sound.samplerate
            if frames <= 0 or rate <= 0:
                raise RejectedError("the recording has no sound")
            duration = frames / rate
            if duration > params.longest:
                raise RejectedError(f"{duration:.1f} s, longer than {params.longest:g} s")
            sound.seek(max(0, frames - rate))
            if not len(sound.read(frames=rate, dtype="float32")):
                raise RejectedError("the recording is cut off")
            return {
                "format": f"{sound.format}/{sound.subtype}",
                "sample_rate": rate,
                "channels": sound.channels,
                "duration": duration,
            }
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise RejectedError(f"not a recording: {' '.join(str(error).split())}") from error
