"""The model on real Megatron modules: packing, fusion, and what a document may see."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
import torch

from tests.trainer.made_rows import DENSE, RECIPE, VOCABULARY, made_batch
from trainer.data.microbatch import KINDS, microbatches, modality_weights, pack
from trainer.model.model import build_model

CPU = torch.device("cpu")
FACTORS = modality_weights({"code": 0.5})


@pytest.fixture(params=[DENSE, RECIPE], ids=["dense", "experts"])
def model(request, layout):
    from megatron.core import parallel_state

    return build_model(
        request.param,
        512,
        modalities=len(KINDS),
        expert_parallel=1,
        pipeline=parallel_state.get_pipeline_model_parallel_group(),
    )


def row(position=0):
    return next(microbatches(made_batch([position], 0, 1), FACTORS, CPU))


def logits(model, microbatch):
    with torch.no_grad():
        return model.logits(microbatch)


def alone(microbatch, begin, end):
    """The document [begin, end) as a row of its own."""
    features = {}
    for name, (values, place, at) in microbatch.features.items():
        mine = (at >= begin) & (at < end)
        if mine.any():
            features[name] = (values[mine], place[mine], at[mine] - begin)
    cut = {
        name: getattr(microbatch, name)[:, begin:end]
        for name in ("tokens", "position_ids", "labels", "weights", "modality", "padding")
    }
    bounds = torch.tensor([0, end - begin], dtype=torch.int32)
    return dataclasses.replace(microbatch, **cut, features=features, packed=pack(bounds, end - begin))


def test_packed_documents_equal_each_alone(model):
    packed = row()
    bounds = packed.packed.cu_seqlens_q.tolist()
    together = logits(model, packed)
    apart = torch.cat([logits(model, alone(packed, a, b)) for a, b in pairwise(bounds)])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-5)
    # The test can fail: without the boundaries the documents see each other.
    whole = dataclasses.replace(packed, packed=pack(torch.tensor([0, bounds[-1]], dtype=torch.int32), bounds[-1]))
    assert (logits(model, whole) - together).abs().max() > 1e-3


def test_a_change_stays_within_its_document(model):
    before = row()
    _, begin, end, *_ = before.packed.cu_seqlens_q.tolist()
    tokens = before.tokens.clone()
    tokens[0, begin] = (tokens[0, begin] + 1) % VOCABULARY
    changed = (logits(model, dataclasses.replace(before, tokens=tokens)) - logits(model, before)).abs().amax(1)
    assert changed[begin:end].min() > 1e-4
    assert changed[:begin].max() < 1e-5
    assert changed[end:].max() < 1e-5


@pytest.mark.parametrize("name", ["speech", "image"])
def test_features_take_the_place_of_their_placeholders(model, name):
    before = row()
    values, place, at = before.features[name]
    embedded = model.embed(before).detach()
    projected = model.projectors[name](values, place).detach()
    torch.testing.assert_close(embedded[at, 0], projected)
    other = dataclasses.replace(before, features={**before.features, name: (values + 1, place, at)})
    changed = (model.embed(other).detach() - embedded)[:, 0].abs().amax(1)
    assert torch.equal(changed.nonzero()[:, 0], at)
    moved = dataclasses.replace(before, features={**before.features, name: (values, place + 0.3, at)})
    assert (model.embed(moved).detach() - embedded)[at, 0].abs().amax(1).min() > 0


def test_features_reach_later_positions_of_their_document_only(model):
    before = row()
    values, place, at = before.features["speech"]
    other = dataclasses.replace(before, features={**before.features, "speech": (values + 1, place, at)})
    changed = (logits(model, other) - logits(model, before)).abs().amax(1)
    begin, end = before.packed.cu_seqlens_q.tolist()[2:4]
    assert begin <= at[0] < end
    assert changed[int(at[0]) : end].min() > 1e-4
    assert changed[: int(at[0])].max() < 1e-5
    assert changed[end:].max() < 1e-5


def test_losses_are_those_of_the_logits_by_modality(model):
    one = row()
    out = model(one).detach()
    scores = logits(model, one)
    plain = torch.nn.functional.cross_entropy(scores, one.labels[0], reduction="none") * one.weights[0]
    expected = [plain[one.modality[0] == kind].sum() for kind in range(len(KINDS))]
    weights = [one.weights[0][one.modality[0] == kind].sum() for kind in range(len(KINDS))]
    torch.testing.assert_close(out, torch.stack([plain.sum(), *expected, *weights]), rtol=1e-5, atol=1e-4)
    # 0.5 declared by the loader, and text; 1.0 by the loader times 0.5 by the recipe, and code.
    assert set(one.weights[0][one.weights[0] > 0].tolist()) == {0.5, 1.0, 2.0}


def test_every_parameter_learns(model):
    model(row())[0].backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # An expert that no token of so small a row chose has no gradient.
    assert not [name for name in idle if ".experts." not in name]
