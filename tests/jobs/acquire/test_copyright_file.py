from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.copyright_file import parse_copyright

HEAD = "Format: copyright-format/1.0\n"
FILE = f"""\
# A comment,
#
# of five
# lines
# and more.

{HEAD}Upstream-Name: thing

Files:
 *
Copyright: me
License:
 GPL-2+
 This program is free.
 .
 License: no field, but text

# Between.
Files: src/*.c
       include/a?c.h
Copyright: you
License: Expat

Files: src/deep/*
License: BSD-3-clause

License: Expat
 The text.

Files: src/deep/odd\\*name README
License: own words
"""


@pytest.mark.parametrize(
    ("path", "license_"),
    [
        ("COPYING", "GPL-2.0-or-later"),
        ("src/a.c", "MIT"),
        ("src/b/c.c", "MIT"),
        ("src/a.h", "GPL-2.0-or-later"),
        ("include/abc.h", "MIT"),
        ("include/abbc.h", "GPL-2.0-or-later"),
        ("src/deep/x.c", "BSD-3-Clause"),
        ("src/deep/odd*name", "LicenseRef-own-words"),
        ("src/deep/oddXname", "BSD-3-Clause"),
        ("README", "LicenseRef-own-words"),
        ("doc/README", "GPL-2.0-or-later"),
        ("a.src/a.c", "GPL-2.0-or-later"),
    ],
)
def test_the_last_stanza_that_matches_counts(path, license_):
    for text in (
        FILE,
        FILE.replace("\n", "\r\n"),
        "\ufeff" + FILE,
        "\n\n" + FILE,
        FILE.replace("Files:", "FILES :".replace(" ", "")),
    ):
        assert parse_copyright(text).of(path).license == license_


@pytest.mark.parametrize(
    ("path", "license_"),
    [
        ("usr/src/thing-1.0/src/a.c", "MIT"),
        ("usr/src/thing-1.0/a.c", "GPL-2.0-or-later"),
        ("usr/share/thing/src/deep/x", "BSD-3-Clause"),
        ("usr/share/doc/thing/README", "LicenseRef-own-words"),
        ("usr/include/abc.h", "MIT"),
    ],
)
def test_of_an_installed_file_a_tail_of_its_path_matches(path, license_):
    assert parse_copyright(FILE).of(path, installed=True).license == license_


def test_leading_folders_of_a_pattern_may_be_gone_where_it_is_installed():
    text = (
        HEAD
        + "\nFiles: *\nLicense: ISC\n\nFiles: lib/Thing/public/*\nLicense: MIT\n\nFiles: debian/*\nLicense: GPL-3\n"
    )
    parsed = parse_copyright(text)
    assert parsed.of("usr/share/perl5/Thing/public/a.css", installed=True).license == "MIT"
    assert parsed.of("usr/share/perl5/Thing/a.pm", installed=True).license == "ISC"
    assert parsed.of("Thing/public/a.css").license == "ISC"


def test_what_is_not_in_the_format_is_none():
    assert parse_copyright("This package is free.\n\nLicense: MIT\n") is None
    assert parse_copyright("") is None
    assert parse_copyright(HEAD).stanzas == ()


def test_the_head_may_state_the_licence_of_the_whole():
    text = HEAD + "License: Expat\n\nFiles: a\nLicense: GPL-3\n"
    assert parse_copyright(text).whole().license == "MIT"
    assert parse_copyright(text).of("b") is None


@given(st.text(max_size=300))
def test_no_text_raises(text):
    for whole in (text, HEAD + text, HEAD + "\nFiles: " + text + "\nLicense: " + text):
        parsed = parse_copyright(whole)
        if parsed:
            parsed.whole()
            for installed in (True, False):
                stanza = parsed.of("usr/share/a/b", installed=installed)
                assert stanza is None or stanza.license
