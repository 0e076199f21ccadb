"""Choosing a setting and the way to compare labels, with a real tiny network."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from string import ascii_lowercase

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.scoring import scorer_while_learning
from eval.task import Brief, Example, Kind, LearningSplit
from strategies.answerer import Answerer
from strategies.choosing import Attempt, choose
from strategies.contract import Progress
from strategies.engine.language_model import Prompt
from strategies.halving import WRITTEN_COST
from strategies.label_choice import ABOVE_THRESHOLD, BATCH, EMPTY_INPUT, MEAN, NEAR_BEST, SUM, LabelChoice
from strategies.prompts import build_prompt
from tests.tiny_model import tiny_transformer

LABELS = ("parcel", "money", "password")
BRIEF = Brief("desk", Kind.CLASSIFICATION, "", LABELS)
ROWS = [Example(str(at), f"about the {LABELS[at % 3]} number {at}", LABELS[at % 3]) for at in range(60)]
DEV, SPARE = ROWS[:24], ROWS[24:]
SCORER = scorer_while_learning(BRIEF, LearningSplit(tuple(SPARE), tuple(DEV)), ())


def attempt(instruction: str) -> Attempt:
    def ask(inputs: Sequence[str]) -> list[Prompt]:
        return [build_prompt(instruction, input) for input in inputs]

    return Attempt.of({"instruction": instruction}, ask)


ATTEMPTS = [attempt(text) for text in ("Give the label.", "Which one?", "Say it.", "Sort the message, please.")]


def answerer() -> Answerer:
    made = Answerer(tiny_transformer(), BRIEF)
    made.learn_length(DEV, 8)
    return made


def test_the_chosen_way_scores_what_it_is_said_to_score() -> None:
    made = answerer()
    best, choices, effort = choose(made, ATTEMPTS, DEV, SCORER, lambda _: None)
    answers = made.answer(best.ask([row.input for row in DEV]).prompts)
    score = SCORER.overall([answer.text for answer in answers], DEV)
    chosen = [one for one in choices if {**best.settings, **made.choice.settings}.items() <= one.items()]
    assert [one["dev_score"] for one in chosen] == [pytest.approx(score, abs=1e-4)]
    assert max(one["dev_score"] for one in choices) == pytest.approx(score, abs=1e-4)
    assert effort.settings_tried == len(choices) == 4 * len(ATTEMPTS) and effort.dev_rows == len(DEV)
    assert effort.tokens > 0 and effort.found_better == (best is not ATTEMPTS[0])


def test_batch_calibration_makes_the_mean_of_all_labels_equal() -> None:
    made = answerer()
    prompts = ATTEMPTS[0].ask([row.input for row in ROWS[:16]]).prompts
    scores = made.model.score(prompts, LABELS)
    after_inputs = scores.log_probabilities.mean(axis=0).tolist()
    ways = {way.normalisation: way for way in LabelChoice.to_try(Kind.CLASSIFICATION, [-1.0, -2.0, -3.0], after_inputs)}
    assert list(ways) == [BATCH, EMPTY_INPUT, SUM, MEAN]
    assert ways[BATCH].compare(scores).mean(axis=0) == pytest.approx(0, abs=1e-3)
    assert not np.allclose(ways[SUM].compare(scores).mean(axis=0), 0, atol=0.1)


def test_the_mean_over_a_row_or_two_is_not_subtracted() -> None:
    """Nothing would be left of a single row's scores, and the first label would always be the answer."""
    for rows, is_tried in ((1, False), (3, False), (4, True)):
        _, choices, _ = choose(answerer(), ATTEMPTS[:1], DEV[:rows], SCORER, lambda _: None)
        assert (BATCH in {one["normalisation"] for one in choices}) == is_tried


@pytest.mark.parametrize("way", [ABOVE_THRESHOLD, NEAR_BEST])
def test_no_value_stands_on_the_threshold(way: str) -> None:
    brief = Brief("desk", Kind.MULTI_LABEL, "", LABELS)
    random, targets = np.random.default_rng(0), ["parcel", "parcel; money", "password"]
    dev = [Example(str(at), "", targets[at % 3]) for at in range(12)]
    scorer = scorer_while_learning(brief, LearningSplit(tuple(dev), tuple(dev)), ())
    has = np.array([[label in row.target.split("; ") for label in LABELS] for row in dev])
    compared = random.normal(-9, 0.5, has.shape) + 8 * has  # the least of the right ones parts right from wrong
    found = LabelChoice(SUM, way).fitted(compared, brief, dev, scorer)

    def score(numbers: NDArray[np.float64]) -> float:
        return scorer.overall([text for text, _ in found.answers(numbers, LABELS)], dev)

    a_little = 1e-6 * has  # as another batch may give
    assert score(compared) == score(compared - a_little) == score(compared + a_little) == 1


def test_what_is_unknown_is_not_tried() -> None:
    tried = LabelChoice.to_try(Kind.CLASSIFICATION, [], [], by_length=False)
    assert [way.normalisation for way in tried] == [SUM]


def test_with_few_tokens_fewer_settings_answer_fewer_rows() -> None:
    def spent(tokens: float) -> tuple[int, int]:
        _, choices, effort = choose(answerer(), ATTEMPTS, DEV, SCORER, lambda _: None, tokens, SPARE)
        return len({one["instruction"] for one in choices}), effort.dev_rows

    few, some, all_of_them = spent(1_000), spent(6_000), spent(float("inf"))
    assert few[0] == 2 and few[1] < some[1] <= all_of_them[1] == len(ROWS)
    assert all_of_them[0] == len(ATTEMPTS)


@pytest.mark.parametrize(("tokens", "settings"), [(16_000, 4), (30_000, 4), (30_000, 2)])
def test_labels_that_take_more_than_planned_leave_fewer_settings_or_rows(tokens: int, settings: int) -> None:
    chance = Random(0)
    labels = tuple("".join(chance.choices(ascii_lowercase, k=8)) for _ in range(60))
    brief = Brief("desk", Kind.CLASSIFICATION, "", labels)
    rows = [Example(str(at), f"number {at}", labels[at % len(labels)]) for at in range(200)]
    scorer = scorer_while_learning(brief, LearningSplit(tuple(rows), tuple(rows)), ())
    made = Answerer(tiny_transformer(), brief)
    made.learn_length(rows, 8)
    _, _, effort = choose(made, ATTEMPTS[:settings], rows, scorer, lambda _: None, tokens)
    assert 0.5 * tokens < effort.tokens <= 1.15 * tokens


def test_answers_shorter_than_their_limit_leave_tokens_for_more_rows() -> None:
    brief = Brief("order", Kind.EXTRACTION, "")
    rows = [Example(str(at), f"{at} lamps", f'{{"count": {at}}}') for at in range(200)]
    scorer = scorer_while_learning(brief, LearningSplit(tuple(rows), tuple(rows)), ())
    made = Answerer(tiny_transformer(), brief)
    made.learn_length(rows, 8)
    made.answer_tokens = 120  # the schema ends each answer long before
    heard: list[Progress] = []
    _, choices, effort = choose(made, ATTEMPTS, rows, scorer, heard.append, 30_000)
    written = (WRITTEN_COST - 1) * made.answer_tokens
    assert effort.dev_rows > 2 * 30_000 / (len(ATTEMPTS) * written)  # than if all were as long as the limit
    assert len({one["instruction"] for one in choices}) == len(ATTEMPTS) and heard[-1].done == heard[-1].total


def test_spare_rows_come_behind_those_of_dev() -> None:
    seen: list[str] = []

    def ask(inputs: Sequence[str]) -> list[Prompt]:
        seen.extend(inputs)
        return [*ATTEMPTS[0].ask(inputs).prompts]

    choose(answerer(), [Attempt.of({}, ask)], DEV, SCORER, lambda _: None, float("inf"), SPARE)
    asked = list(dict.fromkeys(input for input in seen if input))
    assert sorted(asked) == sorted(row.input for row in ROWS)


def test_progress_ends_at_its_total_and_never_falls() -> None:
    heard: list[tuple[int, int]] = []
    choose(
        answerer(), ATTEMPTS, DEV, SCORER, lambda progress: heard.append((progress.done, progress.total)), 6_000, SPARE
    )
    assert heard[-1][0] == heard[-1][1] and [done for done, _ in heard] == sorted(done for done, _ in heard)


def test_no_rows_at_all_leave_the_default() -> None:
    best, choices, effort = choose(answerer(), ATTEMPTS, [], SCORER, lambda _: None)
    assert best is ATTEMPTS[0] and not choices and effort.dev_rows == 0


def test_a_choice_is_read_back_as_it_was_stored_by_any_version() -> None:
    assert LabelChoice.from_json({"normalisation": "mean", "baseline": []}) == LabelChoice("mean")
    old = {"choice": {"normalisation": EMPTY_INPUT, "way": "likeliest label", "threshold": 0.0}, "baseline": [-1, -2]}
    assert LabelChoice.from_json(old) == LabelChoice(EMPTY_INPUT, offsets=(-1, -2))
    made = answerer()
    choose(made, ATTEMPTS, DEV, SCORER, lambda _: None)
    stored = made.to_json()
    assert Answerer.from_json(made.model, BRIEF, stored).choice == made.choice
