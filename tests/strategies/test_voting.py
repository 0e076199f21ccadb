"""The nearest solved examples vote on labels beside the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.mapping.label_sets import NO_LABEL
from eval.scoring import scorer_while_learning
from eval.task import Brief, Example, Kind, LearningSplit
from strategies.answerer import Answerer, Asking
from strategies.choosing import Attempt, choose
from strategies.label_choice import VOTES, LabelChoice
from strategies.open_book import NO_VOTE, TEMPERATURE, VOTERS, Solved
from strategies.presets import Budget
from strategies.prompts import build_prompt
from strategies.registry import STRATEGIES, class_at
from strategies.retrieval_finetuning import RetrievalFinetuning
from strategies.search.settings import Way
from strategies.search.text_index import TextIndex
from strategies.search.vector_index import RECALL_AMONG, VectorIndex
from tests.tiny_model import tiny_transformer

LABELS = ("parcel", "money", "password")
BRIEF = Brief("desk", Kind.CLASSIFICATION, "", LABELS)
ROWS = [Example(str(at), f"my {LABELS[at % 3]} is gone, number {at}", LABELS[at % 3]) for at in range(90)]
SPLIT = LearningSplit(tuple(ROWS[:66]), tuple(ROWS[66:]))
SCORER = scorer_while_learning(BRIEF, SPLIT, ())
BUDGET = Budget(test_rows=6, dev_rows=24, latency_rows=0, settings=2, training_tokens=600, epochs=1, answer_tokens=8)


def solved(targets: Sequence[str], cosines: Sequence[float]) -> Solved:
    """Examples that are so like the query (1, 0)."""
    vectors = np.array([(cosine, (1 - cosine**2) ** 0.5) for cosine in cosines], dtype=np.float32)
    examples = [Example(str(at), "", target) for at, target in enumerate(targets)]
    return Solved(examples, TextIndex(Way.DENSE, VectorIndex(vectors), None))


def votes(solved: Solved, brief: Brief) -> NDArray[np.float64]:
    (found,) = solved.votes(np.array([[1, 0]], dtype=np.float32), brief)
    return found


def test_an_example_that_is_less_alike_has_less_to_say_and_no_label_nothing() -> None:
    found = votes(solved(["money", "money", "parcel"], [0.9, 0.8, 0.9]), BRIEF)
    less = exp(-0.1 / TEMPERATURE)
    everything = 2 + less + 3 * NO_VOTE * (2 + less)
    of_nobody = NO_VOTE * (2 + less)
    assert found == pytest.approx(
        [log((1 + of_nobody) / everything), log((1 + less + of_nobody) / everything), log(of_nobody / everything)],
        abs=1e-4,
    )
    assert np.exp(found).sum() == pytest.approx(1)


def test_the_recall_of_an_index_is_that_of_the_voters() -> None:
    assert RECALL_AMONG == VOTERS


def test_only_the_nearest_vote() -> None:
    near, far = ["money"] * VOTERS, ["parcel"] * 200
    found = votes(solved(near + far, [0.5] * VOTERS + [0.499] * 200), BRIEF)
    assert found.argmax() == 1 and found[0] == pytest.approx(found[2])


def test_who_may_not_vote_has_no_say_and_without_anybody_all_labels_are_alike() -> None:
    voters, query = solved(["money"] * 40 + ["parcel"], [0.9] * 40 + [0.1]), np.array([[1, 0]], dtype=np.float32)
    (found,) = voters.votes(query, BRIEF, lambda at, one: one.target == "money")
    assert found == pytest.approx(np.log(np.array([1 + NO_VOTE, NO_VOTE, NO_VOTE]) / (1 + 3 * NO_VOTE)))
    (found,) = voters.votes(query, BRIEF, lambda at, one: at == 0)
    assert found == pytest.approx([log(1 / 3)] * 3)


def test_an_example_with_several_labels_votes_for_each_and_one_without_for_none_of_them() -> None:
    brief = Brief("desk", Kind.MULTI_LABEL, "", ("money", "parcel", NO_LABEL))
    found = votes(solved(["money; parcel", NO_LABEL], [0.9, 0.7]), brief)
    assert found[0] == pytest.approx(found[1]) and found[1] > found[2] > log(NO_VOTE)


@pytest.mark.parametrize("knows", [True, False], ids=["right", "wrong"])
def test_votes_count_if_they_score_better_on_dev(knows: bool) -> None:
    def ask(inputs: Sequence[str]) -> Asking:
        right = {row.input: LABELS.index(row.target) for row in ROWS}
        places = [right.get(input, 0) + (0 if knows else 1) for input in inputs]
        shares = np.log(np.eye(3)[np.array(places) % 3] * 0.997 + 0.001)
        prompts = [build_prompt("Give the label.", input) for input in inputs]
        return Asking(prompts, 30 * shares if any(inputs) else None)

    made = Answerer(tiny_transformer(), BRIEF)
    made.learn_length(SPLIT.train, 8)
    best, choices, _ = choose(made, [Attempt({}, ask)], SPLIT.dev, SCORER, lambda _: None)
    assert made.choice.votes == (VOTES if knows else 0.0)
    asking = best.ask([row.input for row in SPLIT.dev])
    answers = made.answer(asking.prompts, votes=asking.votes)
    score = SCORER.overall([answer.text for answer in answers], SPLIT.dev)
    assert score == pytest.approx(max(one["dev_score"] for one in choices), abs=1e-4)
    assert (score == 1) == knows
    assert {"combined with" in one for one in choices} == {True, False}


def test_each_prompt_gets_its_own_votes_however_long_it_is() -> None:
    """The engine reads prompts by their length, and leaves those out that are longer than its context."""
    made = Answerer(tiny_transformer(), BRIEF, choice=LabelChoice(votes=100.0))
    words = [(at * 37) % 90 for at in range(40)]
    words[11] = 10 * made.model.context_tokens
    wanted = [LABELS[at % 3] for at in range(40)]
    votes = np.log([[0.998 if label == one else 0.001 for label in LABELS] for one in wanted])
    answers = made.answer([build_prompt("Give the label.", "money " * count) for count in words], votes=votes)
    assert answers[11].error is not None
    assert [one.text for at, one in enumerate(answers) if at != 11] == [*wanted[:11], *wanted[12:]]


@pytest.mark.parametrize("name", ["retrieval", "retrieval_finetuning"])
def test_they_count_as_chosen_after_saving_and_loading(name: str, tmp_path: Path) -> None:
    strategy = class_at(STRATEGIES[name])(BRIEF, tiny_transformer, BUDGET, 0)
    strategy.fit(SPLIT, (), lambda _: None)
    assert strategy.settings["combined with"] == "votes of the nearest examples"  # a random network knows nothing
    inputs = [row.input for row in SPLIT.dev]
    answers = strategy.predict(inputs)
    assert SCORER.overall([answer.text for answer in answers], SPLIT.dev) > 0.9
    strategy.save(tmp_path)
    again = class_at(STRATEGIES[name])(BRIEF, tiny_transformer, BUDGET, 0)
    again.load(tmp_path)
    assert again.predict(inputs) == answers


def test_what_it_trained_on_is_answered_with_the_votes_of_other_rows() -> None:
    """Else overfitting would be told from answers with votes and answers without."""
    odd = replace(SPLIT.train[0], target="money")  # its own vote would be for that
    split = replace(SPLIT, train=(odd, *SPLIT.train[1:]))
    strategy = RetrievalFinetuning(BRIEF, tiny_transformer, BUDGET, 0)
    strategy.fit(split, (), lambda _: None)
    assert strategy.settings["combined with"] == "votes of the nearest examples"
    answers = [answer.text for answer in strategy.answer_trained(split.train, range(12))]
    assert answers == [row.target for row in SPLIT.train[:12]]


def test_a_choice_of_an_earlier_version_counts_no_votes() -> None:
    stored = {"choice": {"normalisation": "mean", "way": "likeliest label", "threshold": 0.0, "offsets": []}}
    assert LabelChoice.from_json(stored) == replace(LabelChoice("mean"), votes=0.0)
