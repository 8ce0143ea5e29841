from __future__ import annotations

import gzip

import pytest

from jobs.acquire.media_types import media_type, programming_language


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.html", b"<html>", "text/html"),
        ("README", b"hello", "text/plain"),
        ("a.py", b"import os", "text/x-python"),
        ("a.unknown", b"hello", "application/octet-stream"),
        ("photo.txt", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a", b"RIFF\x24\x08\x00\x00WAVE", "audio/wav"),
        ("a", b"RIFF\x24\x08\x00\x00WEBP", "image/webp"),
        ("a.ogg", b"", "audio/ogg"),
        ("a.JPG", b"text", "image/jpeg"),
    ],
)
def test_first_bytes_come_before_the_name(name, head, kind):
    assert media_type(name, head) == (kind, "")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff", "image/gif"),
        (b"GIF87a  \x20\x20\xf7\x00\x00abcd", "image/gif"),
        (b"OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00ab", "audio/ogg"),
        (b"fLaC\x00\x00\x00\x22\x10\x00\x10\x00", "audio/flac"),
        (b"ID3\x04\x00\x00\x00\x00\x02\x01TSSE", "audio/mpeg"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
        (b"%PDF-1.4\r1 0 obj", "application/pdf"),
    ],
)
def test_a_signature_of_letters_counts_where_its_format_goes_on(head, kind):
    assert media_type("file.txt", head) == (kind, "")


@pytest.mark.parametrize(
    "text",
    [
        "GIF89a is a format of 1989", "GIF87a\nwas before", "GIF89a — die Farben", "OggS begins each page", "fLaC: the marker of a stream",
        "ID3 tags stand in front", "ID3\ttags", "%PDF-1.7 is the header of", "%PDF- begins it", "RIFF is WAVE and AVI", "RIFF/the/WAVE",
    ],
)  # fmt: skip
def test_a_text_may_begin_with_the_letters_of_a_signature(text):
    assert media_type("notes.md", text.encode()[:16]) == ("text/markdown", "")


def test_what_is_compressed_has_the_type_of_what_is_inside():
    assert media_type("a.html.gz", gzip.compress(b"x")) == ("text/html", "gzip")


def test_programming_languages():
    assert [programming_language(kind) for kind in ("text/x-c", "text/x-perl", "text/html")] == ["c", "perl", "und"]
