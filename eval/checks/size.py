"""How many rows there are, and how long they are."""

from __future__ import annotations

from collections.abc import Iterable

from eval.checks.finding import Finding, counted_rows
from eval.split import TEST_SHARE
from eval.task import Task
from eval.words import LETTERS_A_WORD, count_words, is_unspaced

FEW_ROWS = 100
LONG_WORDS = 1_500


def check_size(task: Task) -> Iterable[Finding]:
    if len(task.examples) < FEW_ROWS:
        given = sum(example.split == "test" for example in task.examples)
        test_rows = given or round(TEST_SHARE * len(task.examples))
        points = 98 / test_rows**0.5  # half the width of a 95 % interval if half of the answers are right
        yield Finding(
            "few-rows",
            "warning",
            f"There are only {len(task.examples)} rows, about {test_rows} of them test rows.",
            f"A score from {test_rows} rows is only known to within about {points:.0f} points, so only large "
            "differences will show.",
        )


def check_long_inputs(task: Task) -> Iterable[Finding]:
    rows = tuple(example.id for example in task.examples if count_words(example.input) > LONG_WORDS)
    if rows:
        have = counted_rows(rows, "has", "have")
        what = f"{have} an input of more than {LONG_WORDS:,} words."
        if any(is_unspaced(example.input) for example in task.examples):
            letters = LONG_WORDS * LETTERS_A_WORD
            what = (
                f"{have} an input of more than {LONG_WORDS:,} words, or {letters:,} letters in a script without spaces."
            )
        yield Finding(
            "long-inputs",
            "warning",
            what,
            "Long inputs are slow, leave no room for examples in the prompt, and may be truncated.",
            rows=rows,
        )
