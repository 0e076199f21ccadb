"""A random transformer of some ten thousand weights with a committed tokenizer: real code paths in seconds."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from strategies.engine.few_rows import hasten_few_rows
from strategies.engine.transformer import Transformer

TOKENIZER = Path(__file__).parent / "fixtures" / "tiny_tokenizer"


def tiny_transformer() -> Transformer:
    """The same weights at every call, run as a CPU runs those of a real model."""
    network = tiny_network()
    hasten_few_rows(network)
    return Transformer(network, AutoTokenizer.from_pretrained(TOKENIZER))


def tiny_network(layers: int = 2) -> LlamaForCausalLM:
    """The same network as transformers runs it."""
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    torch.manual_seed(0)
    network = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=48,
            intermediate_size=96,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            initializer_range=0.2,  # with the usual 0.02 no logit of so small a network could ever stand out
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=tokenizer.bos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    network.eval()
    return network


def save_tiny_model(folder: Path) -> Path:
    """A folder such as a person may name as their base model."""
    tiny = tiny_transformer()
    tiny.network.save_pretrained(folder)
    tiny.tokenizer.save_pretrained(folder)
    return folder
