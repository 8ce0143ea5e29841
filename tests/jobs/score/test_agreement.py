from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.score.agreement import agreement, require_model
from lakehouse.errors import ConfigError

WORDS = st.text(max_size=30)


@given(WORDS, WORDS)
def test_agreement_is_a_symmetric_share(one: str, other: str) -> None:
    found = agreement(one, other)
    assert 0.0 <= found <= 1.0
    assert found == agreement(other, one)
    assert agreement(one, one) == 1.0


def test_signs_and_case_do_not_count() -> None:
    assert agreement("Wait, what?!", "wait what") == 1.0
    assert agreement("A frog.", "Frog!") == pytest.approx(0.8)
    assert agreement("银行行长", "银行") == pytest.approx(0.5)
    assert agreement("hello", "") == 0.0


def test_a_folder_without_a_model_is_named(tmp_path: os.PathLike[str]) -> None:
    with pytest.raises(ConfigError, match=r"holds no model\.bin"):
        require_model(str(tmp_path))
