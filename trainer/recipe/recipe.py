"""What a recipe declares, as frozen values. `trainer.recipe.read` makes them from YAML and checks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture-of-experts layer, the ``E`` of a pattern.

    Args:
        count: Experts of a layer.
        chosen: Experts that a token goes to.
        ffn: Width of one expert.
        aux_loss: Coefficient of the load-balancing loss (Switch Transformer, arXiv 2101.03961).
        z_loss: Coefficient of the router's z-loss (ST-MoE, arXiv 2202.08906).
        bias: Balance by a bias on the choice instead (DeepSeek-V3, arXiv 2412.19437); then aux_loss is 0.
        shared_ffn: Width of an expert that every token goes to; 0 for none.
        dispatcher: How tokens travel between ranks: alltoall, allgather, or on GPUs deepep or hybridep.
    """

    count: int = 8
    chosen: int = 2
    ffn: int = 128
    aux_loss: float = 0.01
    z_loss: float = 0.0
    bias: bool = False
    shared_ffn: int = 0
    dispatcher: Literal["alltoall", "allgather", "deepep", "hybridep"] = "alltoall"


@dataclass(frozen=True, slots=True)
class Projector:
    """How one kind of continuous features becomes hidden states.

    Args:
        width: Length of a feature vector.
        layers: 1 for a linear map, 2 for a two-layer perceptron.
        frequencies: Sine and cosine pairs for each of the four coordinates of a place.
    """

    width: int
    layers: int = 1
    frequencies: int = 6


@dataclass(frozen=True, slots=True)
class Model:
    """The network.

    Args:
        pattern: One symbol a layer: ``*`` attention, ``-`` dense perceptron, ``E`` experts; ``|`` cuts pipeline stages.
        hidden: Width of a hidden state.
        heads: Query heads.
        groups: Key and value heads (grouped-query attention).
        head_width: Width of a head.
        ffn: Width of a dense perceptron.
        rope_base: Base period of the rotary embedding.
        tied: Whether the embedding is the output matrix too.
        norm_epsilon: Epsilon of the RMS norms.
        init_std: Standard deviation of initial weights.
        experts: The ``E`` layers.
        projectors: Feature name to projector.
        recompute: Whether activations are recomputed in the backward pass.
    """

    pattern: str
    hidden: int
    heads: int
    groups: int
    head_width: int
    ffn: int = 0
    rope_base: int = 1_000_000
    tied: bool = False
    norm_epsilon: float = 1e-6
    init_std: float = 0.02
    experts: Experts | None = None
    projectors: Mapping[str, Projector] = field(default_factory=dict)
    recompute: Literal["none", "full"] = "none"

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self.pattern.replace("|", ""))

    @property
    def stages(self) -> int:
        """Number of pipeline stages that the pattern cuts."""
        return self.pattern.count("|") + 1


@dataclass(frozen=True, slots=True)
class Data:
    """What is trained on.

    Args:
        stage: Stage of the release.
        seed: Order of the stage's rows; 0 is the stored order.
        global_batch: Rows of an optimizer step, over all ranks.
        epochs: Passes over the stage; the run ends with them, or with the steps.
        weights: Modality to the factor on its targets' loss weights; 1 where it is not named.
    """

    stage: str = "cold"
    seed: int = 0
    global_batch: int = 2
    epochs: int = 1
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Optimizer:
    """AdamW (arXiv 1711.05101) and its schedule.

    Args:
        lr: Highest learning rate.
        min_lr: Learning rate at the end.
        schedule: cosine, or wsd: warm up, stay, decay (arXiv 2405.18392).
        warmup: Steps up to the highest learning rate.
        decay: For wsd, steps of the decay at the end.
        weight_decay: Decoupled weight decay; norms and biases have none.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        epsilon: Added to the root of the second moment.
        clip: Largest gradient norm.
    """

    lr: float
    min_lr: float = 0.0
    schedule: Literal["cosine", "wsd"] = "cosine"
    warmup: int = 0
    decay: int = 0
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    clip: float = 1.0


@dataclass(frozen=True, slots=True)
class Parallel:
    """How the model is laid over processes.

    Args:
        world: Processes that the recipe is laid out for; 0 for any number.
        tensor: Tensor parallelism; above 1 with sequence parallelism.
        pipeline: Pipeline stages.
        expert: Expert parallelism; 0 for the most that the processes and the experts allow.
        expert_tensor: Tensor parallelism inside an expert.
        overlap: Whether gradient and parameter traffic overlaps with computing.
    """

    world: int = 0
    tensor: int = 1
    pipeline: int = 1
    expert: int = 1
    expert_tensor: int = 1
    overlap: bool = False


@dataclass(frozen=True, slots=True)
class Precision:
    """Numbers.

    Args:
        params: Type of parameters and activations; with bfloat16 the optimizer keeps float32 masters.
        logits: Type that the output layer multiplies in; auto is bfloat16 where the processor multiplies it fast,
            else the parameters' type. Sums are float32 always.
        fp8: Transformer Engine's FP8 recipe for linear layers (blockwise on Hopper, mxfp8 on Blackwell), none for none.
        moments: Type of Adam's moments; bfloat16 needs Transformer Engine.
        chunk: Target tokens of which logits exist at a time.
    """

    params: Literal["float32", "bfloat16"] = "float32"
    logits: Literal["auto", "float32", "bfloat16"] = "auto"
    fp8: Literal["none", "blockwise", "tensorwise", "mxfp8"] = "none"
    moments: Literal["float32", "bfloat16"] = "float32"
    chunk: int = 256


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """When the run is saved.

    Args:
        every: Steps between checkpoints.
        keep: Newest checkpoints that are kept.
    """

    every: int = 1000
    keep: int = 3


@dataclass(frozen=True, slots=True)
class Report:
    """What the run reports, and how often.

    Args:
        progress: Steps between lines on the terminal.
        ledger: Steps between commits to ``ledger.training_steps``.
    """

    progress: int = 1
    ledger: int = 100


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole training run.

    Args:
        name: Name of the file without its ending.
        model: The network.
        optimizer: Optimizer and schedule.
        steps: Optimizer steps; the run ends earlier where the stage does.
        seed: Seed of the initial weights.
        data: What is trained on.
        parallel: How it is laid over processes.
        precision: Numbers.
        checkpoint: When it is saved.
        report: What the run reports, and how often.
        environment: Environment variables that are set where they are not.
    """

    name: str
    model: Model
    optimizer: Optimizer
    steps: int
    seed: int = 0
    data: Data = Data()
    parallel: Parallel = Parallel()
    precision: Precision = Precision()
    checkpoint: Checkpoint = Checkpoint()
    report: Report = Report()
    environment: Mapping[str, str] = field(default_factory=dict)
