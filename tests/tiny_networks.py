"""Tiny random networks of many architectures, with windows of 16 tokens where an architecture has windows."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig, PreTrainedModel

from tests.tiny_model import TOKENIZER

WINDOW = 16
# Every name that some architecture has for a size; a config takes those that it knows.
SIZES: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 512, "n_embd": 32, "n_layer": 2,
    "n_head": 4, "n_positions": 512, "dff": 48, "ffn_dim": 48, "word_embed_proj_dim": 32, "rotary_dim": 4,
    "num_local_experts": 4, "num_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 16, "moe_num_experts": 4, "moe_k": 2, "shared_expert_intermediate_size": 16,
    "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "initializer_range": 0.3, "init_std": 0.3,
    "sliding_window": WINDOW, "use_sliding_window": True, "max_window_layers": 1,
}  # fmt: skip
_MLA = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8}
_MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_ssm": 64, "mamba_d_state": 8, "mamba_n_groups": 1,
          "mamba_d_conv": 4, "mamba_expand": 2, "mamba_chunk_size": 16}  # fmt: skip
_WINDOWED = {"layer_types": ["sliding_attention", "full_attention"]}
# What an architecture needs besides, or must not get (None leaves its own default).
_SPECIAL: dict[str, dict[str, Any]] = {
    "bamba": {**_MAMBA, "attn_layer_indices": [1]},
    "bloom": {},
    "cohere2": _WINDOWED,
    "deepseek_v2": {**_MLA, "num_key_value_heads": 4, "head_dim": None, "n_group": None, "topk_group": None},
    "deepseek_v3": {**_MLA, "num_key_value_heads": 4, "head_dim": None},
    "doge": {"keep_window_size": 2048},
    "dots1": {"n_shared_experts": 1, "layer_types": None},
    "exaone4": _WINDOWED,
    "falcon": {"head_dim": None},
    "falcon_h1": _MAMBA,
    "gemma2": _WINDOWED,
    "gemma3_text": _WINDOWED,
    "gpt_neo": {"num_layers": 2, "num_heads": 4, "window_size": WINDOW, "attention_types": [[["global", "local"], 1]]},
    "gpt_oss": _WINDOWED,
    "granitemoehybrid": {**_MAMBA, "layer_types": ["mamba", "attention"]},
    "jamba": {
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "mamba_d_state": 8,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "use_mamba_kernels": False,
    },
    "lfm2": {"layer_types": ["conv", "full_attention"], "block_ff_dim": 48, "block_auto_adjust_ff_dim": False},
    "llama4_text": {
        "attention_chunk_size": WINDOW,
        "num_hidden_layers": 4,
        "intermediate_size_mlp": 48,
        "interleave_moe_layer_step": 2,
    },
    "mamba": {"state_size": 8, "time_step_rank": 4},
    "falcon_mamba": {"state_size": 8, "time_step_rank": 4},
    "mamba2": {"state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 16},
    "ministral": _WINDOWED,
    "modernbert-decoder": {"local_attention": WINDOW, "layer_types": None},
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 512},
    "nemotron_h": {"mamba_num_heads": 8, "mamba_head_dim": 8, "ssm_state_size": 8, "n_groups": 1, "chunk_size": 16},
    "olmo3": _WINDOWED,
    "phi3": {},
    "qwen3_next": {
        "layer_types": ["linear_attention", "full_attention"],
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
    "recurrent_gemma": {"attention_window_size": WINDOW, "lru_width": 32, "num_hidden_layers": 3},
    "rwkv": {"attention_hidden_size": 32, "context_length": 512, "num_hidden_layers": 2},
    "zamba": {
        "num_hidden_layers": 4,
        "attention_hidden_size": 64,
        "attention_head_dim": 16,
        "mamba_d_state": 8,
        "n_mamba_heads": 2,
        "use_mamba_kernels": False,
        "num_key_value_heads": 4,
    },
    "zamba2": {
        "num_hidden_layers": 3,
        "layers_block_type": ["mamba", "mamba", "hybrid"],
        "mamba_d_state": 8,
        "n_mamba_heads": 8,
        "mamba_headdim": 8,
        "chunk_size": 16,
        "use_mamba_kernels": False,
        "num_key_value_heads": 4,
        "adapter_rank": 4,
        "hybrid_layer_ids": [2],
    },
}
# The 20 that the tests try; `make bench NAMES=architectures` tries all.
TESTED = (
    "bloom", "cohere2", "deepseek_v3", "exaone4", "falcon_h1", "gemma2", "gemma3_text", "gpt2", "gpt_oss",
    "granitemoehybrid", "lfm2", "llama", "mamba", "mistral", "mixtral", "mpt", "olmo3", "qwen2", "qwen3_next", "rwkv",
)  # fmt: skip
KINDS = tuple(sorted({
    *TESTED, "apertus", "arcee", "bamba", "biogpt", "codegen", "cohere", "ctrl", "deepseek_v2", "diffllama", "doge",
    "dots1", "ernie4_5", "falcon", "falcon_mamba", "gemma", "glm", "glm4", "glm4_moe", "gpt_bigcode", "gpt_neo",
    "gpt_neox", "gptj", "granite", "granitemoe", "helium", "hunyuan_v1_dense", "jamba", "llama4_text", "mamba2",
    "ministral", "modernbert-decoder", "nemotron", "olmo", "olmo2", "openai-gpt", "opt", "persimmon", "phi", "phi3",
    "qwen2_moe", "qwen3", "qwen3_moe", "recurrent_gemma", "seed_oss", "smollm3", "stablelm", "starcoder2", "xglm",
    "zamba2",
}))  # fmt: skip
REFUSED = ("bart", "bert", "t5")


@cache
def _tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(TOKENIZER)


def tiny_config(kind: str, **changed: Any) -> PreTrainedConfig:
    """A config of this type with small sizes; windows of 16 tokens if it has any, unless `changed` says otherwise."""
    known = AutoConfig.for_model(kind)
    sizes = {**SIZES, **_SPECIAL.get(kind, {})}
    given = {
        name: size
        for name, size in sizes.items()
        if size is not None and (hasattr(known, name) or name in _SPECIAL.get(kind, {}))
    }
    for name, alias in getattr(type(known), "attribute_map", {}).items():
        if name in given and alias in given:
            del given[name]
    tokens = _tokenizer()
    ids = {"vocab_size": len(tokens), "eos_token_id": tokens.eos_token_id, "pad_token_id": tokens.pad_token_id,
           "bos_token_id": tokens.bos_token_id}  # fmt: skip
    return AutoConfig.for_model(kind, **{**given, **ids, **changed})


def tiny_network_of(kind: str, dtype: torch.dtype = torch.float32, **changed: Any) -> PreTrainedModel:
    """A random network of this type, the same at every call."""
    torch.manual_seed(0)
    network: PreTrainedModel = AutoModelForCausalLM.from_config(tiny_config(kind, **changed), dtype=dtype).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "sink" in name:
                weight.normal_()
    return network


def save_tiny_network(kind: str, folder: Path, **changed: Any) -> Path:
    """A folder such as a person may name as their base model."""
    tiny_network_of(kind, **changed).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder
