"""Text and code land in `bronze.documents`, decoded to Unicode, markup and all."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.acquire.compression import decompress
from jobs.acquire.decoding import Decoded, decode
from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.original_file import Original, by_size, originals, read_original
from jobs.acquire.record_batch import batch_of
from jobs.acquire.record_samples import record_documents, split_records
from jobs.acquire.stated_language import agreed_hint, stated_language
from jobs.package_data import package_digest
from jobs.text.data_files import LIKELIHOOD
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import tagged
from schemas.documents import landed_documents as table
from schemas.identity import content_ids, derived_ids
from schemas.sources import LANDABLE

FLOW = "jobs.acquire.documents"
_TITLE = re.compile(r"<title[^>]*>([^<]{1,500})</title", re.IGNORECASE)
_TITLE_CHARACTERS = 4096
_LICENSE = ("license", "license_status", "license_evidence")
_CARRIED = ("source", *_LICENSE, "retrieved_at", "modality", "kind", "media_type")


@dataclass(frozen=True, slots=True)
class DocumentsParams:
    """What a document may be.

    Args:
        most_bytes: Size above which a file, compressed or not, is refused.
        least_confidence: Of a detected encoding; below it a file is refused, and the reason names the candidates.
    """

    most_bytes: int = 16 << 20
    least_confidence: float = 0.95


@flow(
    writes=table,
    reads={"files": tagged("files", columns=LANDABLE, where="ready and modality in ('text', 'code')")},
    params=DocumentsParams,
    models=lambda _: {LIKELIHOOD.name: package_digest(LIKELIHOOD)},
    source_key_sql="coalesce(get(parent_ids, 0), sample_id)",
    batch_rows=64,
    reject_tolerance=1.0,
    tags=["landing"],
    id=FLOW,
)
def documents(batch: pa.RecordBatch, params: DocumentsParams) -> Iterator[pa.RecordBatch]:
    """Decode each file; one that holds several documents is cut at its separator lines, or into its records.

    Args:
        batch: Rows of `bronze.files`, and of `bronze.record_files`.
        params: See `DocumentsParams`.

    Yields:
        Rows of `bronze.documents`. A file that is gone, changed, too large, damaged, or not text is rejected, and so
        is a record that cannot be read, with the number of its line or row.

    Raises:
        FlowError: If the whole folder of a source is gone.
    """
    whole, records = split_records(batch)
    for part in by_size(whole):
        yield _landed(part, params)
    yield from record_documents(records, table, params.most_bytes)


def _landed(batch: pa.RecordBatch, params: DocumentsParams) -> pa.RecordBatch:
    places: list[int] = []  # the row of the batch that a document comes from
    ordinals: list[int | None] = []  # its place in a file that was cut
    contents: list[str | None] = []
    decoded: list[Decoded | None] = []
    titles: list[str | None] = []
    reasons: list[str | None] = []
    for place, original in enumerate(originals(batch)):
        read_as, reason = None, None
        parts: list[tuple[int | None, str | None]] = [(None, None)]
        try:
            with guarded("the file cannot be read"):
                read_as = _decoded(original, params)
                parts = list(_parts(read_as.text, original.attributes.get("split", "")))
        except RejectedError as rejected:
            reason = str(rejected)
        for ordinal, part in parts:
            places.append(place)
            ordinals.append(ordinal)
            contents.append(part)
            decoded.append(read_as)
            titles.append(None if part is None else _title(original, part))
            reasons.append(reason)
    rows = batch.take(pa.array(places, pa.int64()))
    content = pa.array(contents, pa.string())
    ids, parents, uri = _identities(rows, pa.array(ordinals, pa.int32()))
    columns: dict[str, Any] = {
        "sample_id": ids,
        "parent_ids": parents,
        "uri": uri,
        "content_id": content_ids(content),
        "language_hint": _hints(rows, contents),
        "title": titles,
        "encoding": [None if one is None else one.encoding for one in decoded],
        "encoding_method": [None if one is None else one.method for one in decoded],
        "encoding_confidence": [None if one is None else one.confidence for one in decoded],
        "encoding_note": [None if one is None else one.note for one in decoded],
        "replaced": [
            None if one is None or part is None else _replaced(one, part)
            for one, part in zip(decoded, contents, strict=True)
        ],
        "content": content,
        **{name: rows.column(name) for name in _CARRIED},
    }
    return batch_of(table, columns, reasons)


def _decoded(original: Original, params: DocumentsParams) -> Decoded:
    data = read_original(original)
    if compression := original.attributes.get("compression"):
        data = decompress(data, compression, params.most_bytes)
    if len(data) > params.most_bytes:
        raise RejectedError(f"{len(data)} bytes, more than {params.most_bytes}")
    if original.media_type.startswith(("image/", "audio/", "video/", "application/pdf", "application/zip")):
        raise RejectedError(f"not text: its first bytes are those of {original.media_type}")
    return decode(data, original.media_type, original.language, params.least_confidence)


def _replaced(decoded: Decoded, part: str) -> int:
    """Return the places of a part whose bytes could not be read; what the file itself writes so is counted with it."""
    return min(decoded.replaced, part.count("\ufffd"))


def _parts(text: str, separator: str) -> list[tuple[int | None, str]]:
    """Return the documents of a file with their places; a file that is not cut has one, without a place."""
    if not separator:
        if not text.strip():
            raise RejectedError("the file holds nothing but white space")
        return [(None, text)]
    cut = re.split(rf"^{re.escape(separator)}[ \t]*\r?\n?", text, flags=re.MULTILINE)
    parts: list[tuple[int | None, str]] = [(place, part) for place, part in enumerate(cut) if part.strip()]
    if not parts:
        raise RejectedError("the file holds nothing but white space")
    return parts


def _hints(rows: pa.RecordBatch, contents: list[str | None]) -> list[str]:
    """Return what sources and documents say of the language of each; code keeps its programming language."""
    columns = (rows.column(name).to_pylist() for name in ("language", "modality", "media_type"))
    return [
        language if modality == "code" else agreed_hint(language, stated_language(content or "", media_type))
        for content, language, modality, media_type in zip(contents, *columns, strict=True)
    ]


def _title(original: Original, text: str) -> str | None:
    if original.attributes.get("title"):
        return original.attributes["title"]
    if original.media_type not in ("text/html", "application/xhtml+xml"):
        return None
    match = _TITLE.search(text[:_TITLE_CHARACTERS])
    return " ".join(html.unescape(match.group(1)).split()) or None if match else None


def _identities(rows: pa.RecordBatch, ordinals: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return ids, parents and addresses: the file's own where it is one document, new ones where it is cut."""
    file_ids, cut = rows.column("sample_id"), ordinals.is_valid()
    ids = pc.if_else(cut, derived_ids(file_ids, FLOW, ordinals.fill_null(0)), file_ids)
    words = ordinals.cast(pa.string()).fill_null("")
    uri = pc.if_else(cut, pc.binary_join_element_wise(rows.column("uri"), words, "#"), rows.column("uri"))
    offsets = pc.cumulative_sum(cut.cast(pa.int32()))
    parents = pa.ListArray.from_arrays(pa.concat_arrays([pa.array([0], pa.int32()), offsets]), file_ids.filter(cut))
    return ids, parents, uri
