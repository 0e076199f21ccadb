"""What was behind an answer: the prompt as it was sent, and how likely each label was. Recorded only while somebody
watches, so that a measured answer costs nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from strategies.engine.language_model import LanguageModel, Prompt


@dataclass(slots=True)
class Seen:
    """Behind each answer of a call, in order. `prompts` is empty for a strategy without a language model, `shares` for
    one without probabilities. The shares of a language model's labels add up to 1."""

    prompts: list[str] = field(default_factory=list)
    shares: list[dict[str, float]] = field(default_factory=list)


_seen: ContextVar[Seen | None] = ContextVar("seen", default=None)


@contextmanager
def watching() -> Iterator[Seen]:
    """Record what is behind the answers within the block."""
    seen = Seen()
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


def watched() -> Seen | None:
    """Where to record it; None if nobody watches."""
    return _seen.get()


def as_sent(model: LanguageModel, prompt: Prompt) -> str:
    """The prompt in the model's own chat format, as the network reads it."""
    encode, tokenizer = getattr(model, "encode", None), getattr(model, "tokenizer", None)
    if encode is None or tokenizer is None:  # a model that is served elsewhere
        return "\n\n".join(f"{turn.role}:\n{turn.content}" for turn in prompt)
    return str(tokenizer.decode(encode(prompt), clean_up_tokenization_spaces=False))


def shares_of(labels: Sequence[str], compared: NDArray[np.float64]) -> dict[str, float]:
    """The numbers that compare labels, [labels], scaled to add up to 1."""
    powers = np.exp(compared - compared.max())
    return dict(zip(labels, (powers / powers.sum()).tolist(), strict=True))
