"""Labels that are probably wrong, found with a linear model over word counts."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer

from eval.checks import check_wrong_labels
from eval.task import Kind, Task
from tests.checked_tasks import WORDS, task_of

LABELS = ("home", "travel", "food")


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.asarray(HashingVectorizer(n_features=256).transform(texts).toarray(), dtype=np.float32)


def task_with_wrong_labels(rows: int = 240, wrong: int = 12) -> tuple[Task, dict[str, str]]:
    """Each label has seven words of its own; all share two. Returns the right label of each row with a wrong one."""
    chance = random.Random(0)
    pairs, right = [], {}
    for at in range(rows):
        label = LABELS[at % 3]
        own = WORDS[7 * (at % 3) : 7 * (at % 3) + 7]
        given = label
        if at % (rows // wrong) == 0:
            given = LABELS[(at + 1) % 3]
            right[f"r{at + 2}"] = label
        pairs.append((" ".join([*chance.sample(own, 4), *chance.sample(WORDS[21:], 1), str(at)]), given))
    return task_of(pairs), right


def test_wrong_labels_are_found_with_the_right_ones() -> None:
    task, right = task_with_wrong_labels()
    finding = check_wrong_labels(task, encode)
    assert finding is not None
    assert right.items() >= dict(finding.suggested).items()
    assert len(finding.suggested) == 11, "of 12, and no clean row"
    assert finding.rows == tuple(row for row, _ in finding.suggested)
    assert finding.mend is None, "a person decides row by row"
    assert finding.what == "11 rows may have the wrong label."
    assert finding == check_wrong_labels(task, encode)


def test_nothing_is_said_where_nothing_can_be_known() -> None:
    task, _ = task_with_wrong_labels(wrong=1)
    right = replace(task, examples=task.examples[1:])  # without the only wrong one
    assert check_wrong_labels(right, encode) is None
    assert check_wrong_labels(replace(task, kind=Kind.ANSWERING, labels=()), encode) is None
    assert check_wrong_labels(replace(task, examples=task.examples[:8]), encode) is None
    assert check_wrong_labels(replace(task, examples=()), encode) is None


def test_rare_labels_are_left_out_and_it_is_said() -> None:
    task, right = task_with_wrong_labels()
    rare = tuple(replace(row, id=f"x{at}", target="rare") for at, row in enumerate(task.examples[:4]))
    finding = check_wrong_labels(replace(task, examples=(*task.examples, *rare)), encode)
    assert finding is not None and set(finding.rows) <= set(right)
    assert finding.what.endswith("We looked at 240 of 244 rows.")


def test_the_checks_load_nothing_heavy() -> None:
    program = (
        "import sys, eval.checks; heavy = {'torch', 'cleanlab', 'sklearn', 'py3langid', 'phonenumbers'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
