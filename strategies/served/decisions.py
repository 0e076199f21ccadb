"""Labels by /v1/systemone, which gives the probability of each option of a choice without writing anything.

TypeSafe defined its requests; `transformers serve` and vLLM answer them with any chat model, by the
likelihood of the letters in front of the options; Ollama (from 0.35) and others with models made for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.measuring.phases import is_listening
from strategies.engine.language_model import Prompt, RowsDone, Scores
from strategies.served.client import Client
from strategies.served.requests import DECISIONS, Answer, Refusal, Reply, Request
from strategies.served.usage import Tokens, tokens_taken

Options = Mapping[str, str | None]  # labels, with what they mean if that is known
_QUESTION = "label"
_NO_INPUT = "N/A"  # some servers refuse an empty state (content-free input: Zhao et al., 2021)
_LEAST = 1e-6  # servers round: a probability of 0 isn't one
_ROUNDED = 0.01  # how far the probabilities may be from adding up to 1


def decide(client: Client, prompts: Sequence[Prompt], options: Options, rows_done: RowsDone | None = None) -> Scores:
    """The logarithms of the options' probabilities after each prompt. `tokens_out` is 1 for each option, since all of
    them are compared in one step."""
    replies = client.ask([question(prompt, options, is_listening()) for prompt in prompts], rows_done)
    found = [_scores(reply, tuple(options)) for reply in replies]
    taken = [
        tokens_taken(question(prompt, options), reply) if isinstance(reply, Answer) else Tokens(0, 0)
        for prompt, reply in zip(prompts, replies, strict=True)
    ]
    return Scores(
        np.array([row for row, _ in found], dtype=np.float64).reshape(len(prompts), len(options)),
        np.array([tokens.read for tokens in taken], dtype=np.int64),
        np.ones(len(options), dtype=np.int64),
        errors=tuple(error for _, error in found),
        tokens_written=np.array([tokens.written for tokens in taken], dtype=np.int64),
    )


def question(prompt: Prompt, options: Options, timed: bool = False) -> Request:
    """The instruction asks; what is to be labelled, with its passages and the solved examples before it, is the
    state."""
    instructions = [message.content for message in prompt if message.role == "system"]
    asked = {"type": "choice", "instructions": "\n\n".join(instructions), "criteria": dict(options)}
    return Request(DECISIONS, {"state": _state(prompt), "questions": {_QUESTION: asked}}, timed)


def probabilities_in(body: Mapping[str, Any], labels: Sequence[str]) -> dict[str, float] | None:
    """The probability of each label; None if a reply doesn't give one to each of them and to nothing else, or if they
    don't add up to 1."""
    try:
        given = body["answers"][_QUESTION]["probabilities"]
        found = {label: float(given[label]) for label in labels}
    except (KeyError, TypeError, ValueError):
        return None
    if len(given) != len(labels) or min(found.values()) < 0 or abs(sum(found.values()) - 1) > _ROUNDED:
        return None
    return found


def choice_in(body: Mapping[str, Any]) -> str | None:
    """The label that the reply itself names."""
    try:
        named = body["answers"][_QUESTION]["choice"]
    except (KeyError, TypeError):
        return None
    return named if isinstance(named, str) else None


def _state(prompt: Prompt) -> str:
    *examples, last = [message.content for message in prompt if message.role != "system"]
    input = last if last.strip() else _NO_INPUT
    if not examples:
        return input
    solved = zip(examples[::2], examples[1::2], strict=True)
    shown = "\n\n".join(f"Input: {text}\nLabel: {label}" for text, label in solved)
    return f"Inputs with their right labels:\n\n{shown}\n\nThe input that needs a label now:\n\n{input}"


def _scores(reply: Reply, labels: Sequence[str]) -> tuple[NDArray[np.float64], str | None]:
    if isinstance(reply, Refusal):
        return np.full(len(labels), -np.inf), reply.sentence
    found = probabilities_in(reply.body, labels)
    if found is None:
        said = json.dumps(reply.body.get("answers"), ensure_ascii=False)[:120]
        return np.full(len(labels), -np.inf), f"The server gave no probability to each of the labels: {said}."
    return np.log(np.maximum([found[label] for label in labels], _LEAST)), None
