from __future__ import annotations

import contextlib
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.decoding import decode, gunzip
from jobs.acquire.original_file import RejectedError

TEXT = "Grüße, 世界"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_decides(encoding):
    text, found = decode(TEXT.encode(encoding), "text/plain", "und")
    assert text == TEXT
    assert found.startswith(encoding.removesuffix("-sig"))


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1))
def test_utf8_comes_back_as_it_was(text):
    if not text.startswith("\ufeff"):
        assert decode(text.encode(), "text/plain", "und") == (text, "utf-8")


@pytest.mark.parametrize(
    ("data", "media_type", "language", "modality", "encoding"),
    [
        ('<meta charset="gb2312"><p>世界'.encode("gbk"), "text/html", "und", "text", "gb18030"),
        (
            "<meta http-equiv=x content='text/html; charset=ISO-8859-1'>Grüße".encode("latin-1"),
            "text/html",
            "und",
            "text",
            "cp1252",
        ),
        (
            '<?xml version="1.0" encoding="koi8-r"?><p>мир</p>'.encode("koi8-r"),
            "application/xml",
            "und",
            "text",
            "koi8-r",
        ),
        ("# -*- coding: latin-1 -*-\n# Grüße\n".encode("latin-1"), "text/x-python", "python", "code", "cp1252"),
        (
            "#!/usr/bin/python\n# vim: set fileencoding=euc-jp :\n# 世界\n".encode("euc-jp"),
            "text/x-python",
            "python",
            "code",
            "euc_jp",
        ),
        ("世界你好".encode("gb18030"), "text/plain", "zh-CN", "text", "gb18030"),
        ("世界你好".encode("big5"), "text/plain", "zh-TW", "text", "big5hkscs"),
        ("世界".encode("iso2022_jp"), "text/plain", "ja", "text", "iso2022_jp"),
        ("世界".encode("shift_jis"), "text/plain", "ja", "text", "cp932"),
        ("안녕".encode("euc-kr"), "text/plain", "ko-KR", "text", "cp949"),
        ("Grüße".encode("latin-1"), "text/plain", "de-AT", "text", "cp1252"),
        ("/* Grüße */".encode("latin-1"), "text/x-c", "c", "code", "cp1252"),
    ],
)
def test_declared_or_suggested_encodings(data, media_type, language, modality, encoding):
    text, found = decode(data, media_type, language, modality)
    assert found == encoding
    assert any(word in text for word in ("Grüße", "世界", "мир", "안녕"))


def test_a_false_declaration_falls_back_to_utf8():
    assert decode(f'<meta charset="ascii-art">{TEXT}'.encode(), "text/html", "und")[1] == "utf-8"
    assert decode(f'<meta charset="utf-16">{TEXT}'.encode(), "text/html", "und")[1] == "utf-8"
    assert decode(f'<meta charset="iso-2022-jp">{TEXT}'.encode(), "text/html", "und")[1] == "utf-8"
    assert decode(f'<meta charset="base64">{TEXT}'.encode(), "text/html", "und")[1] == "utf-8"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"abc\0def", "not text: NUL at byte 3"),
        (bytes(range(1, 256)) * 4, "not text: .* control characters"),
        ("Grüße".encode("latin-1"), r"not text in utf-8 \(byte 2\), and nothing says what it is in"),
        ("мир".encode("cp1251"), "nothing says what it is in"),
        (b"\xef\xbb\xbfabc\xff", "not utf-8, as its byte order mark says, at byte 3"),
        (b"\xff\xfea\0\0\0", "NUL characters"),
    ],
)
def test_what_is_no_text_is_rejected_with_the_reason(data, words):
    with pytest.raises(RejectedError, match=words):
        decode(data, "text/plain", "ru")


@given(st.binary(max_size=200), st.sampled_from(["zh", "ja", "de", "und"]))
def test_any_bytes_are_text_or_rejected(data, language):
    with contextlib.suppress(RejectedError):
        decode(data, "text/html", language)[0].encode("utf-8")


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=3))
def test_gunzip_reads_all_members(parts):
    assert gunzip(b"".join(gzip.compress(part) for part in parts), 1000) == b"".join(parts)


def test_gunzip_does_not_look_at_all_that_is_left_for_each_of_many_members():
    assert gunzip(gzip.compress(b"x") * 20_000, 1 << 20) == b"x" * 20_000


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(b"x" * 10_000), "holds more than 1000 bytes"),
        (gzip.compress(b"abcdef" * 20)[:-9], "cut off"),
        (b"\x1f\x8bnonsense" * 4, "damaged"),
    ],
    ids=["too large", "cut off", "damaged"],  # of its own words: a gzip stream holds the time it was made
)
def test_gunzip_refuses(data, words):
    with pytest.raises(RejectedError, match=words):
        gunzip(data, 1000)
