"""The raw outcomes, and a person's clicks, as tables that open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from advisor.storage.own_marks import OwnMark
from eval.blind.pairs import Answer, Click, Pair
from eval.mapping.accepted import SEPARATOR
from eval.outcomes import Outcome, Trial
from eval.reading.text_marks import inert
from eval.task import Example

_FACTS = ("example", "strategy", "input", "expected", "answer", "score")
_CLICKED = ("input", "left", "right", "click", "left_by", "right_by", "left_score", "right_score", "at", "asked_in")
_MARKED = ("input", "answer", "mark", "note", "strategies", "score", "at", "marked_in")
_MORE_FACTS = (
    "seconds",
    "undisturbed_seconds",
    "processor_seconds",
    "tokens_in",
    "tokens_out",
    "sources",
    "found_gold",
    "group",
    "error",
    "cut_off",
)


def outcomes_csv(trials: Sequence[Trial], examples: Sequence[Example]) -> str:
    """One row for each example and strategy, in the order of the trials, with a header.

    Write it as "utf-8-sig", or Excel misreads accents. Texts that a spreadsheet would run as a formula get a
    leading apostrophe; numbers stay numbers, and what was not measured is empty. Several right answers are parted
    by ||. Secondary scores follow as columns of their own. Raises KeyError when an outcome's example is not among
    `examples`.
    """
    example_by_id = {example.id: example for example in examples}
    outcomes = [outcome for trial in trials for outcome in trial.outcomes]
    parts = sorted({name for outcome in outcomes for name in outcome.parts})
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow([*_FACTS, *map(inert, parts), *_MORE_FACTS])
    table.writerows(_row(outcome, example_by_id[outcome.example_id], parts) for outcome in outcomes)
    return written.getvalue()


def clicks_csv(clicks: Sequence[Click], pairs: Sequence[Pair]) -> str:
    """One row for each click, in their order, with a header; write it as `outcomes_csv`. Writers and scores are empty
    where none of `pairs` has these two texts."""
    answers: dict[tuple[str, str], list[Answer]] = {}
    for pair in pairs:
        for answer in (pair.left, pair.right):
            answers.setdefault((pair.input, answer.text), []).append(answer)
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(_CLICKED)
    for click in clicks:
        sides = [answers.get((click.input, text), []) for text in (click.left, click.right)]
        table.writerow(
            [
                *map(inert, (click.input, click.left, click.right)),
                click.choice,
                *("; ".join(sorted({answer.writer for answer in side})) for side in sides),
                *(side[0].score if side else None for side in sides),
                click.at,
                click.asked_in,
            ]
        )
    return written.getvalue()


def marks_csv(marks: Sequence[OwnMark], trials: Sequence[Trial], examples: Sequence[Example]) -> str:
    """One row for each mark, in their order, with a header; write it as `outcomes_csv`. Strategies and score are empty
    where no trial gave this answer."""
    inputs = {example.id: example.input for example in examples}
    given: dict[tuple[str, str], list[Outcome]] = {}
    for trial in trials:
        for outcome in trial.outcomes:
            if outcome.example_id in inputs and outcome.error is None:
                given.setdefault((inputs[outcome.example_id], outcome.text), []).append(outcome)
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(_MARKED)
    for mark in marks:
        answers = given.get(mark.key, [])
        table.writerow(
            [
                *map(inert, (mark.input, mark.answer)),
                "right" if mark.is_right else "wrong",
                inert(mark.note),
                "; ".join(dict.fromkeys(answer.strategy for answer in answers)),
                answers[0].score if answers else None,
                mark.at,
                mark.marked_in,
            ]
        )
    return written.getvalue()


def _row(outcome: Outcome, example: Example, parts: Sequence[str]) -> list[str | float | None]:
    expected = f" {SEPARATOR} ".join(example.answers)
    return [
        *map(inert, (outcome.example_id, outcome.strategy, example.input, expected, outcome.text)),
        outcome.score,
        *(outcome.parts.get(name) for name in parts),
        outcome.seconds,
        outcome.undisturbed_seconds,
        outcome.processor_seconds,
        outcome.tokens_in,
        outcome.tokens_out,
        inert("; ".join(outcome.sources)),
        None if outcome.found_gold is None else int(outcome.found_gold),
        inert(outcome.group or ""),
        inert(outcome.error or ""),
        None if outcome.cut_off is None else int(outcome.cut_off),
    ]
