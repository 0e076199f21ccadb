"""How many rows there are, what they can show, and how long they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eval.checks.finding import Finding, counted_rows
from eval.splitting.split import TEST_SHARE
from eval.statistics.grouping import piece_name
from eval.statistics.inference import OFTEN_DISAGREEING, even_groups, margin_shown, rows_to_show
from eval.task import Example, Task
from eval.words import LETTERS_A_WORD, about_tokens, count_words, is_unspaced

FEW_ROWS = 100
LONG_WORDS = 1_500
_LARGE_MARGIN, _USEFUL_MARGIN = 0.10, 0.05


def check_few_rows(task: Task) -> Iterable[Finding]:
    if len(task.examples) < FEW_ROWS:
        test_rows = _test_rows(task)
        points = 98 / test_rows**0.5  # half the width of a 95 % interval if half of the answers are right
        yield Finding(
            "few-rows",
            "warning",
            f"There are only {len(task.examples)} rows, about {test_rows} of them test rows.",
            f"A score from {test_rows} rows is only known to within about {points:.0f} points, so only large "
            "differences will show.",
        )


def check_power(task: Task) -> Iterable[Finding]:
    """What few rows can show is in their own finding."""
    if len(task.examples) < FEW_ROWS:
        return
    rows, margin = _test_rows(task), margin_shown(_pieces(task), OFTEN_DISAGREEING)
    grouped = ", because rows of one group count together" if _pieces(task) < rows else ""
    enough = rows_to_show(_USEFUL_MARGIN, OFTEN_DISAGREEING)
    needed = (
        f" {enough:,} test rows would narrow that to {100 * _USEFUL_MARGIN:.0f} points."
        if margin > _USEFUL_MARGIN and not grouped
        else ""
    )
    points = max(1, round(100 * min(1.0, margin)))
    yield Finding(
        "power",
        "warning" if margin > _LARGE_MARGIN else "info",
        f"With {rows:,} test rows, the difference between two strategies is known to within about "
        f"{points} {'point' if points == 1 else 'points'}{grouped}.",
        f"A smaller difference looks like chance, and one that is hardly larger is often missed.{needed} A run that "
        "tests fewer rows knows it less closely.",
    )


def check_long_inputs(task: Task, context_tokens: int | None) -> Iterable[Finding]:
    long = (example for example in task.examples if len(example.input) > LONG_WORDS)
    rows = tuple(example.id for example in long if count_words(example.input) > LONG_WORDS)
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
    if context_tokens is not None:
        yield from _check_context(task, context_tokens)


def _check_context(task: Task, context_tokens: int) -> Iterable[Finding]:
    around = sum(map(about_tokens, (task.instruction, *(text for pair in task.meanings for text in pair))))
    long = [row for row in task.examples if 2 * (len(row.input) + len(row.target)) + around > context_tokens]
    tokens = {row.id: around + about_tokens(row.input) + about_tokens(row.target) for row in long}
    rows = tuple(row for row, count in tokens.items() if count > context_tokens)
    if rows:
        yield Finding(
            "longer-than-context",
            "warning",
            f"{counted_rows(rows, 'needs', 'need')} more than the {context_tokens:,} tokens that the model can read. "
            f"The longest needs about {max(tokens.values()):,.0f}.",
            "The model can't answer them, so they score 0. Shorten the inputs, or choose a model that reads more.",
            rows=rows,
        )


def _test_rows(task: Task) -> int:
    return len(_tested(task)) or round(TEST_SHARE * len(task.examples))


def _pieces(task: Task) -> int:
    """How many independent test rows those are worth: rows of a group are one piece of evidence."""
    tested = _tested(task)
    rows = tested or task.examples
    if not any(row.group for row in rows):
        return _test_rows(task)
    even = even_groups([piece_name(row.id, row.group) for row in rows])
    return max(1, round(even if tested else TEST_SHARE * even))


def _tested(task: Task) -> Sequence[Example]:
    return [example for example in task.examples if example.split == "test"]
