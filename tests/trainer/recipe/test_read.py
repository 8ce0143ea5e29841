from __future__ import annotations

import textwrap

import pytest

from lakehouse.errors import ConfigError
from tests.module_text import ModuleText
from trainer.recipe import find_recipe, read_recipe, recipe_names
from trainer.recipe.check import expert_parallel

GOOD = ModuleText("""
steps: 10
model:
  pattern: "*-*E"
  hidden: 32
  heads: 4
  groups: 2
  head_width: 8
  ffn: 48
  experts: {count: 4, chosen: 2, ffn: 24}
  projectors: {speech: {width: 640}}
optimizer: {lr: 1.0e-3}
""")


@pytest.fixture
def written(tmp_path):
    def write(text: str, name: str = "mine.yaml") -> str:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_of_the_package_are_sound(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.steps > 0


def test_a_file_becomes_a_frozen_recipe(written):
    recipe = read_recipe(written(GOOD))
    assert recipe.name == "mine"
    assert recipe.model.experts.count == 4
    assert recipe.model.projectors["speech"].width == 640
    assert recipe.optimizer.lr == 1e-3
    assert (recipe.data.stage, recipe.data.global_batch) == ("cold", 2)
    with pytest.raises(AttributeError):
        recipe.steps = 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("count: 4", "count: 4, cuont: 4"), "yaml:10: unknown key 'cuont' in model.experts — did you mean count?"),
        (("steps: 10", ""), "lacks 'steps'"),
        (("lr: 1.0e-3", "lr: fast"), "optimizer.lr is 'fast', not a number"),
        (("lr: 1.0e-3", "lr: 1e-3"), "write 1.0e-3"),
        (("lr: 1.0e-3", "lr: -1.0"), "optimizer.lr: is -1.0"),
        (("hidden: 32", "hidden: 32.5"), "model.hidden is 32.5, not a whole number"),
        (("hidden: 32", "hidden: true"), "model.hidden is True, not a whole number"),
        (("chosen: 2", "chosen: 5"), "model.experts.chosen: is 5 of 4"),
        (("groups: 2", "groups: 3"), "model.groups: 3 does not divide 4 heads"),
        (('"*-*E"', '"*-*Z"'), "model.pattern: is '*-*Z'"),
        (('"*-*E"', '"*-*-"'), "model.experts: is declared, and the pattern has no E"),
        (('"*-*E"', '"*-|*E"'), "has a pipeline stage without E"),
        (("lr: 1.0e-3", "lr: 1.0e-3, schedule: wsd"), "optimizer.decay: is 0"),
        (("lr: 1.0e-3", "lr: 1.0e-3, schedule: linear"), "choose one of cosine, wsd"),
        (("steps: 10", "steps: 10\nparallel: {tensor: 3}"), "parallel.tensor: 3 does not divide"),
        (("steps: 10", "steps: 10\nparallel: {expert: 3}"), "parallel.expert: 3 does not divide 4 experts"),
        (("steps: 10", "steps: 10\nparallel: {world: 6, expert: 4}"), "which does not divide the 6 ranks"),
        (("steps: 10", "steps: 10\nparallel: {world: 4}"), "data.global_batch: 2 rows are not shared evenly"),
        (("steps: 10", "steps: 10\nprecision: {fp8: blockwise}"), "precision.fp8: goes with bfloat16"),
        (("width: 640", "width: 640, layers: 3"), "model.projectors.speech.layers: is 3"),
        (("steps: 10", "steps: [10"), "yaml:3: "),
        (("steps: 10", "name: other\nsteps: 10"), "named by its file"),
    ],
)
def test_what_cannot_be_is_told_with_file_and_key(written, change, message):
    path = written(GOOD.replace(*change))
    with pytest.raises(ConfigError) as caught:
        read_recipe(path)
    assert path in caught.value.message
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ConfigError, match="demo"):
        find_recipe("dmeo")
    with pytest.raises(ConfigError, match="is not a file"):
        find_recipe("./nowhere.yaml")


def test_experts_spread_over_the_processes_there_are(written):
    recipe = read_recipe(written(GOOD + "parallel: {expert: 0}\n"))
    assert [expert_parallel(recipe, world) for world in (1, 2, 4, 6, 8)] == [1, 2, 4, 2, 4]
    fixed = read_recipe(written(GOOD + "parallel: {expert: 4}\n"))
    assert expert_parallel(fixed, 8) == 4
    with pytest.raises(ConfigError, match=r"parallel\.expert is 4"):
        expert_parallel(fixed, 2)


def test_a_recipe_for_many_processes_is_not_started_on_one():
    with pytest.raises(ConfigError, match="there are 1 processes"):
        expert_parallel(read_recipe("moe-10b"), 1)
