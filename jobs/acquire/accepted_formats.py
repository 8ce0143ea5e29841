"""What a source's folder may hold, for people: formats of files, how they land, and how records are declared."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.acquire.compression import SUFFIXES as COMPRESSED
from jobs.acquire.records.declaration import PICTURES, SOUNDS, SUFFIXES


@dataclass(frozen=True, slots=True)
class AcceptedFormat:
    """A format.

    Args:
        name: What it is called; of records, what a declaration calls it.
        suffixes: Suffixes of names by which it is known.
        lands: What becomes of a file.
        declare: What to write under ``records:``; empty where a file is one sample and nothing is declared.
    """

    name: str
    suffixes: tuple[str, ...]
    lands: str
    declare: str = ""


def _of(name: str) -> tuple[str, ...]:
    return tuple(suffix for suffix, format_ in SUFFIXES.items() if format_ == name)


DOCUMENTS = (
    AcceptedFormat("text", (".txt", ".md", ".rst", "(none)"), "one document, decoded to Unicode"),
    AcceptedFormat("HTML, XML", (".html", ".xhtml", ".xml"), "one document; cleaning removes the markup"),
    AcceptedFormat("PDF", (".pdf",), "one document, column by column; scanned pages are quarantined"),
    AcceptedFormat("manual page", (".1", ".3pm", ".8"), "one document, as it is shown; links are quarantined"),
    AcceptedFormat("gettext", (".po",), "one document of the translations"),
    AcceptedFormat("source code", (".py", ".c", ".go", ".js", "..."), "one document, with modality: code"),
    AcceptedFormat("picture", tuple(f".{one}" for one in PICTURES), "one picture, with modality: image and neighbour"),
    AcceptedFormat(
        "recording", tuple(f".{one}" for one in SOUNDS), "one utterance, with modality: speech and neighbour"
    ),
)
RECORDS = (
    AcceptedFormat("jsonl", _of("jsonl"), "each line, a JSON object", "{text: body, id: id}"),
    AcceptedFormat("json", (".json",), "each object of an array", "{text: body, id: id}"),
    AcceptedFormat("csv", _of("csv"), "each row below a header", "{text: body, id: id, encoding: utf-8}"),
    AcceptedFormat("tsv", _of("tsv"), "each row below a header", "{text: body}"),
    AcceptedFormat("parquet", _of("parquet"), "each row", "{text: text, id: id, language: meta.lang}"),
    AcceptedFormat("arrow", _of("arrow"), "each row of an Arrow IPC file or stream", "{text: text}"),
    AcceptedFormat("webdataset", _of("webdataset"), "members of one name", "{text: json.caption, media: [jpg, png]}"),
    AcceptedFormat("warc", _of("warc"), "each page, or each text of a WET file", "{}"),
    AcceptedFormat("huggingface", (), "each row of a dataset's folder", "{format: huggingface, text: text}"),
)

EXAMPLE = """\
sources:
  posts:
    connector: folder
    path: dumps
    include: ["*.jsonl.zst"]
    license: CC-BY-SA-4.0
    modality: text
    kind: forum
    language: en
    records: {text: body, id: id, title: subject, language: lang, license: licence, url: link, time: created}"""

NOTES = f"""\
Fields under records: text, id, title, language, license, url, time, media; a dot leads into a nested one (meta.lang).
Any file may be compressed: {", ".join(COMPRESSED)}. With an id, a record keeps its identity wherever it stands, and of
several with one id the first lands. What cannot be read is quarantined with its line or row: mixlake quarantine list.
A file of records that its source does not declare is refused; records: {{format: document}} lands text files whole."""
