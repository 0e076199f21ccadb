"""What training did besides, measured on the tiny model."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from advisor.runs.probes import probed
from eval.failures.refusals import refuses
from eval.measuring.robustness import VARIANTS
from eval.outcomes import TRAINED_ON, Trial
from eval.scoring import Scorer
from eval.task import Brief, Example, Kind, Split
from strategies.contract import Progress, Strategy, Trained
from strategies.finetuning import Finetuning
from strategies.forgetting import ask_knowledge, general_questions, general_texts, holds, unanswerable_questions
from strategies.presets import Budget
from strategies.prompting import Prompting
from strategies.retrieval_finetuning import RetrievalFinetuning
from tests.tiny_model import tiny_transformer

BUDGET = Budget(
    test_rows=8, dev_rows=6, latency_rows=2, settings=1, training_tokens=2400, epochs=4, answer_tokens=6, probe_rows=4
)
LABELS = ("billing", "delivery")
ROWS = tuple(
    Example(f"r{at}", f"Where is {('my money', 'the parcel')[at % 2]}, number {at}?", LABELS[at % 2])
    for at in range(38)
)
SPLIT = Split(ROWS[:24], ROWS[24:30], ROWS[30:])
SCORER = Scorer(Kind.CLASSIFICATION, None, SPLIT.train)
DONE = Trial("finetuning", "done")


def fitted(strategy_class: type[Prompting | Finetuning]) -> Strategy:
    strategy = strategy_class(Brief("tiny", Kind.CLASSIFICATION, "", LABELS), tiny_transformer, BUDGET)
    strategy.fit(SPLIT.without_test, (), lambda progress: None)
    return strategy


def test_a_text_surprises_as_much_as_the_network_says() -> None:
    model = tiny_transformer()
    told: list[tuple[int, int]] = []
    found = ask_knowledge(model, lambda *rows: told.append(rows))
    ids = torch.tensor([model.encode_answer(general_texts()[0])])
    with torch.inference_mode():
        assert found.surprise[0] == pytest.approx(model.network(ids, labels=ids).loss.item(), rel=1e-4)
    assert all(0 < nats < 20 for nats in found.surprise)
    assert (len(found.surprise), len(found.right)) == (len(general_texts()), len(general_questions()))
    assert (len(found.refused), len(found.admitted)) == (len(found.right), len(unanswerable_questions()))
    assert told[-1] == (len(found.surprise) + len(found.right) + len(found.admitted),) * 2


def test_what_was_written_for_it_is_whole() -> None:
    assert 1_400 < sum(len(text.split()) for text in general_texts()) < 1_700
    assert len(set(general_texts())) == 24 and len({question for question, _ in general_questions()}) == 40
    assert all(holds(f"It is {answer}.", answers) for _, answers in general_questions() for answer in answers)
    assert not any(holds(question, answers) for question, answers in general_questions())
    assert len(set(unanswerable_questions())) == 30 and not any(map(refuses, unanswerable_questions()))


def test_an_answer_is_a_word_of_the_reply_and_not_a_part_of_one() -> None:
    assert holds("The answer is: Paris!", ("Paris",)) and holds("seven days", ("7", "seven"))
    assert not holds("icy", ("ice",)) and not holds("", ("ice",)) and not holds("17", ("7", "seven"))


@pytest.mark.parametrize("strategy_class", [Finetuning, RetrievalFinetuning])
def test_a_strategy_that_trains_is_asked_what_it_trained_on_and_what_it_knew(
    strategy_class: type[Finetuning],
) -> None:
    strategy = fitted(strategy_class)
    stages: list[Progress] = []
    trial = probed(DONE, strategy, SPLIT, SCORER, BUDGET.probe_rows, 0, stages.append)
    assert set(trial.probes) == {*VARIANTS, TRAINED_ON}
    assert [outcome.example_id for outcome in trial.probes[TRAINED_ON]] == ["r0", "r6", "r12", "r18"]
    assert trial.knowledge is not None
    before, after = trial.knowledge
    assert before == ask_knowledge(tiny_transformer(), lambda *rows: None)
    assert after.surprise != before.surprise and all(map(math.isfinite, after.surprise))
    assert not trial.notes and stages[-1].stage == "asking the base model" and stages[-1].done == stages[-1].total


def test_rows_it_trained_on_are_asked_as_they_were_in_training() -> None:
    strategy = fitted(Finetuning)
    assert isinstance(strategy, Trained)
    asked = [ROWS[at].input for at in (3, 7)]
    assert strategy.answer_trained(SPLIT.train, (3, 7)) == strategy.predict(asked)


def test_a_strategy_that_leaves_the_weights_is_asked_in_variants_alone() -> None:
    strategy = fitted(Prompting)
    assert not isinstance(strategy, Trained)
    trial = probed(DONE, strategy, SPLIT, SCORER, 4, 0, lambda progress: None)
    assert set(trial.probes) == set(VARIANTS) and trial.knowledge is None
    assert probed(DONE, strategy, SPLIT, SCORER, 0, 0, lambda progress: None) == DONE


def test_a_probe_that_fails_costs_nothing_that_was_measured() -> None:
    strategy = fitted(Finetuning)
    assert isinstance(strategy, Finetuning)
    del strategy.trained_model.network
    measured = replace(DONE, requests_per_second=2.0)
    trial = probed(measured, strategy, SPLIT, SCORER, 4, 0, lambda progress: None)
    assert trial == replace(measured, notes=trial.notes) and "could not be measured" in trial.notes[0]
