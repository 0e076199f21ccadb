"""One long cell of odd content delays nothing: every look at an upload takes time in proportion to its
length, not to its square. Python's `re` lets no other thread run meanwhile, and pages look at uploads in the process of
the server."""

from __future__ import annotations

import time

import pytest

from eval.checks import check_task
from eval.mapping.build import build_task
from eval.mapping.columns import guess_columns
from eval.reading.table import Table
from eval.scoring import metric_for
from eval.splitting.split import split_task
from eval.task import BadInput

LENGTH = 30_000
SECONDS = 3.0  # of processor time; what grew with the square of the length took ten seconds to a minute
REPEATED = (
    "a", "1", " ", "\n", " \n", "\t", "(", "[", "{", '"', "'", "<", "-", "_", ".", "*", "#", "é", "中", "1中",
    "中1", "1 ", "1.", "1,", "1/2 ", "a ", "a@", "a@b.c ", "a.", "a-", "a_b ", "a|", "| ", "[1,", '{"a":',
    '{"a":1},', "- a\n", "1. a\n", "a: ", "user: a\n", "### ", "<|a|>", "</s>", "```a\n", "http://a ", "one ",
    "two hundred ", "10:00 ", "2024-01-01 ", "not ", "no, ", "yes. ", "%20", "&amp;", "\\n", "e\u0301",
    "\u200d", "★",
)  # fmt: skip


@pytest.mark.parametrize("column", ["input", "answer"])
def test_a_long_cell_takes_no_time_to_speak_of(column: str) -> None:
    slow = {repeated: seconds for repeated in REPEATED if (seconds := seconds_with(column, repeated)) > SECONDS}
    assert not slow


def seconds_with(column: str, repeated: str) -> float:
    long = f"x{(repeated * LENGTH)[:LENGTH]}y"
    rows = [
        (f"question {row} about {row * 7}?", f"{('yes it is so', 'not today', 'blue')[row % 3]} {row}")
        for row in range(40)
    ]
    rows[:2] = [(long, answer) if column == "input" else (asked, long) for asked, answer in rows[:2]]
    table = Table(("question", "answer"), tuple(rows))
    began = time.process_time()
    try:
        task = build_task(table, guess_columns(table, []), kind=None, name="task").task
        check_task(task, 2048)
        metric_for(task.kind, split_task(task, seed=0).train, task.documents)
    except BadInput:
        pass
    return time.process_time() - began
