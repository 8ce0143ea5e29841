"""From continuous features to hidden states."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from megatron.core.transformer.module import MegatronModule
from torch import nn

from trainer.recipe import recipe


class Projector(MegatronModule):
    """A linear map, or a two-layer perceptron, of a feature vector beside its place.

    A place is (time, camera, x, y); each coordinate enters as sines and cosines of pi, 2 pi, 4 pi, ... times
    it (the encoding of NeRF, arXiv 2003.08934).

    Args:
        config: Megatron's configuration.
        declared: Width of the vectors, layers and frequencies.
    """

    COORDINATES = 4

    def __init__(self, config: Any, declared: recipe.Projector) -> None:
        super().__init__(config)
        self.frequencies = declared.frequencies
        width = declared.width + 2 * declared.frequencies * self.COORDINATES
        sizes = [width, *([config.hidden_size] * declared.layers)]
        self.layers = nn.ModuleList(nn.Linear(a, b, dtype=config.params_dtype) for a, b in pairwise(sizes))
        for index, layer in enumerate(self.layers):
            # Entries of unit variance give hidden states as large as a token's embedding.
            scale = config.init_method_std if index + 1 == len(self.layers) else 1.0
            nn.init.normal_(layer.weight, std=scale / math.sqrt(layer.in_features))
            nn.init.zeros_(layer.bias)

    def forward(self, values: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        """Return hidden states [n, hidden] of vectors [n, width] at places [n, 4]."""
        octaves = math.pi * 2.0 ** torch.arange(self.frequencies, device=place.device)
        angle = (place[..., None] * octaves).flatten(-2)
        hidden = torch.cat([values, angle.sin(), angle.cos()], -1).to(self.layers[0].weight.dtype)
        for index, layer in enumerate(self.layers):
            hidden = layer(nn.functional.silu(hidden) if index else hidden)
        return hidden
