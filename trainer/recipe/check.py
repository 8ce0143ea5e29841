"""What a recipe may not say: contradictions and layouts that cannot be."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lakehouse.errors import ConfigError
from trainer.recipe.recipe import Recipe

Problem = tuple[str, str, str]


def problems(recipe: Recipe) -> Iterator[Problem]:
    """Yield the key, what is wrong with it, and what to do, for each thing that is wrong."""
    yield from _numbers(recipe)
    yield from _model(recipe)
    yield from _parallel(recipe)
    yield from _optimizer(recipe)


def expert_parallel(recipe: Recipe, world: int) -> int:
    """Return the expert parallelism of a run on so many processes.

    Raises:
        ConfigError: If the recipe cannot be laid over them.
    """
    layout = recipe.parallel
    if layout.world and layout.world != world:
        raise ConfigError(
            f"recipe {recipe.name}: parallel.world is {layout.world}, and there are {world} processes",
            f"start {layout.world} processes with torchrun, or choose another recipe",
        )
    model = layout.tensor * layout.pipeline
    if world % model:
        raise ConfigError(
            f"recipe {recipe.name}: parallel.tensor times parallel.pipeline is {model}, "
            f"which does not divide {world} processes",
            f"start a multiple of {model} processes, or change the layout",
        )
    if recipe.model.experts is None:
        return 1
    room = world // layout.pipeline // layout.expert_tensor
    if layout.expert == 0:
        return math.gcd(room, recipe.model.experts.count)
    if room % layout.expert or room == 0:
        raise ConfigError(
            f"recipe {recipe.name}: parallel.expert is {layout.expert}, "
            f"which does not divide the {room} ranks that hold experts",
            "change the layout or the number of processes",
        )
    return layout.expert


def _numbers(recipe: Recipe) -> Iterator[Problem]:
    model, data = recipe.model, recipe.data
    positive = {
        "steps": recipe.steps,
        "model.hidden": model.hidden,
        "model.heads": model.heads,
        "model.groups": model.groups,
        "model.head_width": model.head_width,
        "data.global_batch": data.global_batch,
        "data.epochs": data.epochs,
        "precision.chunk": recipe.precision.chunk,
        "checkpoint.every": recipe.checkpoint.every,
        "checkpoint.keep": recipe.checkpoint.keep,
        "report.progress": recipe.report.progress,
        "report.ledger": recipe.report.ledger,
        "parallel.tensor": recipe.parallel.tensor,
        "parallel.pipeline": recipe.parallel.pipeline,
        "parallel.expert_tensor": recipe.parallel.expert_tensor,
    }
    for key, value in positive.items():
        if value < 1:
            yield key, f"is {value}", "give a number from 1"
    for key, number in (("parallel.world", recipe.parallel.world), ("parallel.expert", recipe.parallel.expert)):
        if number < 0:
            yield key, f"is {number}", "give a number from 0"
    for name, weight in data.weights.items():
        if not math.isfinite(weight) or weight < 0:
            yield f"data.weights.{name}", f"is {weight}", "give a number from 0"
    for name, projector in model.projectors.items():
        if projector.width < 1:
            yield f"model.projectors.{name}.width", f"is {projector.width}", "give the width of its feature vectors"
        if projector.layers not in {1, 2}:
            yield f"model.projectors.{name}.layers", f"is {projector.layers}", "give 1 or 2"


def _model(recipe: Recipe) -> Iterator[Problem]:  # noqa: C901 - one condition a line
    model = recipe.model
    wrong = sorted(set(model.pattern) - set("*-E|"))
    if wrong or not model.pattern.strip("|") or "" in model.pattern.split("|"):
        yield "model.pattern", f"is {model.pattern!r}", "write layers as *, - and E, with | between pipeline stages"
    if model.heads % model.groups:
        yield "model.groups", f"{model.groups} does not divide {model.heads} heads", "choose a divisor of model.heads"
    if model.head_width % 2:
        yield "model.head_width", f"is {model.head_width}", "rotary embedding turns pairs: give an even number"
    if "-" in model.pattern and model.ffn < 1:
        yield "model.ffn", "is missing, and the pattern has a -", "give the width of the dense perceptron"
    if "E" in model.pattern and model.experts is None:
        yield "model.experts", "is missing, and the pattern has an E", "declare the experts"
    if "E" not in model.pattern and model.experts is not None:
        yield "model.experts", "is declared, and the pattern has no E", "add an E to model.pattern, or leave it out"
    if model.experts is not None:
        if not 1 <= model.experts.chosen <= model.experts.count:
            yield "model.experts.chosen", f"is {model.experts.chosen} of {model.experts.count}", "choose 1 to count"
        if model.experts.bias and model.experts.aux_loss:
            yield "model.experts.aux_loss", "is set beside bias", "balance by the one or by the other"
        if any("E" not in stage for stage in model.pattern.split("|")):
            # Stages with and without experts have different numbers of optimizers, and a checkpoint
            # would not load at another layout.
            yield "model.pattern", f"{model.pattern!r} has a pipeline stage without E", "give every stage an E"


def _parallel(recipe: Recipe) -> Iterator[Problem]:
    model, layout = recipe.model, recipe.parallel
    if layout.pipeline != model.stages:
        yield (
            "parallel.pipeline",
            f"is {layout.pipeline}, and model.pattern has {model.stages} stages",
            "cut the pattern into as many stages with |",
        )
    if layout.tensor > 1 and (model.groups % layout.tensor or model.ffn % layout.tensor):
        yield "parallel.tensor", f"{layout.tensor} does not divide model.groups and model.ffn", "choose a divisor"
    if layout.expert > 1 and model.experts is None:
        yield "parallel.expert", f"is {layout.expert}, and the model has no experts", "set it to 1"
    if model.experts is not None and layout.expert > 1 and model.experts.count % layout.expert:
        yield "parallel.expert", f"{layout.expert} does not divide {model.experts.count} experts", "choose a divisor"
    if layout.world:
        try:
            expert_parallel(recipe, layout.world)
        except ConfigError as error:
            yield "parallel", error.message, error.hint
        else:
            replicas = layout.world // (layout.tensor * layout.pipeline)
            if recipe.data.global_batch % replicas:
                yield (
                    "data.global_batch",
                    f"{recipe.data.global_batch} rows are not shared evenly by {replicas} replicas",
                    "choose a multiple",
                )


def _optimizer(recipe: Recipe) -> Iterator[Problem]:
    optimizer, precision = recipe.optimizer, recipe.precision
    if optimizer.lr <= 0:
        yield "optimizer.lr", f"is {optimizer.lr}", "give a number above 0"
    if not 0 <= optimizer.min_lr <= optimizer.lr:
        yield "optimizer.min_lr", f"is {optimizer.min_lr}", "give a number from 0 to optimizer.lr"
    if not 0 <= optimizer.warmup < recipe.steps:
        yield "optimizer.warmup", f"is {optimizer.warmup} of {recipe.steps} steps", "give fewer than all steps"
    if optimizer.schedule == "wsd" and not 0 < optimizer.decay <= recipe.steps - optimizer.warmup:
        yield "optimizer.decay", f"is {optimizer.decay}", "give the steps of the decay, within those after the warm-up"
    if optimizer.schedule == "cosine" and optimizer.decay:
        yield "optimizer.decay", "is of wsd alone", "leave it out, or set optimizer.schedule to wsd"
    if precision.fp8 != "none" and precision.params != "bfloat16":
        yield "precision.fp8", "goes with bfloat16 parameters", "set precision.params to bfloat16"
    if precision.moments == "bfloat16" and precision.params != "bfloat16":
        yield "precision.moments", "bfloat16 goes with bfloat16 parameters", "set precision.params to bfloat16"
