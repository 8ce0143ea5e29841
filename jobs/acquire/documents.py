"""Text and code land in `bronze.documents`, decoded to Unicode, markup and all; of PDF and the like their text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.acquire.compression import decompress
from jobs.acquire.decoding import Decoded
from jobs.acquire.extract.document_text import PDF, DocumentText, document_text
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
        most_bytes: Size above which a file, compressed or not, or a record's text is refused; of PDF its source's
            max_bytes decides.
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


@dataclass(frozen=True, slots=True)
class _Part:
    """One document of a file, or what of the file is refused.

    Args:
        place: The row of the batch that it comes from.
        ordinal: Its place in a file that was cut.
        content: Its text; None where it is refused.
        read: How the file was read; None where it was not.
        reason: Why it is refused.
    """

    place: int
    ordinal: int | None = None
    content: str | None = None
    read: DocumentText | None = None
    reason: str | None = None

    @property
    def decoded(self) -> Decoded | None:
        """How the file was decoded."""
        return self.read.decoded if self.read else None


def _parts_of(place: int, original: Original, params: DocumentsParams) -> list[_Part]:
    try:
        with guarded("the file cannot be read"):
            read = _read(original, params)
            text = read.extracted.text if read.extracted else read.decoded.text
            parts = [
                _Part(place, ordinal, part, read)
                for ordinal, part in _parts(text, original.attributes.get("split", ""))
            ]
    except RejectedError as rejected:
        return [_Part(place, reason=str(rejected))]
    refused = read.extracted.refused if read.extracted else ()
    return [*parts, *(_Part(place, reason=reason) for reason in refused)]


def _landed(batch: pa.RecordBatch, params: DocumentsParams) -> pa.RecordBatch:
    files = list(originals(batch))
    parts = [part for place, original in enumerate(files) for part in _parts_of(place, original, params)]
    decoded = [part.decoded for part in parts]
    contents = [part.content for part in parts]
    rows = batch.take(pa.array([part.place for part in parts], pa.int64()))
    content = pa.array(contents, pa.string())
    ids, parents, uri = _identities(rows, pa.array([part.ordinal for part in parts], pa.int32()))
    columns: dict[str, Any] = {
        "sample_id": ids,
        "parent_ids": parents,
        "uri": uri,
        "content_id": content_ids(content),
        "language_hint": _hints(rows, parts),
        "title": [_title(files[part.place], part) for part in parts],
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
    return batch_of(table, columns, [part.reason for part in parts])


def _read(original: Original, params: DocumentsParams) -> DocumentText:
    data = read_original(original)
    if compression := original.attributes.get("compression"):
        data = decompress(data, compression, params.most_bytes)
    # Of PDF, pictures are most; how large its file may be is its source's matter.
    if len(data) > params.most_bytes and original.media_type != PDF:
        raise RejectedError(f"{len(data)} bytes, more than {params.most_bytes}")
    return document_text(data, original.media_type, original.modality, original.language, params.least_confidence)


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


def _hints(rows: pa.RecordBatch, parts: list[_Part]) -> list[str]:
    """Return what sources and documents say of the language of each; code keeps its programming language."""
    columns = (rows.column(name).to_pylist() for name in ("language", "modality", "media_type"))
    return [
        language if modality == "code" else agreed_hint(language, _stated(part, media_type))
        for part, language, modality, media_type in zip(parts, *columns, strict=True)
    ]


def _stated(part: _Part, media_type: str) -> str:
    if part.read is not None and part.read.extracted is not None:
        return part.read.extracted.language
    return stated_language(part.content or "", media_type)


def _title(original: Original, part: _Part) -> str | None:
    if part.content is None:
        return None
    if original.attributes.get("title"):
        return original.attributes["title"]
    if part.read is not None and part.read.extracted is not None:
        return part.read.extracted.title
    if original.media_type not in ("text/html", "application/xhtml+xml"):
        return None
    match = _TITLE.search(part.content[:_TITLE_CHARACTERS])
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
