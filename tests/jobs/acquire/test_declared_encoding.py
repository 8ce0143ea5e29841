from __future__ import annotations

import pytest

from jobs.acquire.declared_encoding import codec_of, declared_encoding


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("UTF8", "utf-8"), ("latin1", "cp1252"), ("iso-8859-1", "cp1252"), ("us-ascii", "cp1252"),
        ("x-sjis", "cp932"), ("windows-31j", "cp932"), ("x-gbk", "gb18030"), ("gb2312", "gb18030"), ("ks_c_5601-1987", "cp949"),
        ("iso-8859-8-i", "iso8859-8"), ("dos-874", "cp874"), ("x-mac-cyrillic", "mac_cyrillic"), ("ibm866", "cp866"),
        ("undefined", ""), ("punycode", ""), ("unicode_escape", ""), ("raw_unicode_escape", ""), ("idna", ""), ("utf-7", ""),
        ("hz", ""), ("hz-gb-2312", ""), ("iso-2022-kr", ""), ("charmap", ""), ("rot13", ""), ("utf-16", ""), ("mbcs", ""),
        ("x-user-defined", ""), ("", ""), ("\\ufffd", ""),
    ],
)  # fmt: skip
def test_labels_are_those_of_the_whatwg_standard(label, codec):
    assert codec_of(label) == codec
    if codec:
        assert b"a".decode(codec) == "a"


@pytest.mark.parametrize(
    ("data", "media_type", "codec"),
    [
        (b"#!/usr/bin/ruby\n# encoding: gbk\n", "text/x-ruby", "gb18030"),
        (b"# -*- coding: euc-jp-unix -*-\n", "text/x-shellscript", "euc_jp"),
        (b"/* -*- mode: c; coding: koi8-r -*- */\n", "text/x-c", "koi8-r"),
        (b"# vim: set fenc=cp1251 :\n", "text/x-perl", "cp1251"),
        (b"int a;\n" * 50 + b"/* vim: ts=4 fileencoding=sjis */\n", "text/x-c", "cp932"),
        (b'@charset "windows-1250";\nbody {}', "text/css", "cp1250"),
        (b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=ISO-8859-2\\n"\n', "text/x-po", "iso8859-2"),
        (b"use strict;\nuse encoding 'euc-jp';\n", "text/x-perl", "euc_jp"),
        (b"\\documentclass{article}\n\\usepackage[latin1]{inputenc}\n", "text/x-tex", "cp1252"),
        (b'<?xml version="1.0" encoding="Shift_JIS"?>', "application/xml", "cp932"),
        (b"<html><meta content='text/html; charset=big5'>", "text/html", "big5hkscs"),
        (b"print 1\nprint 2\n# coding: gbk\n", "text/x-python", ""),
        (b"the encoding: gbk is described here\n", "text/plain", ""),
        (b"# -*- coding: undefined -*-\n", "text/x-python", ""),
        (b'x = "<meta charset=gbk>"\n', "text/x-python", ""),
    ],
)
def test_declarations(data, media_type, codec):
    assert declared_encoding(data, media_type)[0] == codec
