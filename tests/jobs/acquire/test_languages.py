from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.acquire.languages import bcp47


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("en", "en"),
        ("en_GB.UTF-8", "en-GB"),
        ("zh-cn", "zh-CN"),
        ("zh_Hant_TW", "zh-Hant-TW"),
        ("sr@latin", "sr-Latn"),
        ("ca@valencia", "ca-valencia"),
        ("cmn_hans", "zh-Hans"),
        ("uig_arab", "ug-Arab"),
        ("yue", "yue"),
        ("roh", "rm"),
        ("por_BR", "pt-BR"),
        ("es_419", "es-419"),
        ("007", "und"),
        ("", "und"),
        ("english", "und"),
    ],
)
def test_tags(name, tag):
    assert bcp47(name) == tag


@given(st.text(max_size=30))
def test_whatever_is_said_a_tag_comes_out(name):
    assert re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", bcp47(name))
