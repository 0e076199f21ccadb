"""Does our engine compute a network as transformers does? Both run two prompts, and their numbers are compared.

What is right depends on the network's code and config, not on the values of its weights. So windows are narrowed while
the check lasts: a prompt of a few dozen tokens then reaches beyond all of them, and the check costs as much as a few
short requests even where a window has thousands of tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from eval.task import BadInput
from strategies.engine.attention import attend_as_its_own, uses_ours
from strategies.engine.label_tree import LabelTree
from strategies.engine.loss import Pair, mean_loss
from strategies.engine.plain import PlainModel, last_logits
from strategies.engine.transformer import Transformer

WINDOW = 8  # tokens; what windows are narrowed to
SHARED, SHORT, LONG = 18, 3, 20  # tokens of the beginning that both prompts share, and of what follows it
WRITTEN = 4  # tokens
# Nats that the two may differ by: so much, and this share of the number itself. In float32, rounding changed the
# numbers of the networks in docs/architectures.md by 2e-5 at most; the smallest error was 0.12 (MPT's position biases).
ROUNDING = (1e-3, 1e-4)
# For bfloat16, whose numbers are 2 ** 16 times as coarse. On a CPU, rounding took at most a fifth of this in dense
# networks and three quarters in a mixture of experts, where it can choose another expert. Not measured on a GPU.
ROUGH_ROUNDING = (0.1, 0.02)
_WINDOWS = ("sliding_window", "attention_chunk_size")  # read in every pass, so that they can be narrowed
_SETTINGS = ("max_window_layers", "sliding_window_pattern")  # no windows in spite of their name


def trouble(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> str | None:
    """Why our engine can't compute this network, in a sentence; None if it can. Afterwards, the network's attention is
    that of transformers."""
    try:
        with torch.inference_mode(), _narrowed(network) as unknown:
            if unknown:
                return f"Our engine doesn't know how this network uses its {unknown}."
            difference = _largest_difference(network, tokenizer)
    except (BadInput, MemoryError, torch.OutOfMemoryError):  # says nothing about our engine
        raise
    except Exception as wrong:  # whatever it is that our engine doesn't know of such a network
        if "not enough memory" in str(wrong):  # how torch says so of a CPU
            raise
        if getattr(network, "_is_stateful", False):
            return "This network carries a recurrent state along, which our engine doesn't."
        return f"Our engine doesn't compute networks of the type “{network.config.get_text_config().model_type}”."
    finally:
        attend_as_its_own(network)
    if difference is None:
        return None
    return f"Our engine's numbers for this network differ from those of transformers by {difference:.3g} nats."


def reads_ahead(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether later tokens change what the network says of earlier ones, on the code of transformers. Such a network
    reads a text in both directions, and can't continue one."""
    tokens = list(tokenizer(" ".join(map(str, range(LONG))), add_special_tokens=False)["input_ids"])[:LONG]
    ids = torch.tensor([tokens], device=network.device)
    with torch.inference_mode():
        alone = last_logits(network, ids[:, : LONG // 2], 1)[:, -1].float().log_softmax(-1)
        followed = last_logits(network, ids, 1 + len(tokens) - LONG // 2)[:, 0].float().log_softmax(-1)
    absolute, share = rounding(network.dtype)
    return bool(((alone - followed).abs() > absolute + share * alone.abs()).any())


def rounding(dtype: torch.dtype) -> tuple[float, float]:
    """What rounding may change in a sum of log-probabilities: in nats, and as a share of the sum."""
    return ROUNDING if dtype in (torch.float32, torch.float64) else ROUGH_ROUNDING


def _largest_difference(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> float | None:
    """The largest difference in nats; None if rounding explains all differences."""
    fast = Transformer(network, tokenizer)
    if not uses_ours(network) and rounding(network.dtype) == ROUGH_ROUNDING:
        raise RuntimeError("its attention is its own, and rounding could hide small differences")
    prompts, labels = _prompts_and_labels(fast)
    tree = LabelTree.grow(labels, fast.end, fast.device)
    fast.ends = set()  # so that every answer has all its tokens
    scores = fast.score_tokens(prompts, tree)
    written = fast.write_tokens(prompts, WRITTEN)

    pairs = [Pair(prompt, label) for prompt, label in zip(prompts, labels[1:3], strict=True)]
    packed = [mean_loss(network, pairs)]

    plain = PlainModel(network, tokenizer)
    expected = plain.score_tokens(prompts, tree)
    alone = [mean_loss(network, pairs)]
    missed = []  # how much likelier transformers finds its likeliest token than the written one, at each step
    for prompt, (tokens, _) in zip(prompts, written, strict=True):
        ids = torch.tensor([[*prompt, *tokens[:-1]]], device=plain.device)
        steps = last_logits(network, ids, len(tokens))[0].float()
        chosen = steps.gather(1, torch.tensor(tokens, device=plain.device)[:, None])[:, 0]
        missed.append((steps.amax(-1) - chosen).cpu().double().numpy())
    found = np.concatenate([scores.ravel(), packed, *missed])
    expected = np.concatenate([expected.ravel(), alone, *(np.zeros_like(one) for one in missed)])
    differences = np.abs(found - expected)
    absolute, share = rounding(network.dtype)
    allowed = absolute + share * np.abs(expected)
    within = differences <= allowed  # False for numbers that aren't finite
    return None if within.all() else float(differences[~within].max())


def _prompts_and_labels(model: Transformer) -> tuple[list[list[int]], list[list[int]]]:
    """A short prompt and one beyond every window with the same beginning, and labels of which some begin alike and some
    don't. None of the tokens is a special one."""
    tokens = model.encode_answer(" ".join(str(7919 * number % 1000) for number in range(100)))
    while len(tokens) < SHARED + SHORT + LONG:
        tokens = 2 * (tokens or [1])
    shared, rest = tokens[:SHARED], tokens[SHARED:]
    long = max(SHORT, min(LONG, model.context_tokens - SHARED - WRITTEN))
    first, second, third, *_ = [*dict.fromkeys(tokens), *range(3)]
    labels = [[third], [first, second], [second, third, first], [first, third, second]]
    return [shared + rest[:SHORT], shared + rest[SHORT : SHORT + long]], labels


@contextmanager
def _narrowed(network: PreTrainedModel) -> Iterator[str | None]:
    """Within this context all windows have `WINDOW` tokens. Yields the name of a window that can't be narrowed and that
    the prompts don't reach beyond, or None."""
    holders: list[Any] = [network.config, network.config.get_text_config(), *network.modules()]
    holders += [module.config for module in network.modules() if hasattr(module, "config")]
    changed: list[tuple[Any, str, int]] = []
    for holder in {id(one): one for one in holders}.values():
        for name in _WINDOWS:
            size = getattr(holder, name, None)
            if isinstance(size, int) and size > WINDOW:
                setattr(holder, name, WINDOW)
                changed.append((holder, name, size))
    try:
        yield next(
            (
                name
                for name, size in network.config.get_text_config().to_dict().items()
                if "window" in name and name not in _SETTINGS and type(size) is int and size >= SHARED + SHORT
            ),
            None,
        )
    finally:
        for holder, name, size in changed:
            setattr(holder, name, size)
