"""Faults planted in public datasets: how many the checks find, and how many clean rows they flag.

All faults stand in one file together, as they do in life. What a check says of the untouched data counts neither as
found nor as a false alarm: public data has leaks and duplicates of its own.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from eval.checks import Finding, check_task, check_wrong_labels
from eval.scoring.paraphrases import Encode
from eval.splitting.split import split_task
from eval.task import Example, Kind, Task, labels_of, normalised
from strategies.search.embedder import load_embedder
from tests.benchmarks.shared_tasks import shared_task

SEED = 18
LEAKS, CONFLICTS, WRONG_LABELS, NEAR_DUPLICATES, SECRETS = 30, 30, 30, 20, 15
# Which findings tell of a planted fault.
TOLD_BY = {
    "leaks": ("leaks",),
    "conflicts": ("conflicts",),
    "wrong labels": ("wrong-labels",),
    "near-duplicates": ("near-duplicates", "duplicates"),
    "secrets": ("secrets", "personal-data"),
}


@dataclass(frozen=True, slots=True)
class Faulty:
    """A task with the rows of each planted fault, and the rows that one was copied from, which are rightly flagged with
    it."""

    task: Task
    planted: dict[str, frozenset[str]]
    copied_from: frozenset[str]


def run(full: bool) -> list[dict[str, Any]]:
    return [
        row
        for name, task in (
            ("banking77", shared_task("banking77")[0]),
            ("clinc_banking15", shared_task("clinc_banking15")[0]),
            ("xquad_en, article of the question", _article_of_each_question()),
        )
        for seed in range(SEED, SEED + (5 if full else 1))
        for row in measure(name, task, seed, load_embedder().embed)
    ]


def measure(name: str, task: Task, seed: int, encode: Encode) -> list[dict[str, Any]]:
    faulty = plant(task, seed)
    before, after = (_rows_by_finding(check_task(one)) for one in (task, faulty.task))
    doubts = check_wrong_labels(faulty.task, encode)  # of the untouched data it is not asked: it takes minutes
    after |= _rows_by_finding([doubts] if doubts else [])
    faults = frozenset[str]().union(*faulty.planted.values()) | faulty.copied_from
    clean = {example.id for example in faulty.task.examples} - faults
    measured = []
    for fault, planted in faulty.planted.items():
        flagged, known = (
            frozenset[str]().union(*(rows.get(finding, frozenset()) for finding in TOLD_BY[fault]))
            for rows in (after, before)
        )
        false = (flagged & clean) - known
        found = len(flagged & planted)
        precision = f"{found / len(flagged & (planted | clean)):.2f}" if fault == "wrong labels" and found else "–"
        measured.append({
            "dataset": name,
            "rows": len(faulty.task.examples),
            "seed": seed,
            "fault": fault,
            "planted": len(planted),
            "found": found,
            "false alarms": f"{len(false)} of {len(clean):,} clean rows ({len(false) / len(clean):.1%})",
            "precision": precision,
            "flagged before": "–" if fault == "wrong labels" else len(known),
        })  # fmt: skip
    return measured


def _rows_by_finding(found: Sequence[Finding]) -> dict[str, frozenset[str]]:
    return {finding.id: frozenset(finding.rows) for finding in found}


def plant(task: Task, seed: int) -> Faulty:
    """Every row gets at most one fault. Copies go to the end of the file."""
    chance = Random(seed)
    task = _with_sides(task)
    learned = [row for row in task.examples if row.split == "train"]
    tested = [row for row in task.examples if row.split == "test"]
    labels = labels_of(task.examples)
    chance.shuffle(learned)
    chance.shuffle(tested)
    near_of = [row for row in learned if len(row.input.split()) >= 8][:NEAR_DUPLICATES]
    taken = {row.id for row in near_of}
    learned = [row for row in learned if row.id not in taken]
    conflict_of, wrong_of, secret_of = (
        learned[:CONFLICTS],
        learned[CONFLICTS : CONFLICTS + WRONG_LABELS],
        learned[CONFLICTS + WRONG_LABELS : CONFLICTS + WRONG_LABELS + SECRETS],
    )
    leak_of = tested[:LEAKS]

    def other_label(row: Example) -> str:
        return chance.choice([label for label in labels if label != row.target])

    leaks = [
        replace(row, id=f"leak-{at}", split="train", input=rewritten(row.input, chance))
        for at, row in enumerate(leak_of)
    ]
    conflicts = [
        replace(row, id=f"conflict-{at}", input=rewritten(row.input, chance), target=other_label(row))
        for at, row in enumerate(conflict_of)
    ]
    near = [replace(row, id=f"near-{at}", input=nearly(row.input, chance)) for at, row in enumerate(near_of)]
    wrong = {row.id: replace(row, target=other_label(row)) for row in wrong_of}
    secrets = {
        row.id: replace(row, input=f"{row.input} {SECRETS_OF[at % len(SECRETS_OF)](chance)}")
        for at, row in enumerate(secret_of)
    }
    changed = wrong | secrets
    examples = (*(changed.get(row.id, row) for row in task.examples), *leaks, *conflicts, *near)
    planted = {
        "leaks": frozenset(row.id for row in leaks),
        "conflicts": frozenset(row.id for row in conflicts),
        "wrong labels": frozenset(wrong),
        "near-duplicates": frozenset(row.id for row in near),
        "secrets": frozenset(secrets),
    }
    sources = frozenset(row.id for row in (*leak_of, *conflict_of, *near_of))
    return Faulty(replace(task, examples=examples, labels=labels_of(examples)), planted, sources)


def rewritten(text: str, chance: Random) -> str:
    """The same input to a reader: other capitals, spacing, or end."""
    ways: tuple[Callable[[str], str], ...] = (str.upper, str.capitalize, lambda text: f" {text.rstrip('.?')} .", str)
    changed = chance.choice(ways)(text)
    return changed if normalised(changed) == normalised(text) else text


def nearly(text: str, chance: Random) -> str:
    """The input with a small edit: two words swapped, a letter doubled, a final sign, or "please"."""
    words = text.split()
    at = chance.randrange(len(words) - 1)
    match chance.randrange(4):
        case 0:
            words[at], words[at + 1] = words[at + 1], words[at]
        case 1:
            longest = max(range(len(words)), key=lambda one: len(words[one]))
            letter = chance.randrange(1, len(words[longest]))
            words[longest] = words[longest][:letter] + words[longest][letter - 1] + words[longest][letter:]
        case 2:
            words[-1] = words[-1].rstrip(string.punctuation) + "!!"
        case _:
            words.append("please")
    return " ".join(words)


def _letters(chance: Random, count: int, of: str = string.ascii_letters + string.digits) -> str:
    return "".join(chance.choice(of) for _ in range(count))


def _card(chance: Random) -> str:
    digits = "4" + _letters(chance, 14, string.digits)
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[::2]) + sum(map(int, digits[1::2]))
    whole = digits + str(-doubled % 10)
    return " ".join(whole[at : at + 4] for at in range(0, 16, 4))


def _iban(chance: Random) -> str:
    account = _letters(chance, 18, string.digits)
    return f"DE{98 - int(f'{account}131400') % 97:02}{account}"


SECRETS_OF: tuple[Callable[[Random], str], ...] = (
    lambda chance: f"the key is AKIA{_letters(chance, 16, string.ascii_uppercase + string.digits)}",
    lambda chance: f"token ghp_{_letters(chance, 36)}",
    lambda chance: (
        f"xoxb-{_letters(chance, 12, string.digits)}-{_letters(chance, 12, string.digits)}-{_letters(chance, 24)}"
    ),
    lambda chance: f"use sk_live_{_letters(chance, 24)} for it",
    lambda chance: f"my password is {_letters(chance, 6, string.ascii_letters)}{chance.randrange(100, 999)}",
    lambda chance: f"see https://admin:{_letters(chance, 10)}@db.example.com/accounts",
    lambda chance: f"card {_card(chance)}",
    lambda chance: f"send it to {_iban(chance)}",
    lambda chance: f"write to {_letters(chance, 7, string.ascii_lowercase)}@example.org",
    lambda chance: f"call me at (212) 555-{chance.randrange(1000, 9999)}",
)


def _with_sides(task: Task) -> Task:
    """The task with a split in its rows, as if the person had given one."""
    if any(row.split == "test" for row in task.examples):
        return task
    split = split_task(task, seed=0)
    sides = {
        row.id: side
        for side, rows in (("train", split.train), ("dev", split.dev), ("test", split.test))
        for row in rows
    }
    return replace(task, examples=tuple(replace(row, split=sides[row.id]) for row in task.examples))


def _article_of_each_question() -> Task:
    """Classify the questions of xquad_en by the article that their paragraph is from."""
    task, _ = shared_task("xquad_en")
    titles = {document.id: document.title for document in task.documents}
    examples = tuple(
        replace(row, target=titles[row.document_ids[0]], document_ids=()) for row in task.examples if row.document_ids
    )
    return Task(task.name, Kind.CLASSIFICATION, "", examples, labels=labels_of(examples))
