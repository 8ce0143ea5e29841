"""Records as rows of the tables that documents, pictures and recordings land in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.original_file import originals
from jobs.acquire.record_batch import batch_of
from jobs.acquire.records.fields import Fields
from jobs.acquire.records.record import Record
from jobs.acquire.records.rows import Chunk, Described, read_chunks, reason_of
from jobs.acquire.stated_language import agreed_hint, stated_language
from lakehouse.declare.contract import Table
from schemas.identity import content_ids


def split_records(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Return the files of a batch that are one sample or are split by lines, and those of records."""
    records = batch.column("records").is_valid()
    return batch.filter(batch.column("records").is_null()), batch.filter(records)


def record_documents(batch: pa.RecordBatch, table: Table, most_bytes: int) -> Iterator[pa.RecordBatch]:
    """Yield the records of files as documents.

    Args:
        batch: Files of records, of text or code.
        table: Contract of the landed documents.
        most_bytes: Size above which a text is refused.
    """
    for chunk, row in _chunks(batch):
        texts = [one.text if one is not None else None for one in chunk.fields]
        reasons = [
            reason or (_too_large(record, text, most_bytes) if text is not None else None)
            for record, text, reason in zip(chunk.records, texts, chunk.reasons, strict=True)
        ]
        content = pa.array(texts, pa.string())
        decoded = [one.decoded if one is not None else {} for one in chunk.fields]
        columns = dict(chunk.columns) | {
            "content_id": content_ids(content),
            "language_hint": [_hint(one, row) for one in chunk.fields],
            "title": [one.title if one is not None else None for one in chunk.fields],
            "media_type": [one.media_type if one is not None else None for one in chunk.fields],
            "encoding": [one.get("encoding", "utf-8") for one in decoded],
            "encoding_method": [one.get("encoding_method", "declared") for one in decoded],
            "encoding_confidence": [one.get("encoding_confidence", 1.0) for one in decoded],
            "encoding_note": [one.get("encoding_note") for one in decoded],
            "replaced": [one.get("replaced", 0) for one in decoded],
            "content": content,
        }
        yield batch_of(table, columns, reasons)


def record_media(
    batch: pa.RecordBatch, table: Table, inspect: Callable[[bytes], dict[str, Any]], name: str
) -> Iterator[pa.RecordBatch]:
    """Yield the records of files as pictures or recordings.

    Args:
        batch: Files of records, of pictures or of speech.
        table: Contract of the landed table.
        inspect: Decodes a medium to its end, and returns what is known of it by column.
        name: The column of its bytes.
    """
    for chunk, row in _chunks(batch):
        relation = Described.from_json(row["records"]).declared.relation
        rows: list[dict[str, Any]] = []
        reasons: list[str | None] = []
        for record, one, known in zip(chunk.records, chunk.fields, chunk.reasons, strict=True):
            reason = known
            made: dict[str, Any] = {}
            if one is not None and one.media is not None:
                language = _hint(one, row)
                made = {"captions": [(language, one.text.strip())] if one.text.strip() else []}
                made |= {"transcript": one.text.strip(), "relation": relation, "language": language}
                made["content_id"] = content_ids(pa.array([one.media], pa.binary()))[0].as_py()
                try:
                    with guarded("the medium cannot be read"):
                        made |= inspect(one.media) | {name: one.media}
                except RejectedError as rejected:
                    reason = reason_of(record, str(rejected))
            rows.append(made)
            reasons.append(reason)
        own = {column.name for column in table.columns} - {*chunk.columns, "run_id"}
        columns = {key: value for key, value in chunk.columns.items() if key in table}
        columns |= {key: [made.get(key) for made in rows] for key in own}
        yield batch_of(table, columns, reasons)


def _chunks(batch: pa.RecordBatch) -> Iterator[tuple[Chunk, dict[str, Any]]]:
    for place, original in enumerate(originals(batch)):
        row: dict[str, Any] = batch.slice(place, 1).to_pylist()[0]
        for chunk in read_chunks(original, row):
            yield chunk, row


def _too_large(record: Record, text: str, most: int) -> str | None:
    size = len(text.encode())
    return reason_of(record, f"more than {most} bytes: {size}") if size > most else None


def _hint(fields: Fields | None, row: dict[str, Any]) -> str:
    """Return what a record says of its language, or its source, or the page that it holds."""
    source = row["language"] or "und"
    if fields is None:
        return source
    own, theirs = fields.language, source
    if own != "und":
        same = own.partition("-")[0] == theirs.partition("-")[0]
        return agreed_hint(own, theirs) if same else own
    return theirs if row["modality"] == "code" else agreed_hint(theirs, stated_language(fields.text, fields.media_type))
