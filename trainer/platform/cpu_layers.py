"""Norm and attention on the host, where Transformer Engine's are not.

Both have the interface that Megatron's layer specifications require.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch.nn import functional


class HostNorm(torch.nn.RMSNorm):
    """RMS norm (arXiv 1910.07467) with support for sequence parallelism, which Megatron's torch norm refuses."""

    def __init__(self, config: Any, hidden_size: int, eps: float = 1e-5, **_: Any) -> None:
        if config.normalization != "RMSNorm":
            message = f"the host has RMSNorm, not {config.normalization}"
            raise ValueError(message)
        super().__init__(hidden_size, eps=eps)
        self.weight.sequence_parallel = config.sequence_parallel


class DocumentAttention(torch.nn.Module):
    """Causal attention within each document of a packed row.

    Queries are [t, heads, d], keys and values [t, groups, d] for a packed row, with a batch dimension
    of any size behind t for rows that are one document. The result is [t, batch, heads * d].
    """

    def __init__(self, config: Any, *_: Any, softmax_scale: float | None = None, **__: Any) -> None:
        super().__init__()
        self.repeat = config.num_attention_heads // config.num_query_groups
        self.scale = softmax_scale

    def forward(  # noqa: PLR0913, PLR0917 - the interface of Megatron's core attention
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None = None,  # noqa: ARG002 - documents are the mask
        attn_mask_type: Any = None,  # noqa: ARG002
        attention_bias: torch.Tensor | None = None,  # noqa: ARG002
        packed_seq_params: Any = None,
    ) -> torch.Tensor:
        """Attend within documents, whose bounds are ``packed_seq_params.cu_seqlens_q``."""
        if packed_seq_params is None:
            return self._attend(query, key, value).flatten(2)
        bounds = packed_seq_params.cu_seqlens_q.tolist()
        sizes = [end - begin for begin, end in pairwise(bounds)]
        documents = zip(*(tensor.unsqueeze(1).split(sizes) for tensor in (query, key, value)), strict=True)
        return torch.cat([self._attend(*document) for document in documents]).flatten(2)

    def _attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Attend over [t, batch, heads, d]."""
        query, key, value = (tensor.permute(1, 2, 0, 3) for tensor in (query, key, value))
        if self.repeat > 1:
            # Repeating keys takes torch's flash kernel on a processor; enable_gqa takes a slower one.
            key, value = (tensor.repeat_interleave(self.repeat, dim=1) for tensor in (key, value))
        out = functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=self.scale)
        return out.permute(2, 0, 1, 3)
