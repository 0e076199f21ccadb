"""Estimate how long a run takes, from a short timing of this machine with the chosen model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from advisor.as_json import AsJson
from advisor.plan import BASELINES_STEP, CURVES_STEP
from eval.measuring.other_programs import MATERIAL_SHARE, OtherPrograms
from eval.statistics.learning_curve import sizes_of
from eval.task import BadInput, Split, Task
from strategies.presets import Preset
from strategies.registry import LEARNS_FROM_NO_ROWS, TRAINED
from strategies.served.address import is_served
from strategies.workload import Workload, foresee, foresee_baselines, foresee_fewer

# Answers written to time decoding: fewer than the usual 32 at once, to stay within ten seconds.
SERVED = "The model is on a server, so timing this machine would say nothing about it."
UNTIMED_CLUSTER = "Not measured: how long this takes on the cluster."
OTHERS_SERVED = "How long the models on servers take isn't known beforehand."
_WRITTEN_TOGETHER = 10
SECONDS_TO_LOAD = 6.0  # to start a process and import torch and transformers, without loading the weights


@dataclass(frozen=True, slots=True)
class Speed:
    """What this machine does with one model: tokens per second, except `load_seconds` and `embed` (texts per second).

    `busy` is the share of the processor that other programs used just before; None in timings of older versions.
    """

    device: str
    load_seconds: float
    read: float
    read_alone: float
    write: float
    write_alone: float
    train: float
    embed: float
    busy: float | None = None


SPEED = AsJson[Speed](Speed)


def read_speed(stored: str | bytes) -> Speed | None:
    """None if another version stored different measurements."""
    try:
        return SPEED.read(stored)
    except ValueError:
        return None


def busy_share(seconds: float = 1.0) -> float:
    """The share of the processor cores in use while this process waits for `seconds`."""
    others = OtherPrograms()
    with others.watched():
        time.sleep(seconds)
    return others.share() or 0.0


def busy_sentence(speed: Speed) -> str | None:
    """A caveat for an estimate from a timing of a busy machine; None if it was quiet."""
    if speed.busy is None or speed.busy <= MATERIAL_SHARE:
        return None
    return (
        f"Other programs used {100 * speed.busy:.0f} % of the processor when this machine was timed, "
        "so the run will be faster than this if they stop."
    )


def measure_speed(model: str) -> Speed:
    """Time the real calls on this machine, in about ten seconds. Imports torch, so run it in a child process.

    Raises BadInput if the model can't be loaded, or if it is on a server.
    """
    if is_served(model):
        raise BadInput(SERVED)
    from strategies.engine import training
    from strategies.engine.adapter import add_adapter
    from strategies.engine.language_model import Message, Prompt
    from strategies.engine.loss import Pair
    from strategies.engine.weights import device_name, load_language_model, model_folder
    from strategies.search.embedder import load_embedder

    model_folder(model)  # fetch and unpack before timing: this happens once, but each strategy loads again
    busy = busy_share()
    started = time.perf_counter()
    language_model = load_language_model(model)
    load_seconds = time.perf_counter() - started
    embedder = load_embedder()

    # Rotate the words: every prompt starts differently, so that no cache shortens reading.
    words = ["market", "river", "seven", "lantern", "quiet", "orchard", "ticket", "paper", "winter", "bridge", "copper"]
    texts = [" ".join(words[(row + at) % len(words)] for at in range(110)) for row in range(_WRITTEN_TOGETHER)]
    prompts = [(Message("user", text),) for text in texts]
    labels = ("yes", "no")
    language_model.score(prompts[:2], labels)  # warm-up
    read_tokens = sum(language_model.count_prompt_tokens(prompts[:4]))
    read_seconds = _fastest(lambda: language_model.score(prompts[:4], labels))
    alone_tokens = sum(language_model.count_prompt_tokens(prompts[9:]))
    alone_seconds = _fastest(lambda: language_model.score(prompts[9:], labels))
    asked = [(Message("user", f"{text[:12]} Tell a long story."),) for text in texts]
    lengths = [answer.tokens_out for answer in language_model.write(asked, 6)]
    longest = max(range(len(lengths)), key=lengths.__getitem__)

    def writing_rate(prompts: Sequence[Prompt], lengths: Sequence[int]) -> float:
        """Tokens per second, without the first token, whose time is that of reading the prompt."""
        first = _fastest(lambda: language_model.write(prompts, 1))
        seconds = _fastest(lambda: language_model.write(prompts, 6)) - first
        return max(1, sum(lengths) - len(lengths)) / max(seconds, 1e-3)

    write, write_alone = writing_rate(asked, lengths), writing_rate([asked[longest]], [lengths[longest]])
    pairs = [Pair(language_model.encode(prompt)[:40], [5, 6, 7, 8]) for prompt in prompts[:4]]
    adapted = add_adapter(language_model.network, seed=0)

    def train(pairs: list[Pair]) -> None:
        training.train(
            adapted, pairs, pairs[:1], learning_rate=1e-4, tokens=len(pairs) * 44, epochs=1,
            evaluations=1, seed=0, tokens_done=lambda read: None,
        )  # fmt: skip

    train(pairs[:2])
    train_seconds = _fastest(lambda: train(pairs))
    embedder.embed(texts[:2])
    embed_seconds = _fastest(lambda: embedder.embed([text[:300] for text in texts]))
    return Speed(
        device=device_name(),
        load_seconds=load_seconds,
        read=read_tokens / read_seconds,
        read_alone=alone_tokens / alone_seconds,
        write=write,
        write_alone=write_alone,
        train=len(pairs) * 44 / train_seconds,
        embed=len(texts) / embed_seconds,
        busy=busy,
    )


def estimate_seconds(task: Task, split: Split, preset: Preset, steps: Sequence[str], speed: Speed) -> dict[str, float]:
    """Estimated seconds by step name: a strategy, all baselines, or the learning curves of the strategies before
    them."""
    budget = preset.budget(task.kind)

    def seconds(step: str) -> float:
        if step == BASELINES_STEP:
            return SECONDS_TO_LOAD + _seconds(foresee_baselines(task, split, budget), speed)
        if step == CURVES_STEP:
            return SECONDS_TO_LOAD + sum(curve_seconds(one) for one in steps[: steps.index(step)])
        work = foresee(step, task.brief, split, task.documents, budget)
        again = preset.trainings - 1 if step in TRAINED else 0
        anew = again * anew_seconds(step, len(split.train), len(split.test)) if again else 0.0
        return SECONDS_TO_LOAD + speed.load_seconds + _seconds(work, speed) + anew

    def anew_seconds(strategy: str, rows: int, test_rows: int) -> float:
        work = foresee_fewer(strategy, task.brief, split, task.documents, budget, rows, test_rows)
        return speed.load_seconds + _seconds(work, speed)

    def curve_seconds(strategy: str) -> float:
        if strategy in (BASELINES_STEP, *LEARNS_FROM_NO_ROWS):
            return 0.0
        test_rows = preset.curve_test_rows(task.kind)
        return sum(anew_seconds(strategy, rows, test_rows) for rows in sizes_of(len(split.train), preset.curve_shares))

    return {step: seconds(step) for step in steps}


def _seconds(work: Workload, speed: Speed) -> float:
    return (
        work.read / speed.read
        + work.read_alone / speed.read_alone
        + work.write / speed.write
        + work.write_alone / speed.write_alone
        + work.train / speed.train
        + work.embed / speed.embed
    )


def _fastest(call: Callable[[], object]) -> float:
    """Seconds of the faster of two calls, because other work on the machine can only slow them."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
