"""Recognise files of records in a source that declares none: not the file, but each line or row is a sample."""

from __future__ import annotations

import json
import re

from jobs.acquire.records.declaration import named_format

_MAGIC = ((b"PAR1", "parquet"), (b"ARROW1\0\0", "arrow"), (b"WARC/1.", "warc"))
_ARRAY = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\{\s*\"[^\"\\]*\"\s*:")
_LINES = 3
_AS_DOCUMENT = ("jsonl", "json", "csv", "tsv")


def undeclared(name: str, head: bytes, modality: str = "text") -> str:
    r"""Return why a file of a source that declares no records is refused; empty where it is not one of records.

    Args:
        name: Its name.
        head: Its first bytes, as they are.
        modality: What its source declares; among code, JSON is code.

    >>> undeclared("notes.txt", b"A note."), undeclared("log.txt", b'{"a": 1}\n{"a": 2}\n{"a"')[:26]
    ('', 'it holds records (jsonl), ')
    """
    format_ = named_format(name)
    format_ = format_ or next((kind for magic, kind in _MAGIC if head.startswith(magic)), "")
    if modality == "text":
        format_ = format_ or ("jsonl" if _is_json_lines(head) else "json" if _ARRAY.match(head) else "")
    if not format_:
        return ""
    by_name = "" if named_format(name) else f"format: {format_}, "
    field = {"webdataset": "txt", "warc": "text"}.get(format_, "FIELD")
    words = (
        f"it holds records ({format_}), which its source does not declare: add records: {{{by_name}text: {field}}} "
        "(mixlake sources formats shows how)"
    )
    if format_ in _AS_DOCUMENT:
        words += ", or records: {format: document} where each file is one document"
    return words


def _is_json_lines(head: bytes) -> bool:
    """Whether the first lines are each an object of JSON."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    lines = [line for line in head.split(b"\n")[:-1] if line.strip()][:_LINES]
    try:
        return len(lines) > 1 and all(isinstance(json.loads(line), dict) for line in lines)
    except (ValueError, RecursionError):
        return False
