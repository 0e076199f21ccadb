"""How fast labels, answers and training are on the larger network, beside transformers by itself and, where they are
installed, TRL and vLLM. Rounds alternate between both sides."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any, TypeVar

from strategies.engine.adapter import add_adapter
from strategies.engine.all_weights import open_all_weights
from strategies.engine.language_model import Prompt
from strategies.engine.local_model import LocalModel
from strategies.engine.plain import PlainModel
from tests.benchmarks.gpu.bench import Bench, Rows, Tickets, free_memory, peak_memory
from tests.benchmarks.gpu.proofs import train_once
from tests.benchmarks.peers import seconds_of_vllm, train_plainly, train_with_trl
from tests.benchmarks.side_by_side import generate_plainly, seconds_of

ROWS_A_BATCH = 32  # for `generate`, as many as our plain path writes together
ALONE = 8  # one in so many prompts is also asked alone

Asked = TypeVar("Asked")


def labels(bench: Bench, tickets: Tickets) -> Rows:
    """Rows a second whose labels are scored: all in one call, and one at a time."""
    model = bench.larger_model()
    plain = PlainModel(bench.network(), model.tokenizer)
    prompts = tickets.prompts[: bench.sizes.timed]

    def asked(by: LocalModel) -> Callable[[list[Prompt]], Any]:
        return lambda some: by.score(some, tickets.labels)

    return _together_and_alone("rows a second", 1, prompts, asked(model), asked(plain), bench.sizes.rounds)


def answers(bench: Bench, tickets: Tickets) -> Rows:
    """Tokens written a second: to all prompts in one call, and to one at a time."""
    model, network = bench.larger_model(), bench.network()
    model.ends = set()  # every answer has all its tokens
    prompts = [model.encode(prompt) for prompt in tickets.prompts[: bench.sizes.timed]]
    tokens = bench.sizes.timed_tokens

    def ours(some: list[list[int]]) -> Any:
        return model.write_tokens(some, tokens)

    def theirs(some: list[list[int]]) -> Any:
        return generate_plainly(network, some, tokens, set(), ROWS_A_BATCH)

    return _together_and_alone("tokens a second", tokens, prompts, ours, theirs, bench.sizes.rounds)


def training(bench: Bench, tickets: Tickets) -> Rows:
    """Tokens a second in an epoch over the same rows, and the most GPU memory; an adapter, then all weights."""
    tokenizer = bench.larger_model().tokenizer
    pairs = tickets.pairs(bench.larger_model(), slice(bench.sizes.adapted))
    tokens = sum(pair.tokens for pair in pairs)

    def ours() -> float:
        network = add_adapter(bench.larger_model().network, seed=0)
        return seconds_of(lambda: train_once(network, pairs, pairs[:1], bench.sizes.adapter_rate))[1]

    def all_weights() -> float:
        network = open_all_weights(bench.larger_model().network, seed=0)
        return seconds_of(lambda: train_once(network, pairs, pairs[:1], bench.sizes.full_rate))[1]

    sides: dict[str, Callable[[], float]] = {
        "ours, an adapter": ours,
        "transformers and peft, an adapter": lambda: train_plainly(bench.network(), pairs, 0, bench.sizes.adapter_rate)[
            1
        ],
    }
    if importlib.util.find_spec("trl"):
        sides["SFTTrainer, an adapter"] = lambda: train_with_trl(bench.network(), tokenizer, pairs, 0)[1]
    sides["ours, all weights"] = all_weights
    rows = []
    for name, run in sides.items():
        run()  # warm-up
        with peak_memory(bench.device) as peak:
            seconds = run()
        rows.append(
            {"what": name, "tokens a second": tokens / seconds, "peak GPU GB": peak[0] if peak else "not measured"}
        )
        free_memory(bench.device)
    return rows


def vllm(bench: Bench, tickets: Tickets) -> Rows:
    """The same labels and answers by vLLM."""
    if bench.device.type == "cpu" or importlib.util.find_spec("vllm") is None:
        return [{"not measured": "vLLM isn't installed." if bench.device.type == "cuda" else "vLLM needs a GPU here."}]
    model = bench.larger_model()
    prompts = [model.encode(prompt) for prompt in tickets.prompts[: bench.sizes.timed]]
    encoded = [[*model.encode_answer(label), model.end] for label in tickets.labels]
    del model
    free_memory(bench.device)
    seconds = seconds_of_vllm(bench.larger, prompts, encoded, bench.sizes.timed_tokens)
    return [
        {"what": "labels, rows a second", "vLLM": len(prompts) / seconds["labels"]},
        {"what": "answers, tokens a second", "vLLM": len(prompts) * bench.sizes.timed_tokens / seconds["writing"]},
    ]


def _together_and_alone(
    unit: str,
    a_row: int,
    prompts: list[Asked],
    ours: Callable[[list[Asked]], Any],
    theirs: Callable[[list[Asked]], Any],
    rounds: int,
) -> Rows:
    """Both sides with all prompts in one call, then with some of them one at a time. `a_row` units are in a row."""
    some = prompts[: max(1, len(prompts) // ALONE)]

    def one_by_one(work: Callable[[list[Asked]], Any]) -> None:
        for prompt in some:
            work([prompt])

    together = {"ours": partial(ours, prompts), "transformers": partial(theirs, prompts)}
    alone = {
        "ours, one row a call": partial(one_by_one, ours), "transformers, one row a call": partial(one_by_one, theirs)
    }  # fmt: skip
    return _beside(unit, a_row * len(prompts), rounds, together) + _beside(unit, a_row * len(some), rounds, alone)


def _beside(unit: str, amount: float, rounds: int, sides: Mapping[str, Callable[[], Any]]) -> Rows:
    """The median of the rounds, with the slowest and the fastest."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for work in sides.values():
        work()  # warm-up
    for _ in range(rounds):
        for name, work in sides.items():
            taken[name].append(seconds_of(work)[1])
    first = median(next(iter(taken.values())))
    return [
        {
            "what": name,
            unit: amount / median(seconds),
            "slowest": amount / max(seconds),
            "fastest": amount / min(seconds),
            "times the seconds of the first": median(seconds) / first,
        }
        for name, seconds in taken.items()
    ]
