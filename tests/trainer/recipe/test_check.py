from __future__ import annotations

import dataclasses

import pytest

from lakehouse.errors import ConfigError
from tests.trainer.made_rows import DENSE, RECIPE
from trainer.recipe.check import expert_parallel, problems
from trainer.recipe.recipe import Parallel


def laid(**parallel):
    return dataclasses.replace(RECIPE, parallel=Parallel(**parallel))


def test_a_good_recipe_has_no_problem_and_a_wrong_number_is_named():
    assert list(problems(RECIPE)) == []
    (problem, *_) = problems(dataclasses.replace(RECIPE, steps=0))
    assert problem[0] == "steps"


def test_experts_are_spread_over_the_ranks_that_there_are():
    assert expert_parallel(laid(expert=0), 8) == 4
    assert expert_parallel(laid(expert=2), 8) == 2
    assert expert_parallel(DENSE, 8) == 1


@pytest.mark.parametrize(
    ("parallel", "world", "words"),
    [
        ({"world": 4}, 2, "parallel.world is 4"),
        ({"tensor": 2}, 3, "does not divide 3 processes"),
        ({"expert": 4}, 2, "parallel.expert is 4"),
    ],
)
def test_a_layout_that_does_not_fit_is_refused(parallel, world, words):
    with pytest.raises(ConfigError, match=words) as raised:
        expert_parallel(laid(**parallel), world)
    assert raised.value.hint
