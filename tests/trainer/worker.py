"""What the layout tests run under torchrun: repeats a checkpoint's next steps on this layout."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
from pathlib import Path

from trainer.distributed import process_group
from trainer.platform import cpu

logging.disable(logging.WARNING)
cpu.install()

import torch  # noqa: E402 - after the patches
import torch.distributed as dist  # noqa: E402

from tests.trainer.made_rows import MODEL, RECIPE, VOCABULARY, full_row, made_source  # noqa: E402
from trainer.loop import checkpoint  # noqa: E402
from trainer.loop.optimizer_step import Step  # noqa: E402
from trainer.loop.train import build_training, train  # noqa: E402
from trainer.recipe.recipe import Parallel  # noqa: E402

LAYOUTS = {
    "expert": Parallel(expert=2),
    "data": Parallel(expert=1),
    "tensor": Parallel(tensor=2),
    "pipeline": Parallel(pipeline=2),
}


def main(start: Path, out: Path) -> None:
    found = {}
    for name, parallel in LAYOUTS.items():
        model = dataclasses.replace(MODEL, pattern="*-E|*-E") if name == "pipeline" else MODEL_OF_CHECKPOINT
        recipe = dataclasses.replace(RECIPE, model=model, parallel=parallel)
        layout = process_group.start(recipe)
        update = build_training(recipe, VOCABULARY, layout)
        if name == "expert":
            experts = torch.cat([p.detach().flatten() for n, p in update.model.named_parameters() if ".experts." in n])
            both = [torch.empty_like(experts) for _ in range(2)]
            dist.all_gather(both, experts)
            found["experts_differ"] = bool((both[0] != both[1]).float().mean() > 0.9)
        metadata = checkpoint.load(start, update)
        step = Step(recipe, layout, update, cpu.device())
        source = made_source(layout, recipe, int(metadata.loader["position"]), row=full_row)
        results = [step(5 + n, batch) for n, batch in zip(range(3), source.batches(), strict=False)]
        found[name] = [[r.loss, r.grad_norm, r.aux_loss, r.losses, r.load, r.positions] for r in results]
    recipe = dataclasses.replace(RECIPE, model=MODEL_OF_CHECKPOINT, parallel=Parallel(expert=0), steps=4)
    layout = process_group.start(recipe)
    train(recipe, made_source(layout, recipe), layout, None, out / "two", training_run="two")
    if layout.main:
        (out / "found.json").write_text(json.dumps(found), encoding="utf-8")
    process_group.stop()


# The same layers with and without a cut between stages; every stage has experts.
MODEL_OF_CHECKPOINT = dataclasses.replace(MODEL, pattern="*-E*-E")

if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
