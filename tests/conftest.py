"""Synthetic data that several test files share: trials of three strategies, made without a model, scored for real."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from advisor.plan import Priorities
from advisor.report.build import build_report
from advisor.schema import Report
from eval.mapping.kinds import labels_for
from eval.measuring.phases import READING, WRITING
from eval.outcomes import Effort, Outcome, Trial
from eval.task import LABELLED, Example, Kind, Split, Task
from tests.scored import score
from tests.servers.postgres import own_schema, running_postgres

# What the tests compute is so small that threads would only wait for each other; they run beside each other instead.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The expected answers that examples of a kind take turns with; the next one in turn is the wrong answer.
_TARGETS = {
    Kind.CLASSIFICATION: ("refund", "delivery", "account", "invoice"),
    Kind.MULTI_LABEL: ("refund; urgent", "delivery", "account; urgent", "none"),
    Kind.NUMBER: ("4", "2", "5", "1", "3"),
    Kind.EXTRACTION: (
        '{"item": "tea", "count": 2, "gift": true}',
        '{"item": "mug", "count": 1, "gift": false}',
        '{"item": "tea", "count": 4}',
    ),
    Kind.ANSWERING: ("the third floor", "14 days", "Maria Oduya", "every second Tuesday"),
    Kind.WRITING: (
        "Thank you for writing to us. We have sent a new lamp.",
        "We are sorry about the delay. Your parcel arrives on Monday.",
        "Good news: the repair is free. Please bring the receipt.",
    ),
}
# How often each is right, its seconds an answer, seconds to fit.
_STRATEGIES = {"prompting": (0.55, 0.4, 20.0), "retrieval": (0.65, 0.9, 45.0), "finetuning": (0.85, 0.3, 400.0)}


def _task(kind: Kind, n: int) -> Task:
    targets = _TARGETS[kind]
    examples = tuple(
        Example(f"row-{i}", f"Question number {i}, asked in its own words", targets[i % len(targets)])
        for i in range(3 * n)
    )
    return Task("Synthetic", kind, "", examples, labels=labels_for(kind, examples))


def _split(task: Task) -> Split:
    third = len(task.examples) // 3
    return Split(
        train=task.examples[: third + third // 2],
        dev=task.examples[third + third // 2 : 2 * third],
        test=task.examples[2 * third :],
    )


def _trial(task: Task, strategy: str, seed: int) -> Trial:
    rate, seconds, fit_seconds = _STRATEGIES[strategy]
    chance = random.Random(f"{seed} {strategy}")
    targets = _TARGETS[task.kind]
    outcomes = []
    for example in _split(task).test:
        difficulty = random.Random(f"{seed} {example.id}").random()  # the same for all: easy rows are easy for each
        is_good = 0.7 * difficulty + 0.3 * chance.random() < rate
        text = example.target if is_good else targets[(targets.index(example.target) + 1) % len(targets)]
        scored = score(task.kind, text, example.target)
        taken = seconds * chance.uniform(0.8, 1.5)
        outcomes.append(
            Outcome(
                example_id=example.id,
                strategy=strategy,
                text=text,
                score=scored.value,
                parts=scored.parts,
                tokens_in=chance.randint(60, 90),
                tokens_out=chance.randint(1, 6),
                seconds=taken,
                phases={READING: 0.7 * taken, WRITING: 0.2 * taken},
                sources=("row-0", "row-1") if strategy == "retrieval" else (),
                expected=example.target if task.kind in LABELLED else None,
            )
        )
    return Trial(
        strategy,
        "done",
        outcomes=tuple(outcomes),
        fit_seconds=fit_seconds,
        requests_per_second=2 / seconds,
        peak_memory_bytes=1_200_000_000,
        settings={"examples": 4},
        choices=({"examples": 0, "score": 0.4}, {"examples": 4, "score": 0.5}),
        effort=Effort(settings_tried=2, dev_rows=len(_split(task).dev), seconds=fit_seconds / 2),
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: beside them the others find their place."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What is loaded by now need not be looked through at every collection, of which the tests ask for hundreds."""
    gc.freeze()


@pytest.fixture(scope="session")
def synthetic_task() -> Callable[..., Task]:
    """`synthetic_task(kind, n)`: a task with 3 n examples, of which `synthetic_split` tests on n."""

    def make(kind: Kind = Kind.CLASSIFICATION, n: int = 80) -> Task:
        return _task(kind, n)

    return make


@pytest.fixture(scope="session")
def synthetic_split() -> Callable[[Task], Split]:
    return _split


@pytest.fixture(scope="session")
def synthetic_trials() -> Callable[..., tuple[Trial, ...]]:
    """`synthetic_trials(kind, n, seed)`: three finished trials over the n test rows of `synthetic_task(kind, n)`."""

    def make(kind: Kind = Kind.CLASSIFICATION, n: int = 80, seed: int = 0) -> tuple[Trial, ...]:
        return tuple(_trial(_task(kind, n), strategy, seed) for strategy in _STRATEGIES)

    return make


@pytest.fixture
def synthetic_report(synthetic_trials: Callable[..., tuple[Trial, ...]]) -> Callable[..., Report]:
    """`synthetic_report(kind, n, seed, **overrides)`: what `build_report` says of these trials; an override replaces
    one of its arguments."""

    def make(kind: Kind = Kind.CLASSIFICATION, n: int = 80, seed: int = 0, **overrides: Any) -> Report:
        task = _task(kind, n)
        arguments: dict[str, Any] = {
            "run_id": "r-synthetic",
            "created_at": "2025-01-31T12:00:00+00:00",
            "seed": seed,
            "device": "2 CPU cores",
            "model": "SmolLM2-135M-Instruct",
            "task": task,
            "split": _split(task),
            "trials": synthetic_trials(kind, n, seed),
            "priorities": Priorities(),
            "warnings": ["2 rows appear twice."],
            "versions": {"threeways": "0.1.0"},
            "preset": "quick",
        }
        return build_report(**{**arguments, **overrides})

    return make


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with running_postgres() as address:
        yield address


@pytest.fixture
def postgres(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty database of PostgreSQL, which the stores of this test use."""
    with own_schema(postgres_server) as address:
        monkeypatch.setenv("THREEWAYS_DATABASE", address)
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def each_database(request: pytest.FixtureRequest) -> None:
    """Runs a test once for each kind of database."""
    if request.param == "postgres":
        request.getfixturevalue("postgres")
