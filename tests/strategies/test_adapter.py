"""Which parts of a network get an adapter."""

from __future__ import annotations

from transformers import GPT2Config, GPT2LMHeadModel

from strategies.engine.adapter import adapted_parts, add_adapter
from tests.tiny_model import tiny_network


def test_the_lowest_third_of_the_layers_is_left_as_it_is() -> None:
    adapted = add_adapter(tiny_network(layers=6), seed=0)
    trained = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    layers = {int(name.split(".layers.")[1].split(".")[0]) for name in trained}
    assert layers == {2, 3, 4, 5}
    assert len(trained) == 4 * 7 * 2  # in each layer seven linear parts, of each two matrices


def test_layers_are_found_by_their_number_and_without_one_all_are_adapted() -> None:
    assert adapted_parts(GPT2LMHeadModel(GPT2Config(n_embd=16, n_head=2, n_layer=3, vocab_size=64))) == [
        f"transformer.h.{layer}.{part}"
        for layer in (1, 2)
        for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    ]
    bare = tiny_network(layers=1)
    bare.model.layers = bare.model.layers[0]  # a name without a number
    assert adapted_parts(bare) == "all-linear"
