"""Megatron's hybrid model with early fusion: projected features take the place of their placeholders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from megatron.core import tensor_parallel
from megatron.core.models.hybrid.hybrid_model import HybridModel
from torch import nn

from trainer.model.chunked_cross_entropy import linear_cross_entropy, logits_dtype
from trainer.model.layer_spec import stack_spec
from trainer.model.projector import Projector
from trainer.model.transformer_config import transformer_config
from trainer.platform.megatron_fixes import correct
from trainer.recipe.recipe import Recipe

if TYPE_CHECKING:
    from trainer.data.microbatch import Microbatch

# Rows may be of any length: a rotary embedding has no table that one would size.
_NO_LENGTH = 0


class PackedModel(HybridModel):
    """A decoder over one packed row, or its pipeline stage on this rank.

    Args:
        recipe: A checked recipe.
        vocabulary: Token ids; a multiple of the tensor parallelism.
        modalities: Number of modalities by which losses are reported.
        expert_parallel: Expert parallelism of this run.
        first: Whether this stage embeds.
        last: Whether this stage has the output layer.
    """

    def __init__(
        self,
        recipe: Recipe,
        vocabulary: int,
        *,
        modalities: int,
        expert_parallel: int = 1,
        first: bool = True,
        last: bool = True,
    ) -> None:
        correct()
        config = transformer_config(recipe, expert_parallel)
        super().__init__(
            config,
            stack_spec(config.num_moe_experts or 0, config.moe_grouped_gemm),
            vocabulary,
            _NO_LENGTH,
            hybrid_layer_pattern=recipe.model.pattern,
            pre_process=first,
            post_process=last,
            position_embedding_type="rope",
            rotary_base=recipe.model.rope_base,
            share_embeddings_and_output_weights=recipe.model.tied,
            # Features are put in where the whole row is, and the row is split after that.
            scatter_embedding_sequence_parallel=False,
        )
        self.modalities = modalities
        self.chunk = recipe.precision.chunk
        self.logits_dtype = logits_dtype(recipe.precision.logits, config.params_dtype)
        if first:
            self.projectors = nn.ModuleDict(
                {name: Projector(config, declared) for name, declared in recipe.model.projectors.items()}
            )

    def embed(self, row: Microbatch) -> torch.Tensor:
        """Return the row's inputs [t, 1, h]: embeddings, and projected features at their positions."""
        hidden = self.embedding(input_ids=row.tokens, position_ids=row.position_ids)
        for name, (values, place, at) in row.features.items():
            projected = self.projectors[name](values, place).to(hidden.dtype)
            hidden = hidden.index_copy(0, at, projected[:, None])
        if self.config.sequence_parallel:
            hidden = tensor_parallel.scatter_to_sequence_parallel_region(hidden, group=self.pg_collection.tp)
        return hidden

    def decode(self, row: Microbatch) -> torch.Tensor:
        """Return the stage's hidden states: [t, 1, h], or this rank's part of t with sequence parallelism."""
        inputs = self.embed(row) if self.pre_process else None
        length = self.rotary_pos_emb.get_rotary_seq_len(None, self.decoder, inputs, self.config, row.packed)
        return self.decoder(
            hidden_states=inputs,
            attention_mask=None,
            rotary_pos_emb=self.rotary_pos_emb(length, packed_seq=True),
            packed_seq_params=row.packed,
            padding_mask=self._own(row.padding),
        )

    def _own(self, padding: torch.Tensor) -> torch.Tensor:
        """Return the part [1, t / ranks] of a mask [1, t] that this rank's hidden states have."""
        if not self.config.sequence_parallel:
            return padding
        return padding.chunk(self.config.tensor_model_parallel_size, dim=1)[self.pg_collection.tp.rank()]

    def output_weight(self) -> torch.Tensor:
        """Return the output matrix, or this rank's rows of it."""
        if self.share_embeddings_and_output_weights:
            return self.shared_embedding_or_output_weight()
        return self.output_layer.weight

    def logits(self, row: Microbatch) -> torch.Tensor:
        """Return logits [t, vocabulary] of a row, for a model that is not split; all of them exist at once."""
        return (self.decode(row)[:, 0] @ self.output_weight().T).float()

    def forward(self, row: Microbatch) -> torch.Tensor:
        """Return hidden states, or on the last stage one vector of sums, float32.

        The vector holds the weighted loss, with gradients; then the weighted losses by modality, then the
        weights by modality, without.
        """
        hidden = self.decode(row)
        if not self.post_process:
            return hidden
        group = self.pg_collection.tp if self.config.tensor_model_parallel_size > 1 else None
        if self.config.sequence_parallel:
            hidden = tensor_parallel.gather_from_sequence_parallel_region(hidden, group=group)
        elif group is not None:
            hidden = tensor_parallel.copy_to_tensor_model_parallel_region(hidden, group=group)
        wanted = row.weights[0].nonzero()[:, 0]
        weights = row.weights[0, wanted]
        total, losses = linear_cross_entropy(
            hidden[wanted, 0],
            self.output_weight(),
            row.labels[0, wanted],
            weights,
            dtype=self.logits_dtype,
            chunk=self.chunk,
            group=group,
        )
        return torch.cat([total[None], self._by_modality(row, wanted, losses * weights, weights)])

    def _by_modality(self, row: Microbatch, wanted: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        kind = row.modality[0, wanted].long()
        return torch.cat([value.new_zeros(self.modalities).index_add_(0, kind, value) for value in values])


def build_model(
    recipe: Recipe, vocabulary: int, *, modalities: int, expert_parallel: int, pipeline: Any
) -> PackedModel:
    """Return this rank's stage of a recipe's model, on its device.

    Args:
        recipe: A checked recipe.
        vocabulary: Token ids.
        modalities: Number of modalities by which losses are reported.
        expert_parallel: Expert parallelism of this run.
        pipeline: The group of pipeline stages.
    """
    model = PackedModel(
        recipe,
        vocabulary,
        modalities=modalities,
        expert_parallel=expert_parallel,
        first=pipeline.rank() == 0,
        last=pipeline.rank() == pipeline.size() - 1,
    )
    for name, parameter in model.named_parameters():
        if ".experts." in name:
            # Experts have an optimizer of their own at any expert parallelism, so that a checkpoint of
            # one is loaded by another.
            parameter.allreduce = False
    return model.cuda(torch.cuda.current_device()).to(model.config.params_dtype)
