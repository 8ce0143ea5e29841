"""Which modules a layer is built from: Transformer Engine's on a GPU, torch's on the host.

One specification serves both, through Megatron's backend provider.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from megatron.core.fusions.fused_bias_dropout import get_bias_dropout_add
from megatron.core.models.backends import LocalSpecProvider, get_backend
from megatron.core.models.gpt.moe_module_specs import get_moe_module_spec_for_backend
from megatron.core.models.hybrid.hybrid_block import HybridStack, HybridStackSubmodules
from megatron.core.ssm.mlp_layer import MLPLayer
from megatron.core.transformer import ModuleSpec
from megatron.core.transformer.attention import SelfAttention, SelfAttentionSubmodules
from megatron.core.transformer.enums import AttnMaskType
from megatron.core.transformer.identity_op import IdentityOp
from megatron.core.transformer.mlp import MLP, MLPSubmodules
from megatron.core.transformer.transformer_layer import (
    MoETransformerLayer,
    TransformerLayer,
    TransformerLayerSubmodules,
)

from trainer.platform.cpu_layers import DocumentAttention, HostNorm


class HostBackend(LocalSpecProvider):
    """Megatron's plain torch modules, with a norm and an attention that support packed rows."""

    def layer_norm(self, rms_norm: bool = False, for_qk: bool = False, has_residual: bool = False) -> type:  # noqa: ARG002
        """Return the class of a norm."""
        return HostNorm

    def core_attention(self) -> type:
        """Return the class of the attention itself."""
        return DocumentAttention


def backend() -> Any:
    """Return the provider of modules for this machine."""
    return get_backend("transformer_engine") if torch.cuda.is_available() else HostBackend()


def stack_spec(experts: int, grouped: bool) -> ModuleSpec:
    """Return the layers that the symbols ``*``, ``-`` and ``E`` of a pattern mean.

    Args:
        experts: Experts of an ``E`` layer; 0 where there is none.
        grouped: Whether the experts of a rank are multiplied in one grouped kernel.
    """
    made = backend()
    fused = made.fuse_layernorm_and_linear()
    norm = IdentityOp if fused else made.layer_norm(rms_norm=True)
    first = made.column_parallel_layer_norm_linear() if fused else made.column_parallel_linear()
    qk_norm = made.layer_norm(rms_norm=True, for_qk=True)
    attention = ModuleSpec(
        TransformerLayer,
        submodules=TransformerLayerSubmodules(
            input_layernorm=norm,
            self_attention=ModuleSpec(
                SelfAttention,
                params={"attn_mask_type": AttnMaskType.causal},
                submodules=SelfAttentionSubmodules(
                    linear_qkv=first,
                    core_attention=made.core_attention(),
                    linear_proj=made.row_parallel_linear(),
                    q_layernorm=qk_norm,
                    k_layernorm=qk_norm,
                ),
            ),
            self_attn_bda=get_bias_dropout_add,
        ),
    )
    dense = ModuleSpec(
        MLPLayer,
        submodules=TransformerLayerSubmodules(
            pre_mlp_layernorm=norm,
            mlp=partial(
                MLP.as_mlp_submodule,
                submodules=MLPSubmodules(linear_fc1=first, linear_fc2=made.row_parallel_linear()),
            ),
            mlp_bda=get_bias_dropout_add,
        ),
    )
    mixture = ModuleSpec(
        MoETransformerLayer,
        submodules=TransformerLayerSubmodules(
            pre_mlp_layernorm=made.layer_norm(rms_norm=True),
            mlp=get_moe_module_spec_for_backend(made, num_experts=experts or 1, moe_grouped_gemm=grouped),
            mlp_bda=get_bias_dropout_add,
        ),
    )
    return ModuleSpec(
        HybridStack,
        submodules=HybridStackSubmodules(attention_layer=attention, mlp_layer=dense, moe_layer=mixture),
    )
