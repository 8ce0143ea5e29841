from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from lakehouse.errors import ConfigError
from tests.trainer.made_rows import DENSE, RECIPE, VOCABULARY, made_batch
from trainer.data.microbatch import KINDS, microbatches, modality_weights
from trainer.errors import TrainingError
from trainer.loop.optimizer_step import Step
from trainer.loop.train import build_training
from trainer.platform import cpu

# A step that changes nothing but tells the gradient.
STILL = dataclasses.replace(DENSE, optimizer=dataclasses.replace(DENSE.optimizer, lr=1e-12, min_lr=0.0, clip=0.0))


@pytest.fixture
def ready(layout):
    def build(recipe):
        update = build_training(recipe, VOCABULARY, layout)
        return update, Step(recipe, layout, update, cpu.device())

    return build


def test_the_gradient_divides_by_the_sum_of_weights_over_all_rows(ready):
    update, step = ready(STILL)
    batch = made_batch([0, 1, 2], 0, 3)
    parameters = [p for p in update.model.parameters() if p.requires_grad]
    rows = list(microbatches(batch, modality_weights(STILL.data.weights), cpu.device()))
    expected = 0.0
    for row in rows:
        scores = update.model.module.logits(row)
        losses = torch.nn.functional.cross_entropy(scores, row.labels[0], reduction="none")
        expected = expected + (losses * row.weights[0]).sum()
    weight = sum(float(row.weights.sum()) for row in rows)
    assert weight != int(weight)
    expected = expected / weight
    grads = torch.autograd.grad(expected, parameters)
    norm = math.sqrt(sum(float((g**2).sum()) for g in grads))
    result = step(1, batch)
    assert result.loss == pytest.approx(float(expected), rel=1e-5)
    assert result.grad_norm == pytest.approx(norm, rel=1e-4)
    assert sum(result.targets.values()) == pytest.approx(weight)
    assert sum(result.losses[k] * result.targets[k] for k in result.losses) / weight == pytest.approx(result.loss)
    assert set(result.losses) == set(KINDS) - {"other"}


def test_a_pad_row_changes_nothing(ready):
    recipe = dataclasses.replace(RECIPE, optimizer=STILL.optimizer)
    _, step = ready(recipe)
    alone = step(1, made_batch([3], 0, 1))
    padded = step(1, made_batch([3, -1], 0, 2))
    assert padded.loss == pytest.approx(alone.loss, rel=1e-6)
    assert padded.positions == [3]
    # The pad row's one counted token.
    assert padded.tokens == alone.tokens + 1
    assert padded.grad_norm == pytest.approx(alone.grad_norm, rel=2e-2)


def test_experts_are_counted_without_padding(ready):
    _, step = ready(RECIPE)
    result = step(1, made_batch([0, 1], 0, 2))
    assert list(result.load) == [4]
    assert sum(result.load[4]) == pytest.approx(1)
    assert len(result.load[4]) == 4
    assert result.tokens == 2 * 60
    # An even load has a balancing loss of 1, and none is under it by much.
    assert 0.9 < result.aux_loss < 4


def test_a_loss_that_is_not_a_number_names_step_and_rows(ready):
    update, step = ready(DENSE)
    batch = made_batch([7, 8], 0, 2)
    batch.features["speech"][0][0, 0] = math.nan
    before = [p.detach().clone() for p in update.model.parameters()]
    with pytest.raises(TrainingError, match=r"nan at step 3 \(rows 7, 8\)") as caught:
        step(3, batch)
    assert "optimizer.lr" in caught.value.hint
    assert all(torch.equal(a, b) for a, b in zip(before, update.model.parameters(), strict=True))


def test_features_without_a_fitting_projector_are_refused(ready):
    model = DENSE.model
    missing = dataclasses.replace(
        DENSE, model=dataclasses.replace(model, projectors={"image": model.projectors["image"]})
    )
    _, step = ready(missing)
    with pytest.raises(ConfigError, match=r"no model\.projectors\.speech") as caught:
        step(1, made_batch([0], 0, 1))
    assert "width: 10" in caught.value.hint
