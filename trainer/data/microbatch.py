"""From the loader's batches to Megatron's microbatches: one packed row each.

The loader is any object with the interface of `trainer.loader.PackedLoader`; nothing here opens a lake.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from megatron.core.packed_seq_params import PackedSeqParams

from lakehouse.errors import ConfigError
from trainer.loader.labels import MODALITIES
from trainer.recipe.recipe import Projector

# The last one is for documents of a modality that the loader has no number for.
KINDS = (*MODALITIES, "other")

Features = dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]


class Batch(Protocol):
    """A rank's rows of one step, as the loader gives them."""

    tokens: torch.Tensor
    cu_seqlens: list[torch.Tensor]
    cu_seqlens_padded: list[torch.Tensor]
    features: Mapping[str, Any]
    positions: torch.Tensor
    begin: int
    end: int

    def full(self) -> Any:
        """Return labels, loss_mask, position_ids and modality, each [rows, length]."""
        ...


@dataclass(frozen=True, slots=True)
class Microbatch:
    """One packed row on the device.

    Args:
        tokens: Ids, int64 [1, t].
        position_ids: Places within documents, int64 [1, t].
        labels: The token that each position predicts, int64 [1, t].
        weights: Weight of each prediction, float32 [1, t]; 0 where there is no target.
        modality: Of the document that each position predicts a token of, index into `KINDS`, int64 [1, t].
        padding: Whether a position is padding, bool [1, t].
        packed: Document boundaries, for attention.
        features: Name to (values [n, width] float32, place [n, 4] float32, at [n] int64 within the row).
        position: Stored position of the row, -1 for a pad row.
    """

    tokens: torch.Tensor
    position_ids: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    modality: torch.Tensor
    padding: torch.Tensor
    packed: PackedSeqParams
    features: Features
    position: int

    @property
    def real(self) -> int:
        """Tokens that are not padding."""
        return int(self.padding.numel() - self.padding.sum())


def modality_weights(weights: Mapping[str, float]) -> torch.Tensor:
    """Return a factor for each of `KINDS`, float32, 1 where none is named."""
    return torch.tensor([float(weights.get(name, 1.0)) for name in KINDS])


def check_features(batch: Batch, projectors: Mapping[str, Projector]) -> None:
    """Refuse features that a recipe has no fitting projector for.

    Raises:
        ConfigError: If a projector is missing or of another width.
    """
    for name, (values, _, _) in batch.features.items():
        width = values.shape[1]
        if name not in projectors:
            raise ConfigError(
                f"the rows have {name!r} features, and the recipe has no model.projectors.{name}",
                f"declare it with width: {width}",
            )
        if projectors[name].width != width:
            raise ConfigError(
                f"{name!r} features are {width} wide, and model.projectors.{name}.width is {projectors[name].width}",
                f"set it to {width}",
            )


def microbatches(batch: Batch, factors: torch.Tensor, device: torch.device) -> Iterator[Microbatch]:
    """Yield the rows of a batch, one by one.

    Args:
        batch: Rows of one rank.
        factors: Factor on the loss weights by modality, float32, one for each of `KINDS`.
        device: Where the tensors go.
    """
    full = batch.full()
    rows, length = batch.tokens.shape
    modality = full.modality.long()
    weights = full.loss_mask * factors[modality]
    owners = {name: parts[2] // length for name, parts in batch.features.items()}
    for row in range(rows):
        part = slice(row, row + 1)
        features: Features = {}
        for name, (values, place, at) in batch.features.items():
            mine = (owners[name] == row).nonzero()[:, 0]
            if len(mine):
                features[name] = (
                    _to(values[mine], device),
                    _to(place[mine], device),
                    _to(at[mine] - row * length, device),
                )
        bounds = batch.cu_seqlens_padded[row]
        yield Microbatch(
            tokens=_to(batch.tokens[part].long(), device),
            position_ids=_to(full.position_ids[part], device),
            labels=_to(full.labels[part], device),
            weights=_to(weights[part], device),
            # The loader's -1 counts from the end, too.
            modality=_to(modality[part].remainder(len(KINDS)), device),
            padding=_to(_padding(bounds, modality[row], weights[row], batch.cu_seqlens[row]), device),
            packed=pack(_to(bounds, device), length),
            features=features,
            position=int(batch.positions[row]),
        )


def _padding(
    bounds: torch.Tensor, modality: torch.Tensor, weights: torch.Tensor, real: torch.Tensor | None = None
) -> torch.Tensor:
    """Return which positions are padding, bool [1, t]: those behind each document, and a tail that is of nothing.

    The first token of a row that is all padding counts as one that is not, since the router's statistics
    divide by the number of tokens.

    Args:
        bounds: Where documents begin, int32 [documents + 1], from 0 to t.
        modality: Of the document that each position predicts a token of, below 0 where there is none, [t].
        weights: Weight of each prediction, float32 [t].
        real: Cumulative lengths of the documents without their padding, int32 [documents + 1]; by default a document
            ends with the last token that is predicted within it.
    """
    places = torch.arange(len(modality))
    begins = bounds[:-1].long()
    owner = torch.bucketize(places, bounds[1:].long(), right=True)
    # A position foretells a token of its own document, save the last one, behind which the next document begins.
    inner = places + 1 < bounds[1:].long()[owner]
    foretells = inner & ((modality >= 0) | (weights > 0))
    last = torch.zeros_like(begins).scatter_reduce(0, owner[foretells], places[foretells] + 1, "amax")
    lengths = (last - begins).clamp_min(0) + 1 if real is None else real.diff().long()
    padding = places >= (begins + lengths)[owner]
    tail = int(begins[-1])
    if bool((modality[tail:] < 0).all()) and not bool(weights[tail:].any()):
        padding[max(tail, 1) :] = True
    return padding[None]


def pack(bounds: torch.Tensor, length: int) -> PackedSeqParams:
    """Return Megatron's description of a packed row.

    Args:
        bounds: Document boundaries, int32 [documents + 1], from 0 to the row's length.
        length: Tokens of the row. As the longest document it gives one rotary table for the whole row,
            the same for every row; attention sees differences of positions only.
    """
    return PackedSeqParams(
        qkv_format="thd",
        cu_seqlens_q=bounds,
        cu_seqlens_kv=bounds,
        max_seqlen_q=length,
        max_seqlen_kv=length,
    )


def _to(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)
