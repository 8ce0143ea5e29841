from __future__ import annotations

import pytest

from lakehouse.declare.check import Check
from lakehouse.errors import ContractError


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ({"sql": ""}, "condition is ''"),
        ({"sql": None}, "condition is None"),
        ({"name": " "}, "name is ' '"),
        ({"on_fail": "failed"}, "on_fail='failed'"),
        ({"tolerance": 5}, "it is a share"),
        ({"tolerance": "0.1"}, "write a number"),
    ],
    ids=str,
)
def test_a_check_that_cannot_be_meant_is_refused(check, says):
    with pytest.raises(ContractError, match=says):
        Check(**{"name": "n is positive", "sql": "n > 0", **check})


def test_a_checks_own_tolerance_counts_before_the_flows():
    assert Check("n is positive", "n > 0").allowed(0.05) == 0.05
    assert Check("n is positive", "n > 0", tolerance=0).allowed(0.05) == 0
