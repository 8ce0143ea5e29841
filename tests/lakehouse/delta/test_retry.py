from __future__ import annotations

import pytest

from lakehouse.delta.retry import ATTEMPTS, retry
from lakehouse.errors import CollisionError


def test_a_step_is_repeated_until_it_returns_a_value():
    answers = iter([None, None, 0, 7])
    assert retry(lambda: next(answers), CollisionError("lost")) == 0
    assert next(answers) == 7


def test_false_is_a_value():
    assert retry(lambda: False, CollisionError("lost")) is False


@pytest.mark.parametrize(("attempts", "wanted"), [(None, ATTEMPTS), (3, 3)])
def test_after_the_last_attempt_the_conflict_is_raised(attempts, wanted):
    calls = []
    with pytest.raises(CollisionError, match="lost"):
        retry(lambda: calls.append(1), CollisionError("lost"), *([attempts] if attempts else []))
    assert len(calls) == wanted


def test_errors_of_a_step_are_passed_on():
    with pytest.raises(ZeroDivisionError):
        retry(lambda: 1 // 0, CollisionError("lost"))
