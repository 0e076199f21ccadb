"""The self-check, what is kept of it, and what it leaves as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from strategies.engine.attention import uses_ours
from strategies.engine.language_model import Message
from strategies.engine.paths import on_its_path
from strategies.engine.plain import PlainModel
from strategies.engine.self_check import trouble
from strategies.engine.transformer import Transformer, positions_hold_to
from tests.tiny_model import TOKENIZER
from tests.tiny_networks import save_tiny_network, tiny_network_of

LABELS = ("refund", "refund_late", "delivery")
LONG_TEXT = " ".join(f"word {at}" for at in range(30))


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(TOKENIZER)


def test_windows_are_narrowed_for_the_check_alone(tokenizer: PreTrainedTokenizerBase) -> None:
    network = tiny_network_of("gemma3_text", sliding_window=300)
    own = network.config._attn_implementation
    assert trouble(network, tokenizer) is None
    assert network.config.sliding_window == 300 and network.config._attn_implementation == own
    windows = [module.sliding_window for module in network.modules() if hasattr(module, "sliding_window")]
    assert windows and set(windows) == {300, None}


def test_a_window_that_an_engine_ignores_is_found_however_long_it_is(
    tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Qwen2-MoE builds masks for its windows and doesn't hand them to its attention."""
    network = tiny_network_of("qwen2_moe", sliding_window=300)
    assert (trouble(network, tokenizer) or "").startswith("Our engine's numbers for this network differ")
    unknown = tiny_network_of("gpt_neo", window_size=256)
    assert trouble(unknown, tokenizer) == "Our engine doesn't know how this network uses its window_size."


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("bloom", "Our engine doesn't compute networks of the type “bloom”."),
        ("mpt", "Our engine's numbers for this network differ from those of transformers by "),
        ("mamba", "This network carries a recurrent state along, which our engine doesn't."),
        ("lfm2", "Our engine doesn't compute networks of the type “lfm2”."),
    ],
)
def test_why_a_network_is_slow_is_a_sentence(tokenizer: PreTrainedTokenizerBase, kind: str, why: str) -> None:
    found = trouble(tiny_network_of(kind), tokenizer) or ""
    assert found.startswith(why) and found.endswith(".") and "\n" not in found


def test_a_hybrid_network_without_recurrent_layers_is_fast(tokenizer: PreTrainedTokenizerBase) -> None:
    """As the small ones of Granite 4."""
    assert trouble(tiny_network_of("granitemoehybrid", layer_types=["attention"] * 2), tokenizer) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rounding_is_no_trouble(tokenizer: PreTrainedTokenizerBase, dtype: torch.dtype) -> None:
    assert trouble(tiny_network_of("mistral", dtype=dtype), tokenizer) is None


def test_in_bfloat16_a_window_is_still_found(tokenizer: PreTrainedTokenizerBase) -> None:
    assert trouble(tiny_network_of("qwen2_moe", dtype=torch.bfloat16), tokenizer) is not None


def test_a_result_is_kept_until_the_network_is_another(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    folder, kept = save_tiny_network("llama", tmp_path / "llama"), tmp_path / "kept"
    network = tiny_network_of("llama")
    assert isinstance(on_its_path(network, tokenizer, folder, kept), Transformer)
    (file,) = kept.iterdir()
    assert json.loads(file.read_text()) == {"slow_because": None}
    file.write_text(json.dumps({"slow_because": "It was written here by hand."}))
    slow = on_its_path(network, tokenizer, folder, kept)
    assert isinstance(slow, PlainModel) and slow.slow_because == "It was written here by hand."
    assert not uses_ours(network)
    file.write_text("damaged")
    assert isinstance(on_its_path(network, tokenizer, folder, kept), Transformer)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 1e-5}))
    on_its_path(network, tokenizer, folder, kept)
    assert len(list(kept.iterdir())) == 2


def test_both_paths_give_the_same_answers_and_count_the_same_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    network = tiny_network_of("llama")
    asked = [(Message("user", text),) for text in ("where is it", "no", LONG_TEXT, "where is he")]
    fast, plain = Transformer(network, tokenizer), PlainModel(tiny_network_of("llama"), tokenizer)
    rows: list[int] = []
    found, expected = fast.score(asked, LABELS), plain.score(asked, LABELS, rows.append)
    assert found.log_probabilities == pytest.approx(expected.log_probabilities, abs=1e-4)
    assert np.array_equal(found.tokens_in, expected.tokens_in) and np.array_equal(found.tokens_out, expected.tokens_out)
    written, others = fast.write(asked, 9), plain.write(asked, 9, rows.append)
    assert [(one.text, one.tokens_out, one.cut_off) for one in written] == [
        (one.text, one.tokens_out, one.cut_off) for one in others
    ]
    assert rows[:4] == [1, 2, 3, 4] and rows[-1] == 4


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (
            "phi3",
            {
                "rope_parameters": {
                    "rope_type": "longrope", "rope_theta": 10_000.0,
                    "short_factor": [1.0] * 4, "long_factor": [4.0, 3.0, 2.0, 1.0],
                },
                "original_max_position_embeddings": 40,
                "sliding_window": None,
            },
        ),
        (
            "llama",
            {
                "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0},
                "max_position_embeddings": 40,
            },
        ),
    ],
)  # fmt: skip
def test_positions_that_depend_on_the_length_are_left_to_transformers(
    tokenizer: PreTrainedTokenizerBase, kind: str, given: dict[str, Any]
) -> None:
    fast = Transformer(tiny_network_of(kind, **given), tokenizer)
    plain = PlainModel(tiny_network_of(kind, **given), tokenizer)
    assert positions_hold_to(fast.network) == 40
    asked = [(Message("user", text),) for text in ("where is it", LONG_TEXT)]
    assert fast.score(asked, LABELS).log_probabilities == pytest.approx(
        plain.score(asked, LABELS).log_probabilities, abs=1e-4
    )
    assert [one.text for one in fast.write(asked, 5)] == [one.text for one in plain.write(asked, 5)]
    assert uses_ours(fast.network)
