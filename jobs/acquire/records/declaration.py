"""What a source declares of its records: their format, and which field is what."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, cast

from jobs.acquire.compression import SUFFIXES as COMPRESSED

RecordFormat = Literal[
    "by-name", "jsonl", "json", "csv", "tsv", "parquet", "arrow", "webdataset", "warc", "huggingface", "document"
]
Relation = Literal["verbatim", "caption", "title"]

# Formats of records by the suffix of a file's name, without that of its compression.
SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".tar": "webdataset",
    ".tgz": "webdataset",
    ".warc": "warc",
    ".wet": "warc",
    ".wat": "warc",
}
# Files of a dataset's folder that hold none of its rows.
BESIDE_ROWS = (
    "README.md", "LICENSE*", ".*", ".*/**", "**/.*", "**/dataset_info.json", "dataset_infos.json",
    "**/dataset_dict.json", "**/state.json", "**/cache-*.arrow", "**/tmp*.arrow",
)  # fmt: skip

PICTURES = ("jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp")
SOUNDS = ("wav", "flac", "mp3", "ogg", "opus")

_FIELDS = {
    "webdataset": {"text": "txt", "id": "__key__"},
    "warc": {
        "text": "text",
        "id": "WARC-Record-ID",
        "url": "WARC-Target-URI",
        "time": "WARC-Date",
        "language": "WARC-Identified-Content-Language",
    },
}
_MEDIA = {"image": "image", "speech": "audio"}


@dataclass(frozen=True, slots=True)
class Records:
    """How the files of a source hold records, one sample each.

    A field is the name of a column, of a key of JSON, of a member's suffix in a WebDataset or of a WARC header; a dot
    leads into a nested one (``meta.lang``). A field left empty is not read, but for those that a format fixes.

    Args:
        format: "by-name": by the suffix of each file's name; "jsonl": one JSON object a line; "json": an array of
            objects; "csv", "tsv": a header,
            then rows; "parquet"; "arrow": Arrow IPC, files and streams; "webdataset": tar files; "warc": WARC and WET;
            "huggingface": a dataset's folder, each file by its name; "document": each file is one document, after all.
        text: The text, the transcript or the caption; by default "text", of a WebDataset "txt".
        id: What names a record within its source; empty where its file, place and content do.
        title: Its title.
        language: Its language: a BCP 47 tag or an ISO 639 code.
        license: Its licence, as an SPDX expression or a name that is commonly used for one.
        url: Where it was published.
        time: When it was published: ISO 8601, RFC 5322, or seconds since 1970.
        media: For pictures and recordings: the field of the bytes, the first that a record has; by default "image" or
            "audio", of a WebDataset the usual suffixes. Bytes, an object with bytes, or Base64.
        media_type: IANA media type of the text, such as text/html.
        relation: For recordings: what the text is to the sound.
        encoding: For CSV and TSV: the encoding.
        delimiter: For CSV and TSV: the character between fields; by default a comma or a tab.
        max_bytes: Size above which a record is refused.
    """

    format: RecordFormat = "by-name"
    text: str = ""
    id: str = ""
    title: str = ""
    language: str = ""
    license: str = ""
    url: str = ""
    time: str = ""
    media: tuple[str, ...] = ()
    media_type: str = "text/plain"
    relation: Relation = "caption"
    encoding: str = "utf-8-sig"
    delimiter: str = ""
    max_bytes: int = 32 << 20

    def format_of(self, name: str) -> str:
        """Return the format of a file; empty where its name says none."""
        if self.format not in ("by-name", "huggingface"):
            return self.format
        # Of a source without records, a file of this name is a document.
        return named_format(name, {**SUFFIXES, ".json": "json"})

    def resolved(self, name: str, modality: str) -> Records:
        """Return the declaration for one file: with its format, and with the fields that the format fixes."""
        format_ = self.format_of(name)
        fields: dict[str, Any] = {
            field: value for field, value in _FIELDS.get(format_, {"text": "text"}).items() if not getattr(self, field)
        }
        if modality in _MEDIA and not self.media:
            found = {"webdataset": PICTURES if modality == "image" else SOUNDS, "warc": ("content",)}
            fields["media"] = found.get(format_, (_MEDIA[modality],))
        if not self.delimiter:
            fields["delimiter"] = "\t" if format_ == "tsv" else ","
        return dataclasses.replace(self, **fields, format=cast("RecordFormat", format_))

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that are read."""
        named = (self.text, self.id, self.title, self.language, self.license, self.url, self.time, *self.media)
        return tuple(dict.fromkeys(name for name in named if name))

    def to_json(self) -> str:
        """Return the declaration as JSON, keys sorted."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Records:
        """Return the declaration that `to_json` wrote."""
        said = json.loads(text)
        return cls(**said | {"media": tuple(said["media"])})


def named_format(name: str, suffixes: Mapping[str, str] = SUFFIXES) -> str:
    """Return the format of records that a file's name says; empty where it says none.

    Args:
        name: Its name.
        suffixes: Formats by suffix, in lower case.

    >>> named_format("a/b.jsonl.zst"), named_format("CC-MAIN.warc.wet.gz"), named_format("notes.txt.gz")
    ('jsonl', 'warc', '')
    """
    path = PurePosixPath(name.lower())
    if path.suffix in COMPRESSED:
        path = path.with_suffix("")
    return suffixes.get(path.suffix, "")
