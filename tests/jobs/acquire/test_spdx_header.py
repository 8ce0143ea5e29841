from __future__ import annotations

import codecs
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.spdx_header import head_text, spdx_header

TAG = "SPDX-License-Identifier:"


@pytest.mark.parametrize(
    "comment",
    ["// {}", "/* {} */", "/** {} **/", " * {}", "# {}", "#!/bin/sh\n# {}", "-- {}", "; {}", ";;; {}", "% {}", "! {}", '" {}', "' {}", '.\\" {}', "'\\\" {}", ".. {}", "dnl {}", "REM {}", "@c {}", "C {}", "<!-- {} -->", "(* {} *)", "{{- {} -}}", "{{# {} #}}", "<%-- {} --%>", "<# {} #>", "#| {} |#", "--[[ {} ]]", '"""\nWords.\n\n{}\n"""', "'''{}'''", "=begin\n{}\n=end", "//{}", "# {} #", "/* Copyright 2020 Someone. {} */", "{}", "\n\n\n/*\n * {}\n */", "<?php // {}", "{{{{!-- {} --}}}}"],
)  # fmt: skip
def test_a_comment_in_any_language_states_it(comment):
    text = comment.format(f"{TAG} (gpl-2.0 or MIT)") + "\ncode()\n"
    assert spdx_header(text).license == "GPL-2.0-only OR MIT"


@pytest.mark.parametrize(
    "text",
    [
        f'x = "{TAG} MIT"',
        f'printf("// {TAG} MIT\\n");',
        f'HEADER = """\n# {TAG} MIT\n"""\n',
        f"const header = `\n// {TAG} MIT\n`;",
        f"cat <<EOF\n# {TAG} MIT\nEOF",
        f"Write `{TAG} MIT` into each file",
        f"# The tag {TAG} MIT is what REUSE asks for",
        f"// SPDX-SnippetBegin\n// {TAG} MIT\n// SPDX-SnippetEnd",
        f"# REUSE-IgnoreStart\n# {TAG} MIT\n# REUSE-IgnoreEnd",
        "code();\n" * 90 + f"// {TAG} MIT",
        "",
    ],
)
def test_what_is_about_something_else_states_nothing(text):
    assert spdx_header(text) is None


@pytest.mark.parametrize(
    ("value", "license_"),
    [
        ("GPL-2.0-only WITH Linux-syscall-note", "GPL-2.0-only WITH Linux-syscall-note"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("(MIT OR Apache-2.0) AND ISC", "(MIT OR Apache-2.0) AND ISC"),
        ("MIT (see the file COPYING)", "MIT"),
        ("MIT, and see COPYING", "MIT"),
        ("LicenseRef-mine", "LicenseRef-mine"),
        ("Nonesuch-1.0", ""),
        ("MIT OR Nonesuch", ""),
        ("", ""),
    ],
)
def test_a_value_is_an_expression_or_none(value, license_):
    assert spdx_header(f"// {TAG} {value}").license == license_


def test_an_expression_goes_on_in_the_next_line_and_tags_hold_together():
    assert (
        spdx_header(f"/*\n * {TAG} (GPL-2.0-only OR\n *   BSD-3-Clause)\n */").license == "GPL-2.0-only OR BSD-3-Clause"
    )
    found = spdx_header(f"// {TAG} MIT\n// {TAG} ISC")
    assert found.license == "MIT AND ISC"
    assert found.words == "line 1: SPDX-License-Identifier: MIT; line 2: SPDX-License-Identifier: ISC"


def test_pages_state_it_in_comments_alone_and_prose_not_in_examples():
    page = f"<html>\n<!--\n{TAG} MIT\n-->\n<p>{TAG} ISC</p>"
    assert spdx_header(page, "text/html").license == "MIT"
    assert "line 3" in spdx_header(page, "text/html").words
    assert spdx_header(f"<p>{TAG} ISC</p>", "text/html") is None
    assert spdx_header(f"# Title\n```c\n// {TAG} ISC\n```\n", "text/markdown") is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "latin-1"])
def test_a_head_is_read_in_its_encoding(encoding):
    mark = {
        "utf-8": codecs.BOM_UTF8,
        "utf-16-le": codecs.BOM_UTF16_LE,
        "utf-16-be": codecs.BOM_UTF16_BE,
        "utf-32-le": codecs.BOM_UTF32_LE,
    }
    data = mark.get(encoding, b"") + f"// é {TAG} x\n// {TAG} MIT\n".encode(encoding)
    assert spdx_header(head_text(data)).license == "MIT"


def test_a_compressed_head_is_read_and_a_damaged_one_is_not():
    data = gzip.compress(f"# {TAG} MIT\n".encode())
    assert spdx_header(head_text(data)).license == "MIT"
    assert head_text(b"\x1f\x8b" + b"x" * 40) == ""


@given(st.binary(max_size=300))
def test_no_bytes_raise(data):
    spdx_header(head_text(data + b"\n// SPDX-License-Identifier: " + data))
