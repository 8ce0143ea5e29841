from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.licence_expression import agrees, joined, longest, own_reference, spdx

NAMES = st.sampled_from(
    ["MIT", "ISC", "GPL-2.0-only", "GPL-3.0-or-later", "LicenseRef-x", "Apache-2.0 WITH LLVM-exception"]
)
EXPRESSIONS = st.recursive(
    NAMES,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "or", "And"]), inner),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("mit", "MIT"),
        ("((MIT))", "MIT"),
        ("ISC and mit or gpl-2.0", "(ISC AND MIT) OR GPL-2.0-only"),
        ("MIT OR (ISC OR Zlib)", "MIT OR ISC OR Zlib"),
        ("GPL-2.0+ with Classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
        ("DocumentRef-a:LicenseRef-b", "DocumentRef-a:LicenseRef-b"),
        ("MIT WITH MIT", ""),
        ("MIT ISC", ""),
        ("MIT AND", ""),
        ("(MIT", ""),
        ("Nonesuch", ""),
        ("NOASSERTION", ""),
        ("(" * 3000, ""),
        ("MIT & ISC", ""),
    ],
)
def test_an_expression_is_written_as_spdx_writes_it(text, written):
    assert spdx(text) == written


@given(EXPRESSIONS)
def test_what_is_written_is_read_as_the_same_and_agrees_with_itself(text):
    written = spdx(text)
    assert written
    assert spdx(written) == written
    assert agrees(written, text)


@given(st.text(max_size=60))
def test_no_words_raise(text):
    spdx(text)
    longest(text)
    agrees(text, "MIT")
    assert spdx(own_reference(text))


@given(EXPRESSIONS, EXPRESSIONS)
def test_a_choice_agrees_where_one_of_it_does_and_a_conjunction_where_both_do(one, other):
    assert agrees(f"({one}) OR ({other})", "MIT") == (agrees(one, "MIT") or agrees(other, "MIT"))
    assert agrees(f"({one}) AND ({other})", "MIT") == (agrees(one, "MIT") and agrees(other, "MIT"))


@pytest.mark.parametrize(
    ("stated", "declared", "agreed"),
    [
        ("LGPL-2.0-or-later", "LGPL-2.1-only", True),
        ("LGPL-2.1-or-later", "LGPL-2.0-only", False),
        ("LGPL-2.1-or-later", "GPL-3.0-only", False),
        ("GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT", "MIT OR ISC", True),
        ("my words", "My words", True),
        ("my words", "MIT", False),
    ],
)
def test_versions_and_exceptions(stated, declared, agreed):
    assert agrees(stated, declared) is agreed


def test_expressions_are_joined_each_once():
    assert joined(["MIT", "ISC OR Zlib", "MIT"]) == "MIT AND (ISC OR Zlib)"
    assert joined(["MIT", ""]) == joined([]) == ""
