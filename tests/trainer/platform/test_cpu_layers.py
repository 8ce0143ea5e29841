from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from trainer.data.microbatch import pack
from trainer.platform.cpu_layers import DocumentAttention, HostNorm


def test_attention_equals_a_mask_of_documents_and_the_past():
    torch.manual_seed(0)
    bounds = torch.tensor([0, 5, 6, 20, 24], dtype=torch.int32)
    query, key, value = torch.randn(24, 4, 8), torch.randn(24, 2, 8), torch.randn(24, 2, 8)
    core = DocumentAttention(SimpleNamespace(num_attention_heads=4, num_query_groups=2))
    found = core(query, key, value, packed_seq_params=pack(bounds, 24))
    document = torch.bucketize(torch.arange(24), bounds[1:-1], right=True)
    mask = (document[:, None] == document) & (torch.arange(24)[:, None] >= torch.arange(24))
    key, value = (tensor.repeat_interleave(2, 1) for tensor in (key, value))
    scores = torch.einsum("qhd,khd->hqk", query, key) / 8**0.5
    expected = torch.einsum("hqk,khd->qhd", scores.masked_fill(~mask, -torch.inf).softmax(-1), value)
    torch.testing.assert_close(found, expected.reshape(24, 1, 32))


def test_another_norm_is_refused():
    with pytest.raises(ValueError, match="LayerNorm"):
        HostNorm(SimpleNamespace(normalization="LayerNorm"), 8)
