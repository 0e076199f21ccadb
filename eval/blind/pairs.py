"""Pairs of answers a person compares without knowing which strategy wrote them, and which pair comes next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from random import Random

from eval.mapping.accepted import any_of
from eval.outcomes import Trial
from eval.scoring import Scorer
from eval.scoring.corruptions import Corrupter, Corruption
from eval.scoring.metric import leads_with_facts
from eval.scoring.words import folded
from eval.statistics.grouping import piece_name
from eval.task import Example

PAIRS = 20  # shown to a person
_ROWS_CORRUPTED = 60

Key = tuple[str, str, str]


class Choice(StrEnum):
    """Which of two answers a person finds right, or better if both are partly right."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Answer:
    """`writer` is the strategy that wrote it or, before a run, the corruption applied to an expected answer. `cut_off`
    says whether it reached the limit of tokens before its end."""

    writer: str
    text: str
    score: float
    cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two different answers to one example, on the sides where they are shown. `unit` is the example's group; without
    groups each example is its own unit."""

    example_id: str
    unit: str
    input: str
    expected: str
    left: Answer
    right: Answer

    @property
    def writers(self) -> tuple[str, ...]:
        return tuple(sorted((self.left.writer, self.right.writer)))

    @property
    def key(self) -> Key:
        return key_of(self.input, self.left.text, self.right.text)


@dataclass(frozen=True, slots=True)
class Click:
    """A person's choice between two texts as answers to an input. It names no strategy and no row, so it applies to any
    run with the same texts. `at` is ISO 8601; `asked_in` is the id of the run or dataset that asked."""

    input: str
    left: str
    right: str
    choice: Choice
    at: str
    asked_in: str

    @property
    def key(self) -> Key:
        return key_of(self.input, self.left, self.right)


def pairs_of_trials(trials: Sequence[Trial], examples: Sequence[Example], seed: int) -> list[Pair]:
    """Every pair of different answers to the same test row, without failed strategies. Only the seed decides the order
    and the sides."""
    answers: defaultdict[str, list[Answer]] = defaultdict(list)
    for trial in trials:
        for outcome in trial.outcomes if trial.status == "done" else ():
            answers[outcome.example_id].append(
                Answer(trial.strategy, outcome.text, outcome.score, bool(outcome.cut_off))
            )
    return _shuffled([(row, *two) for row in examples for two in combinations(answers[row.id], 2)], seed)


def pairs_of_corruptions(scorer: Scorer, rows: Sequence[Example], seed: int) -> list[Pair]:
    """Before a run: right answers to training `rows` paired with corrupted ones. Both sides are reworded. Otherwise the
    person could tell the right answer by its style.

    `scorer` must be one for written answers.
    """
    assert scorer.collection is not None
    corrupter = Corrupter(
        rows, scorer.collection, scorer.metric.carries, keeps_order=not leads_with_facts(scorer.metric)
    )
    beside: list[tuple[Example, Answer, Answer]] = []
    for row in Random(seed).sample(rows, min(len(rows), _ROWS_CORRUPTED)):
        texts = dict(corrupter.corruptions(row, seed))
        if (right := texts.pop(Corruption.OTHER_WORDS, None)) is None:  # a refusal is expected
            continue
        for corruption, text in texts.items():
            wrong = corrupter.in_other_words(text, Random(f"{seed}-{row.id}"))
            first, second = (
                Answer(writer, each, scorer.score(each, row).value)
                for writer, each in ((Corruption.OTHER_WORDS, right), (corruption, wrong))
            )
            beside.append((row, first, second))
    return _shuffled(beside, seed)


def pairs_of_clicks(clicks: Sequence[Click], rows: Sequence[Example], scorer: Scorer) -> list[Pair]:
    """The clicked pairs of texts for these rows, with scores. Their writers are unknown."""
    row_by_input = {row.input: row for row in rows}
    pairs = []
    for click in clicks:
        if (row := row_by_input.get(click.input)) is not None:
            left, right = (Answer("", each, scorer.score(each, row).value) for each in (click.left, click.right))
            pairs.append(Pair(row.id, piece_name(row.id, row.group), row.input, any_of(row.answers), left, right))
    return pairs


def next_pair(
    pairs: Sequence[Pair],
    clicked: Collection[Key],
    seed: int,
    prefer: Sequence[str | None] = (),
    count: int = PAIRS,
) -> Pair | None:
    """The next pair to show, given the `clicked` ones; None after `count` pairs or if there are no more.

    Every two writers take turns, so that each combination comes equally often wherever the person stops. If the last
    turn is too short for all, pairs of the writers in `prefer` come first: the choice and the runner-up, because the
    verdict depends on their difference. Every row comes once before any comes twice. The same clicks give the same
    pair.
    """
    judged = [pair for pair in pairs if pair.key in clicked]
    rest = [pair for pair in pairs if pair.key not in clicked]
    done = len({pair.key for pair in judged})
    if not rest or done >= count:
        return None
    times, shown = Counter(pair.writers for pair in judged), Counter(pair.unit for pair in judged)

    def preference(writers: tuple[str, ...]) -> list[bool]:
        return [not set(prefer) <= set(writers), *(name not in writers for name in prefer)]

    left = sorted({pair.writers for pair in rest})
    fewest = min(times[writers] for writers in left)
    turn = sorted((writers for writers in left if times[writers] == fewest), key=preference)
    writers = Random(f"{seed} {done}").choice(turn[: count - done])
    return min((pair for pair in rest if pair.writers == writers), key=lambda pair: shown[pair.unit])


def _shuffled(beside: Sequence[tuple[Example, Answer, Answer]], seed: int) -> list[Pair]:
    random = Random(seed)
    pairs = [
        Pair(row.id, piece_name(row.id, row.group), row.input, any_of(row.answers), *random.sample(two, 2))
        for row, *two in beside
        if _same_words(two[0].text) != _same_words(two[1].text)
    ]
    random.shuffle(pairs)
    return pairs


def _same_words(text: str) -> str:
    """A key that ignores letter case, blanks and a final full stop: such pairs would waste a click."""
    return " ".join(folded(text).casefold().split()).rstrip(" .")


def key_of(asked: str, one: str, other: str) -> Key:
    """The same for both orders of the two texts."""
    first, second = sorted((one, other))
    return asked, first, second
