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
        ("a", b"RIFF....WAVE", "audio/wav"),
        ("a", b"RIFF....WEBP", "image/webp"),
        ("a.ogg", b"", "audio/ogg"),
        ("a.JPG", b"text", "image/jpeg"),
    ],
)
def test_first_bytes_come_before_the_name(name, head, kind):
    assert media_type(name, head) == (kind, "")


def test_what_is_compressed_has_the_type_of_what_is_inside():
    assert media_type("a.html.gz", gzip.compress(b"x")) == ("text/html", "gzip")


def test_programming_languages():
    assert [programming_language(kind) for kind in ("text/x-c", "text/x-perl", "text/html")] == ["c", "perl", "und"]
