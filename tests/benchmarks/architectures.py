"""Every architecture against plain transformers, beyond its windows: scoring, writing, training, saving and merging.

The networks are tiny and random, so this says what is computed right, not how fast. The table is written to
docs/architectures.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedModel

from strategies.engine.adapter import add_adapter
from strategies.engine.architectures import unfit
from strategies.engine.few_rows import hasten_few_rows
from strategies.engine.language_model import Message, Prompt
from strategies.engine.local_model import LocalModel
from strategies.engine.loss import Pair, mean_loss
from strategies.engine.paths import on_its_path
from strategies.engine.training import train
from tests.tiny_networks import KINDS, REFUSED, save_tiny_network

LABELS = ("refund", "refund_late", "delivery", "account")
TEXTS = ("where is my parcel", "I want my money back, please, and soon, for I have waited 12 days and 3 hours", "no")
PROMPTS: tuple[Prompt, ...] = tuple(
    (Message("system", "Sort the message of a customer of our shop for lamps and chairs."), Message("user", text))
    for text in TEXTS
)
ANSWER_TOKENS = 12
TABLE = Path(__file__).parents[2] / "docs" / "architectures.md"


@dataclass(frozen=True, slots=True)
class Tried:
    """What an architecture gives on its path, beside plain transformers with a config of its own. Differences are the
    largest, in nats: of a label's score, of the loss of a few rows, and of that loss with an adapter after it was saved
    and merged. `loss_before` and `loss_after` are those of training an adapter; `same_text` says whether all greedy
    answers are the same."""

    kind: str
    slow_because: str | None
    scores: float
    same_text: bool
    loss: float
    loss_before: float
    loss_after: float
    merged: float
    longest_prompt: int

    @property
    def is_right(self) -> bool:
        return self.same_text and max(self.scores, self.loss, self.merged) < 1e-3 and self.loss_after < self.loss_before

    @property
    def difference(self) -> float:
        return max(self.scores, self.loss, self.merged)


def tried(kind: str, folder: Path) -> Tried:
    """Saves a tiny network of this type in `folder` and tries everything that a run does with it."""
    save_tiny_network(kind, folder)
    model, plain = _loaded(folder), _network(folder)
    encoded = [model.encode(prompt) for prompt in PROMPTS]
    answers = [[*model.encode_answer(label), model.end] for label in LABELS]
    pairs = [[Pair(prompt, answer) for answer in answers] for prompt in encoded]
    expected = np.array([[_alone(plain, pair) for pair in row] for row in pairs])
    scores = np.abs(model.score(PROMPTS, LABELS).log_probabilities - expected).max()
    one_by_one = np.concatenate([model.score([prompt], LABELS).log_probabilities for prompt in PROMPTS])
    scores = max(scores, np.abs(one_by_one - expected).max())
    written = model.write_tokens(encoded, ANSWER_TOKENS)
    texts = [_written(plain, prompt, model.ends) for prompt in encoded]

    rows = [row[at] for at, row in enumerate(pairs)]
    tokens = sum(len(pair.answer) for pair in rows)
    before = mean_loss(model.network, rows)
    loss = abs(before * tokens + sum(expected[at, at] for at in range(len(rows))))
    adapted = add_adapter(model.network, seed=0)
    trained = train(
        adapted, rows, rows, learning_rate=1e-2, tokens=10**6, epochs=4, evaluations=1, seed=0,
        tokens_done=lambda read: None,
    )  # fmt: skip
    adapted.save_pretrained(str(folder / "adapter"))
    fresh = _loaded(folder)
    fresh.network = PeftModel.from_pretrained(fresh.network, str(folder / "adapter")).merge_and_unload().eval()
    adapted_alone = PeftModel.from_pretrained(_network(folder), str(folder / "adapter")).eval()
    merged = fresh.score(PROMPTS, LABELS).log_probabilities
    merged_expected = np.array([[_alone(adapted_alone, pair) for pair in row] for row in pairs])
    return Tried(
        kind,
        model.slow_because,
        float(scores),
        [tokens for tokens, _ in written] == texts,
        float(loss),
        before,
        trained.dev_loss,
        float(np.abs(merged - merged_expected).max()),
        max(map(len, encoded)),
    )


def _loaded(folder: Path) -> LocalModel:
    """As a run on a CPU loads it, with the faster products of a few rows."""
    tokenizer, network = AutoTokenizer.from_pretrained(folder), _network(folder)
    hasten_few_rows(network)
    return on_its_path(network, tokenizer, folder, folder / "checks")


def _network(folder: Path) -> PreTrainedModel:
    """Each with a config of its own: setting our attention on a network changes its config."""
    network: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return network


def _alone(network: Any, pair: Pair) -> float:
    """The answer's log-probability, without a cache, a mask or other rows."""
    with torch.inference_mode():
        steps = network(input_ids=torch.tensor([pair.prompt + pair.answer])).logits[0].log_softmax(-1)
    return sum(float(steps[len(pair.prompt) - 1 + at, token]) for at, token in enumerate(pair.answer))


def _written(network: Any, prompt: list[int], ends: set[int]) -> list[int]:
    ids = torch.tensor([prompt])
    greedy = GenerationConfig(
        max_new_tokens=ANSWER_TOKENS, do_sample=False, eos_token_id=sorted(ends), pad_token_id=min(ends)
    )
    found = network.generate(ids, attention_mask=torch.ones_like(ids), generation_config=greedy)[0, len(prompt) :]
    return [token for token in found.tolist() if token not in ends]


def run(full: bool) -> list[dict[str, Any]]:
    """All types are tried, also without FULL."""
    rows = []
    for kind in KINDS:
        with TemporaryDirectory() as folder:
            rows.append(_row(tried(kind, Path(folder))))
    rows += [_refused(kind) for kind in REFUSED]
    TABLE.write_text(_page(rows), "utf-8")
    return rows


def _row(found: Tried) -> dict[str, Any]:
    return {
        "type": found.kind,
        "path": "plain" if found.slow_because else "fast",
        "largest difference (nats)": f"{found.difference:.0e}",
        "same greedy text": "yes" if found.same_text else "no",
        "loss before and after training": f"{found.loss_before:.2f}, {found.loss_after:.2f}",
        "right": "yes" if found.is_right else "no",
        "why": found.slow_because or "",
    }


def _refused(kind: str) -> dict[str, Any]:
    sentence = unfit("The model", AutoConfig.for_model(kind).to_dict())
    return dict.fromkeys(_row(_NOTHING), "") | {"type": kind, "path": "refused", "why": sentence or ""}


_NOTHING = Tried("", None, 0.0, True, 0.0, 0.0, 0.0, 0.0, 0)


def _page(rows: list[dict[str, Any]]) -> str:
    lines = [
        " | ".join(map(str, cells)) for cells in (rows[0], ["---"] * len(rows[0]), *(row.values() for row in rows))
    ]
    return _INTRODUCTION + "".join(f"| {line} |\n" for line in lines)


_INTRODUCTION = f"""# Architectures

`make bench NAMES=architectures` writes this page. It builds a tiny random network of each type, with windows of 16
tokens where the type has windows, and compares it with plain transformers (a network and a config of its own, one row
at a time). Prompts have up to 72 tokens.

- **fast**: our engine. **plain**: transformers' own forward and `generate`, which is slower. The self-check chooses
  when a model is loaded (`strategies/engine/self_check.py`). **refused**: one sentence before a run.
- **Largest difference**: of the log-probability of a label, of the training loss over {len(TEXTS)} rows, and of the
  labels after an adapter was trained, saved, loaded and merged.
- **Loss before and after training**: nats per token on the rows that an adapter was trained on for four epochs.

Other types that transformers loads as causal language models go through the same self-check. 4-bit weights and GPUs are
not part of this table.

"""
