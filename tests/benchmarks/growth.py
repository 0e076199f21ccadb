"""How cost grows with rows, labels, prompt length and documents: seconds, and the slope on a log-log plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eval.task import Kind
from strategies.drafting import write_instruction
from strategies.engine.language_model import Message
from strategies.engine.local_model import LocalModel
from strategies.engine.weights import load_language_model
from strategies.prompts import build_prompt
from strategies.search.vector_index import VectorIndex
from tests.benchmarks.shared_tasks import shared_task
from tests.benchmarks.side_by_side import by_sum, seconds_of

ROWS = (12, 24, 48, 96)
LABELS = (5, 15, 40, 77)
LABELLED_ROWS = 24
WORDS = (60, 120, 240, 480)
DOCUMENTS = (5_000, 10_000, 20_000, 40_000)
DIMENSIONS = 384


def run(full: bool) -> list[dict[str, Any]]:
    rounds = 5 if full else 3
    model = load_language_model("embedded")
    task, split = shared_task("banking77")
    inputs = [row.input for row in split.test]

    def score(rows: int, labels: int) -> Callable[[], object]:
        taken = task.labels[:: len(task.labels) // labels][:labels]
        instruction = write_instruction(Kind.CLASSIFICATION, taken, ())
        prompts = [build_prompt(instruction, input) for input in inputs[:rows]]
        return lambda: model.score(prompts, taken, compare=by_sum)

    random = np.random.default_rng(0)
    vectors = random.standard_normal((max(DOCUMENTS), DIMENSIONS), dtype=np.float32)

    def search(documents: int) -> Callable[[], object]:
        index = VectorIndex(vectors[:documents])
        return lambda: index.search(vectors[:64], 5)

    return [
        _grow("rows", ROWS, lambda rows: score(rows, max(LABELS)), rounds),
        _grow("labels", LABELS, lambda labels: score(LABELLED_ROWS, labels), rounds),
        _grow("words in the prompt", WORDS, lambda words: _read(model, words), rounds),
        _grow("documents searched", DOCUMENTS, search, rounds),
    ]


def _read(model: LocalModel, words: int) -> Callable[[], object]:
    """Four prompts that share nothing."""
    prompts = [(Message("user", " ".join(str(row * 1000 + at) for at in range(words // 3))),) for row in range(4)]
    return lambda: model.score(prompts, ("yes", "no"))


def _grow(
    what: str, sizes: tuple[int, ...], work: Callable[[int], Callable[[], object]], rounds: int
) -> dict[str, Any]:
    calls = [work(size) for size in sizes]
    for call in calls:
        call()  # what is prepared once is not what grows
    seconds = np.array([[seconds_of(call)[1] for call in calls] for _ in range(rounds)])
    middle = np.median(seconds, axis=0)
    slope = np.polyfit(np.log(sizes), np.log(middle), deg=1)[0]
    return {
        "grows": what,
        "sizes": " ".join(f"{size:,}" for size in sizes),
        "seconds": " ".join(f"{value:.3g}" for value in middle),
        "slope": float(slope),
    }
