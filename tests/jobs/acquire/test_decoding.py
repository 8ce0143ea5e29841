from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.acquire.decoding import decode
from jobs.acquire.original_file import RejectedError

TEXT = "Grüße, 世界"


ENGLISH = (
    "The garden behind the house was quiet in the evening, and the children sat under the old tree and read. "
    "“Nobody”, said the elder one, “will find us here” – and he was right: the café across the street was closed."
)
GERMAN = (
    "Im Frühjahr öffnet der Müller die Schleuse, und das Wasser fließt über die Wiesen bis zum Dorf. Früher "
    "hörte man das Mühlrad schon von weitem; heute läuft dort eine kleine Turbine für die Straßenbeleuchtung."
)
RUSSIAN = (
    "Вечером в саду за домом было тихо, и дети сидели под старым деревом и читали. Никто нас здесь не найдёт, "
    "сказал старший и был прав, потому что кафе на другой стороне улицы давно закрылось."
)
CHINESE = "傍晚的花园里很安静，孩子们坐在老树下看书。没有人会在这里找到我们，年长的那个说，他说得对，因为街对面的咖啡馆早就关门了。"
TAIWAN = "傍晚的花園裡很安靜，孩子們坐在老樹下看書。沒有人會在這裡找到我們，年長的那個說，他說得對，因為街對面的咖啡館早就關門了。"
JAPANESE = "夕方、家の裏の庭は静かで、子どもたちは古い木の下に座って本を読んでいた。ここなら誰にも見つからないと年上の子が言った。"
KOREAN = "저녁이 되자 집 뒤 정원은 조용했고 아이들은 오래된 나무 아래에 앉아 책을 읽었다. 여기서는 아무도 우리를 찾지 못할 것이라고 형이 말했다."


def found(data, media_type="text/plain", language="und"):
    decoded = decode(data, media_type, language)
    return decoded.text, decoded.encoding


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_decides(encoding):
    decoded = decode(TEXT.encode(encoding), "text/plain", "und")
    assert (decoded.text, decoded.method, decoded.confidence, decoded.replaced) == (TEXT, "mark", 1.0, 0)
    assert decoded.encoding.startswith(encoding.removesuffix("-sig"))


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1))
def test_utf8_comes_back_as_it_was(text):
    if not text.startswith("\ufeff") and "~{" not in text:
        assert found(text.encode()) == (text, "utf-8")


@pytest.mark.parametrize(
    ("data", "media_type", "encoding"),
    [
        ('<meta charset="gb2312"><p>世界'.encode("gbk"), "text/html", "gb18030"),
        ("<meta http-equiv=x content='text/html; charset=ISO-8859-1'>Grüße".encode("latin-1"), "text/html", "cp1252"),
        ('<?xml version="1.0" encoding="koi8-r"?><p>мир</p>'.encode("koi8-r"), "application/xml", "koi8-r"),
        ("# -*- coding: latin-1 -*-\n# Grüße\n".encode("latin-1"), "text/x-python", "cp1252"),
        ("#!/bin/py\n# vim: set fileencoding=euc-jp :\n# 世界\n".encode("euc-jp"), "text/x-python", "euc_jp"),
        ("# encoding: gbk\n# 世界\n".encode("gbk"), "text/x-ruby", "gb18030"),
    ],
)
def test_a_declaration_decides(data, media_type, encoding):
    decoded = decode(data, media_type, "und")
    assert (decoded.encoding, decoded.method, decoded.note) == (encoding, "declared", None)
    assert any(word in decoded.text for word in ("Grüße", "世界", "мир"))


@pytest.mark.parametrize(
    "label", ["undefined", "punycode", "unicode_escape", "idna", "utf-7", "charmap", "base64", "hz"]
)
def test_a_label_that_is_none_is_ignored_with_a_note(label):
    text = f'<meta charset="{label}">{TEXT} C:\\new\\x41'
    decoded = decode(text.encode(), "text/html", "und")
    assert (decoded.text, decoded.encoding) == (text, "utf-8")
    assert label in decoded.note


def test_a_declaration_that_contradicts_the_bytes_loses_with_a_note():
    for label, text, encoding in (
        ("utf-16", TEXT, "utf-8"),
        ("iso-2022-jp", TEXT, "utf-8"),
        ("windows-1252", RUSSIAN, "utf-8"),
        ("windows-1251", RUSSIAN, "koi8-r"),
        ("utf-8", GERMAN, "cp1252"),
    ):
        page = f'<meta charset="{label}"><p>{text}'
        decoded = decode(page.encode(encoding), "text/html", "und")
        assert (decoded.text, decoded.encoding) == (page, encoding), label
        assert label in decoded.note


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *((ENGLISH, name) for name in ("cp1252", "mac_roman", "utf-16-le", "utf-16-be", "utf-32-le")),
        *((GERMAN, name) for name in ("cp1252", "cp850", "mac_roman", "utf-16-le")),
        *((RUSSIAN, name) for name in ("cp1251", "koi8-r", "cp866", "iso8859-5", "utf-16-be")),
        *((CHINESE, name) for name in ("gb18030", "hz")),
        (TAIWAN, "big5hkscs"),
        *((JAPANESE, name) for name in ("cp932", "euc_jp", "iso2022_jp")),
        *((KOREAN, name) for name in ("cp949", "johab", "iso2022_kr")),
    ],
)  # fmt: skip
def test_what_declares_nothing_is_read_as_the_likeliest_text(text, encoding):
    data = text.encode(encoding)
    for language in ("und", "c"):
        decoded = decode(data, "text/plain", language)
        assert decoded.text == text
        assert decoded.confidence >= 0.95
    code = f"int dot(int a)\n{{\n    /* {text} */\n    return a;\n}}\n"
    assert decode(code.encode(encoding), "text/x-c", "c").text == code


def test_a_hint_narrows_the_candidates_but_statistics_tell_the_encodings_of_one_language_apart():
    assert found(TAIWAN.encode("big5"), language="zh") == (TAIWAN, "big5hkscs")
    assert found(CHINESE.encode("gbk"), language="zh-TW") == (CHINESE, "gb18030")
    assert found("Größe und Länge".encode("latin-1"), language="de") == ("Größe und Länge", "cp1252")


def test_stray_bytes_in_utf8_are_replaced_and_counted_and_no_other_encoding():
    for stray in (b"\xa9", b"\xff", b"\xe2\x80"):
        decoded = decode(RUSSIAN.encode() + stray + b" 2001\n" + GERMAN.encode(), "text/plain", "und")
        assert (decoded.encoding, decoded.replaced) == ("utf-8", 1)
        assert decoded.text == f"{RUSSIAN}\ufffd 2001\n{GERMAN}"
    few = decode("A café is a place, and ".encode() + b"\xa9 2001 is a year of which we tell", "text/plain", "en")
    assert (few.encoding, few.replaced) == ("utf-8", 1)
    whole = decode("a \ufffd stands in it, é".encode(), "text/plain", "und")
    assert whole.replaced == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"abc\0def", "not text: NUL at byte 3"),
        (bytes(range(1, 256)) * 4, "not text: .* control characters"),
        ("ü".encode("latin-1"), r"in no encoding for certain: \w+ 0\.\d\d, \w+"),
        (b"\xef\xbb\xbfabc\xff\xfe\xfd", "not utf-8, as its byte order mark says"),
        (b"\xff\xfea\0\0\0", "NUL characters"),
    ],
)
def test_what_is_no_text_is_rejected_with_the_reason(data, words):
    with pytest.raises(RejectedError, match=words):
        decode(data, "text/plain", "und")


def test_random_bytes_are_refused():
    data = bytes(np.random.default_rng(7).integers(0x20, 0x100, 4000, np.uint8))
    with pytest.raises(RejectedError):
        decode(data, "text/plain", "und")


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["zh", "ja", "de", "und"]))
def test_any_bytes_are_text_or_rejected(data, language):
    with contextlib.suppress(RejectedError):
        decode(data, "text/html", language).text.encode("utf-8")


def test_a_large_file_is_judged_by_its_lines_that_are_not_ascii():
    code = "int a = 1;\n" * 20_000 + f"/* {RUSSIAN} */\n"
    assert found(code.encode("koi8-r"), "text/x-c") == (code, "koi8-r")
