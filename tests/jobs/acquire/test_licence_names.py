from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.licence_expression import spdx
from jobs.acquire.licence_names import debian_spdx, named_spdx


@pytest.mark.parametrize(
    ("name", "license_"),
    [
        ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
        ("LGPL-2+", "LGPL-2.0-or-later"),
        ("GPL-2+ or LGPL-3+ and Expat", "GPL-2.0-or-later OR (LGPL-3.0-or-later AND MIT)"),
        ("Artistic or GPL-1+, and Expat", "(Artistic-1.0 OR GPL-1.0-or-later) AND MIT"),
        ("GPL-2+ and/or MIT", "GPL-2.0-or-later OR MIT"),
        ("GPL", "GPL-1.0-or-later"),
        ("BSD", ""),
        ("", ""),
    ],
)
def test_names_of_debian(name, license_):
    assert debian_spdx(name) == license_


@pytest.mark.parametrize(
    ("words", "license_"),
    [
        ("MIT License", "MIT"),
        ("The Apache License, Version 2.0", "Apache-2.0"),
        ("Apache 2.0", "Apache-2.0"),
        ("GPLv3", "GPL-3.0-only"),
        ("GPL v2 or later", "GPL-2.0-or-later"),
        ("GNU LGPLv2.1+", "LGPL-2.1-or-later"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
        ("Mozilla Public License 2.0", ""),
        ("see LICENSE", ""),
    ],
)
def test_words_of_metadata(words, license_):
    assert named_spdx(words) == license_


@given(st.text(alphabet="GPLMIT or,and+-.0123 withBSD", max_size=40))
def test_what_is_made_is_an_expression(name):
    for made in (debian_spdx(name), named_spdx(name)):
        assert made == "" or spdx(made) == made
