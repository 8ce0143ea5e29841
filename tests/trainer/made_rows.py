"""Made rows with the loader's interface, and small recipes; for tests in this folder and their subprocesses."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import torch

from trainer.loop.release_source import Source
from trainer.recipe.recipe import Checkpoint, Data, Experts, Model, Optimizer, Precision, Projector, Recipe, Report

VOCABULARY = 500
LENGTH = 64
WIDTHS = {"speech": 10, "image": 12}

MODEL = Model(
    pattern="*-*E",
    hidden=32,
    heads=4,
    groups=2,
    head_width=8,
    ffn=48,
    tied=True,
    experts=Experts(count=4, chosen=2, ffn=24, aux_loss=0.01, z_loss=0.001),
    projectors={"speech": Projector(10), "image": Projector(12, layers=2)},
)
RECIPE = Recipe(
    name="tiny",
    model=MODEL,
    optimizer=Optimizer(lr=1e-2, min_lr=1e-3, warmup=2),
    steps=8,
    data=Data(global_batch=4, weights={"code": 0.3}),
    precision=Precision(logits="float32", chunk=40),
    checkpoint=Checkpoint(every=4, keep=2),
    report=Report(ledger=3),
)
DENSE = dataclasses.replace(RECIPE, model=dataclasses.replace(MODEL, pattern="*-*-", experts=None))


@dataclass
class MadeBatch:
    tokens: torch.Tensor
    cu_seqlens: list[torch.Tensor]
    cu_seqlens_padded: list[torch.Tensor]
    features: dict
    positions: torch.Tensor
    begin: int
    end: int
    labels: torch.Tensor
    loss_mask: torch.Tensor
    position_ids: torch.Tensor
    modality: torch.Tensor

    def full(self):
        return self


def made_row(position: int, length: int = LENGTH, tail: int = 4) -> SimpleNamespace:
    """Four documents (text, code, speech, image) and a padded tail; a token follows from the one before it."""
    rng = np.random.default_rng(position)
    cuts = np.r_[0, np.sort(rng.choice(np.arange(8, length - 8, 8), 3, replace=False)), length - tail, length]
    tokens = np.zeros(length, np.int64)
    mask, kind, place = np.zeros(length, np.float32), np.full(length, -1, np.int8), np.zeros(length, np.int64)
    features = {}
    for number, (begin, end) in enumerate(pairwise(cuts)):
        place[begin:end] = np.arange(end - begin)
        if number == 4:
            continue
        tokens[begin] = rng.integers(VOCABULARY)
        for i in range(begin + 1, end):
            tokens[i] = (tokens[i - 1] * 7 + 3 + number) % 50
        mask[begin : end - 1] = (0.5, 1.0, 1.0, 2.0)[number]
        kind[max(begin - 1, 0) : end - 1] = number
        if number >= 2:
            name = ("speech", "image")[number - 2]
            at = np.arange(begin + 1, begin + 5)
            features[name] = (
                rng.normal(size=(4, WIDTHS[name])).astype(np.float32),
                rng.random((4, 4)).astype(np.float32),
                at,
            )
            tokens[at], mask[at - 1] = 499, 0.0
    return SimpleNamespace(
        tokens=tokens, cuts=cuts.astype(np.int32), mask=mask, kind=kind, place=place, features=features
    )


def full_row(position: int, length: int = LENGTH) -> SimpleNamespace:
    """Four documents that fill the row."""
    row = made_row(position, length, tail=0)
    row.cuts = row.cuts[:-1]
    return row


def made_batch(positions: list[int], begin: int, end: int, length: int = LENGTH, row=made_row) -> MadeBatch:
    rows = [row(max(p, 0), length) for p in positions]
    for at, p in enumerate(positions):
        if p < 0:
            rows[at].features, rows[at].cuts = {}, np.array([0, length], np.int32)
            rows[at].mask[:], rows[at].kind[:] = 0, -1
    features = {}
    for name in WIDTHS:
        parts = [(number, one.features[name]) for number, one in enumerate(rows) if name in one.features]
        if parts:
            features[name] = (
                torch.from_numpy(np.concatenate([f[0] for _, f in parts])),
                torch.from_numpy(np.concatenate([f[1] for _, f in parts])),
                torch.from_numpy(np.concatenate([f[2] + number * length for number, f in parts])),
            )
    tokens = torch.from_numpy(np.stack([r.tokens for r in rows])).int()
    return MadeBatch(
        tokens=tokens,
        cu_seqlens=[torch.from_numpy(r.cuts) for r in rows],
        cu_seqlens_padded=[torch.from_numpy(r.cuts) for r in rows],
        features=features,
        positions=torch.tensor(positions),
        begin=begin,
        end=end,
        labels=tokens.long().roll(-1, 1),
        loss_mask=torch.from_numpy(np.stack([r.mask for r in rows])),
        position_ids=torch.from_numpy(np.stack([r.place for r in rows])),
        modality=torch.from_numpy(np.stack([r.kind for r in rows])),
    )


class MadeLoader:
    """Rows by their position; the rows end after `rows`."""

    def __init__(
        self, rank: int, world: int, global_batch: int, start: int = 0, rows: int = 1 << 20, row=made_row
    ) -> None:
        self.rank, self.world, self.global_batch, self.start, self.rows, self.row = (
            rank,
            world,
            global_batch,
            start,
            rows,
            row,
        )

    def __iter__(self):
        begin = self.start
        while begin < self.rows:
            end = min(begin + self.global_batch, self.rows)
            mine = list(range(begin, end))[self.rank :: self.world]
            mine += [-1] * (-(-self.global_batch // self.world) - len(mine))
            yield made_batch(mine, begin, end, row=self.row)
            begin = end

    def state_dict(self):
        return {"digest": "d" * 64, "stage": "cold", "seed": 0, "position": self.start}


def made_source(layout, recipe=RECIPE, start: int = 0, **more) -> Source:
    loader = MadeLoader(layout.data_rank, layout.data_world, recipe.data.global_batch, start, **more)
    return Source(loader, "mix-1", "d" * 64, VOCABULARY)
