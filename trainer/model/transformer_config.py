"""From a recipe to Megatron's configuration of a transformer."""

from __future__ import annotations

from typing import Any

import torch
from megatron.core.transformer import TransformerConfig

from trainer.recipe.recipe import Experts, Recipe

_FLEX = {"deepep", "hybridep"}


def transformer_config(recipe: Recipe, expert_parallel: int) -> TransformerConfig:
    """Return Megatron's configuration for a recipe on this machine.

    Args:
        recipe: A checked recipe.
        expert_parallel: Expert parallelism of this run.
    """
    gpu = torch.cuda.is_available()
    model, layout, precision = recipe.model, recipe.parallel, recipe.precision
    dtype = getattr(torch, precision.params)
    more: dict[str, Any] = {}
    if model.experts:
        more |= _experts(model.experts, gpu)
    if model.recompute == "full":
        more |= {"recompute_granularity": "full", "recompute_method": "uniform", "recompute_num_layers": 1}
    if precision.fp8 != "none":
        more |= {
            "fp8": "e4m3",
            "fp8_recipe": precision.fp8,
            "fp8_param": True,
            "first_last_layers_bf16": True,
            "moe_router_padding_for_quantization": model.experts is not None,
        }
    return TransformerConfig(
        num_layers=model.layers,
        hidden_size=model.hidden,
        ffn_hidden_size=model.ffn or model.hidden,
        num_attention_heads=model.heads,
        num_query_groups=model.groups,
        kv_channels=model.head_width,
        normalization="RMSNorm",
        layernorm_epsilon=model.norm_epsilon,
        qk_layernorm=True,
        gated_linear_unit=True,
        activation_func=torch.nn.functional.silu,
        add_bias_linear=False,
        init_method_std=model.init_std,
        attention_dropout=0.0,
        hidden_dropout=0.0,
        # With it every rank of expert parallelism would draw the same experts.
        use_cpu_initialization=False,
        params_dtype=dtype,
        pipeline_dtype=dtype,
        bf16=dtype is torch.bfloat16,
        tensor_model_parallel_size=layout.tensor,
        pipeline_model_parallel_size=layout.pipeline,
        expert_model_parallel_size=expert_parallel,
        expert_tensor_parallel_size=layout.expert_tensor,
        sequence_parallel=layout.tensor > 1,
        # Gradients are summed over ranks and divided once, by the sum of the loss weights.
        calculate_per_token_loss=True,
        # Kernels that only a GPU has.
        persist_layer_norm=gpu,
        bias_activation_fusion=gpu,
        bias_dropout_fusion=gpu,
        apply_rope_fusion=gpu,
        gradient_accumulation_fusion=False,
        **more,
    )


def _experts(experts: Experts, gpu: bool) -> dict[str, Any]:
    flex = experts.dispatcher in _FLEX
    return {
        "num_moe_experts": experts.count,
        "moe_router_topk": experts.chosen,
        "moe_ffn_hidden_size": experts.ffn,
        "moe_shared_expert_intermediate_size": experts.shared_ffn or None,
        "moe_router_dtype": "fp32",
        # Not seq_aux_loss: it takes a packed row for one sequence.
        "moe_router_load_balancing_type": "none" if experts.bias or not experts.aux_loss else "aux_loss",
        "moe_aux_loss_coeff": experts.aux_loss,
        "moe_z_loss_coeff": experts.z_loss or None,
        "moe_router_enable_expert_bias": experts.bias,
        "moe_router_score_function": "sigmoid" if experts.bias else "softmax",
        "moe_token_dispatcher_type": "flex" if flex else experts.dispatcher,
        **({"moe_flex_dispatcher_backend": experts.dispatcher} if flex else {}),
        "moe_grouped_gemm": gpu,
        "moe_permute_fusion": gpu,
        "moe_router_fusion": gpu and not experts.bias,
    }
