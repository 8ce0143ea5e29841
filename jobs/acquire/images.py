"""Pictures land in `bronze.images` with their captions and metadata, as received."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.original_file import FROM_FILE, by_size, originals, read_original
from jobs.acquire.pictures.decode import whole
from jobs.acquire.record_batch import batch_of
from jobs.acquire.record_samples import record_media, split_records
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import tagged
from schemas.identity import content_ids
from schemas.images import landed_images as table
from schemas.sources import LANDABLE

if TYPE_CHECKING:
    from PIL.Image import Image

_CAPTION = "caption:"
_VALUE_CHARACTERS = 1000
# Numbers of the directories within EXIF data (CIPA DC-008, 4.6.3).
_EXIF_DIRECTORY, _GPS_DIRECTORY = 0x8769, 0x8825


@dataclass(frozen=True, slots=True)
class ImagesParams:
    """What a picture may be.

    Args:
        most_pixels: Pixels above which a picture is refused before it is decoded.
    """

    most_pixels: int = 64_000_000


@flow(
    id="jobs.acquire.images.images",
    writes=table,
    reads={"files": tagged("files", columns=LANDABLE, where="ready and modality = 'image'")},
    params=ImagesParams,
    source_key_sql="coalesce(get(parent_ids, 0), sample_id)",
    batch_rows=32,
    batch_seconds=300,
    reject_tolerance=1.0,
    tags=["landing"],
)
def images(batch: pa.RecordBatch, params: ImagesParams) -> Iterator[pa.RecordBatch]:
    """Decode each picture once to check that it is complete, and keep its bytes.

    Args:
        batch: Rows of `bronze.files`, and of `bronze.record_files`.
        params: See `ImagesParams`.

    Yields:
        Rows of `bronze.images`. A picture that is gone, changed, empty, too large, cut off, damaged, or that Pillow
        cannot read is rejected.

    Raises:
        FlowError: If the whole folder of a source is gone.
    """
    whole, records = split_records(batch)
    for part in by_size(whole):
        yield _landed(part, params)
    yield from record_media(records, table, lambda data: _look(data, params), "image")


def _landed(batch: pa.RecordBatch, params: ImagesParams) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = []
    for original in originals(batch):
        spoken = sorted((k.removeprefix(_CAPTION), v) for k, v in original.attributes.items() if k.startswith(_CAPTION))
        row: dict[str, Any] = {"captions": spoken, "reject": None}
        try:
            with guarded("the picture cannot be read"):
                data = read_original(original)
                row["content_id"] = content_ids(pa.array([data], pa.binary()))[0].as_py()
                row |= _look(data, params)
                row["image"] = data  # not of a rejected row, of which only the digest is kept
        except RejectedError as rejected:
            row["reject"] = str(rejected)
        rows.append(row)
    made = ("captions", "format", "mode", "width", "height", "frames", "metadata", "content_id", "image")
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in made}
    columns |= {name: batch.column(name) for name in FROM_FILE}
    return batch_of(table, columns, [row["reject"] for row in rows])


def _look(data: bytes, params: ImagesParams) -> dict[str, Any]:
    """Return a picture's format, size, frames and metadata, having decoded all of it."""
    picture, frames = whole(data, params.most_pixels)
    return {
        "format": picture.format or "",
        "mode": picture.mode,
        "width": picture.width,
        "height": picture.height,
        "frames": frames,
        "metadata": sorted(_metadata(picture).items()),
    }


def _metadata(picture: Image) -> dict[str, str]:
    """Return EXIF as ``exif:NAME`` and ``gps:NAME``, and the text chunks of PNG and JPEG as ``text:NAME``."""
    from PIL import ExifTags

    fields: dict[str, str] = {}
    with contextlib.suppress(Exception):  # damaged EXIF data makes no bad picture, and Pillow raises what it likes
        exif = picture.getexif()
        _name(fields, "exif", dict(exif), ExifTags.TAGS)
        _name(fields, "exif", exif.get_ifd(_EXIF_DIRECTORY), ExifTags.TAGS)
        _name(fields, "gps", exif.get_ifd(_GPS_DIRECTORY), ExifTags.GPSTAGS)
    texts = {key: value for key, value in picture.info.items() if isinstance(key, str)}
    for key, value in {**texts, **getattr(picture, "text", {})}.items():
        if isinstance(value, str) or key == "comment":
            _put(fields, f"text:{key}", value)
    return fields


def _name(fields: dict[str, str], prefix: str, values: Mapping[int, Any], names: Mapping[int, str]) -> None:
    for number, value in values.items():
        if number not in (_EXIF_DIRECTORY, _GPS_DIRECTORY):
            _put(fields, f"{prefix}:{names.get(number, f'0x{number:04x}')}", value)


def _put(fields: dict[str, str], name: str, value: Any) -> None:
    """Add a value as text; bytes that are not text (makers' notes, thumbnails) are left out."""
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            return
    text = " ".join(str(part) for part in value) if isinstance(value, tuple) else str(value)
    text = text.replace("\0", " ").strip()
    if text and all(character.isprintable() or character in "\n\r\t" for character in text):
        fields[name] = text[:_VALUE_CHARACTERS]
