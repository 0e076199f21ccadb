"""Which settings of a training are tried, and what becomes of the best ones."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from eval.conversation import written
from eval.task import Brief, Example, Kind, LearningSplit, Turn
from strategies.engine.adapter_shape import MORE_RANK, RANK, USUAL, AdapterShape
from strategies.finetuning import Finetuning
from strategies.full_finetuning import FullFinetuning
from strategies.instructions import SHORT, Instruction
from strategies.presets import Budget
from strategies.row_variants import with_variants
from strategies.training import Training
from strategies.training_settings import VARIANTS, TrainingSettings, changes_to_try, is_clearly_lower
from tests.tiny_model import tiny_transformer

LABELS = ("delivery", "refund")
BRIEF = Brief("tiny", Kind.CLASSIFICATION, "", LABELS)
ROWS = tuple(
    Example(str(at), f"{('my money', 'the parcel')[at % 2]} number {at}", LABELS[1 - at % 2]) for at in range(40)
)
SPLIT = LearningSplit(ROWS[:30], ROWS[30:])
INPUTS = [row.input for row in ROWS[30:]]
BUDGET = Budget(test_rows=8, dev_rows=6, latency_rows=2, settings=12, training_tokens=3000, epochs=4, answer_tokens=0)
FOUND = Instruction("drafted", "Is it about a delivery or about a refund?")


def as_conversation(row: Example) -> Example:
    turns = (Turn("user", "Hello."), Turn("assistant", "How can I help?"))
    return replace(row, input=written((*turns, Turn("user", row.input))), turns=turns)


CHATS = tuple(map(as_conversation, ROWS))


def test_rates_come_first_then_the_prompt_then_shapes() -> None:
    first = TrainingSettings(1.0, Instruction(SHORT, "Short."), USUAL)
    tried = [change(first) for change in changes_to_try((1.0, 2.0, 3.0, 4.0), FOUND, True, True, 10)]
    assert [one.learning_rate for one in tried] == [1.0, 2.0, 1.0, 3.0, 1.0, 1.0, 1.0, 4.0]
    assert [at for at, one in enumerate(tried) if one.instruction == FOUND] == [2]
    assert [at for at, one in enumerate(tried) if one.varied] == [4]
    assert [one.shape for one in tried[5:7]] == [AdapterShape(MORE_RANK), AdapterShape(RANK, all_layers=True)]
    assert len(changes_to_try((1.0, 2.0), None, False, False, 10)) == 2
    assert len(changes_to_try((1.0, 2.0, 3.0), FOUND, True, True, 2)) == 2


@pytest.mark.parametrize("varied", [False, True])
@pytest.mark.parametrize("shape", [USUAL, AdapterShape(MORE_RANK, all_layers=True), None])
@pytest.mark.parametrize("instruction", [FOUND, Instruction(SHORT, "Short.")])
def test_what_the_report_shows_settles_the_same_settings(
    shape: AdapterShape | None, instruction: Instruction, varied: bool
) -> None:
    default = TrainingSettings(1.0, Instruction(SHORT, "Short."), shape and USUAL)
    chosen = TrainingSettings(2.0, instruction, shape, varied)
    assert default.settled(chosen.shown, FOUND) == chosen
    assert default.settled({}, FOUND) == default


def fitted(kind: type[Training], budget: Budget = BUDGET, found: Instruction = FOUND) -> Training:
    strategy = kind(BRIEF, tiny_transformer, budget)
    strategy.found = found
    strategy.fit(SPLIT, (), lambda progress: None)
    return strategy


def test_the_best_of_all_trials_is_trained_and_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.training_settings.SURE", -math.inf)
    strategy = fitted(Finetuning)
    trials = strategy.choices[: BUDGET.trials]
    assert [(one["prompt"], one["rank"], one["layers with an adapter"]) for one in trials[2:3]] == [
        (FOUND.name, RANK, "upper two thirds")
    ]
    assert [one["rank"] for one in trials].count(MORE_RANK) >= 1 and trials[-1]["layers with an adapter"] == "all"
    best = min(trials, key=lambda one: one["dev_loss"])
    chosen = {name: best[name] for name in ("learning_rate", "prompt", "rank", "alpha", "layers with an adapter")}
    assert chosen.items() <= strategy.settings.items()
    assert strategy.effort.tokens > sum(one["tokens"] for one in trials)  # and dev was read
    again = fitted(Finetuning, replace(BUDGET, settled=strategy.settings))
    assert {name: again.settings[name] for name in chosen} == chosen
    kept = AdapterShape.of(again._kept)
    assert kept is not None and kept.rank == best["rank"]


def test_what_is_lower_by_chance_changes_nothing_but_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.training_settings.SURE", math.inf)
    strategy = fitted(Finetuning)
    rates = [one for one in strategy.choices[: BUDGET.trials] if (one["prompt"], one["rank"]) == (SHORT, RANK)]
    rates = [one for one in rates if VARIANTS not in one and one["layers with an adapter"] == "upper two thirds"]
    best = min(rates, key=lambda one: one["dev_loss"])
    assert best.items() - {("tokens", best["tokens"]), ("dev_loss", best["dev_loss"])} <= strategy.settings.items()


def test_a_loss_is_clearly_lower_where_most_rows_are() -> None:
    before = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert is_clearly_lower([0.9, 1.8, 2.9, 3.7, 4.9, 5.8], before)
    assert not is_clearly_lower([1.1, 2.1, 3.1, 4.1, 5.1, 4.0], before)  # lower on one row, and in the mean
    assert not is_clearly_lower([0.5], [1.0])


def test_what_was_trained_with_the_prompt_of_prompting_is_asked_with_it(tmp_path: Path) -> None:
    strategy = fitted(Finetuning, replace(BUDGET, settled={"learning_rate": 3e-3, "prompt": FOUND.name}))
    prompts = strategy._ask(INPUTS, strategy.trained_model).prompts
    assert all(prompt[0].content == FOUND.text for prompt in prompts) and strategy.settings["prompt"] == FOUND.name
    strategy.save(tmp_path)
    assert json.loads((tmp_path / "finetuning.json").read_text())["instruction"] == FOUND.text
    again = Finetuning(BRIEF, tiny_transformer, BUDGET)
    again.load(tmp_path)
    assert again.predict(INPUTS) == strategy.predict(INPUTS)


def test_an_instruction_that_training_rows_would_lose_is_not_tried() -> None:
    long = Instruction("drafted, with an example each", f"{FOUND.text}\n{'A parcel is late, or money is owed. ' * 60}")
    strategy = fitted(Finetuning, replace(BUDGET, settings=3), found=long)
    assert {one["prompt"] for one in strategy.choices[: replace(BUDGET, settings=3).trials]} == {SHORT}
    assert not any("too long to train on" in note for note in strategy.notes)


def test_few_rows_are_also_tried_in_variants_and_many_or_conversations_are_not() -> None:
    tokens = {one[VARIANTS]: one["tokens"] for one in fitted(Finetuning).choices[: BUDGET.trials] if VARIANTS in one}
    assert tokens.keys() == {"yes"} and tokens["yes"] > 0
    rows = with_variants(SPLIT.train, Kind.CLASSIFICATION, 0)
    changed = rows[len(SPLIT.train) :]
    assert rows[: len(SPLIT.train)] == list(SPLIT.train) and len(changed) == len(SPLIT.train)
    assert {one.id: one.target for one in changed} == {one.id: one.target for one in SPLIT.train}
    assert not {one.input for one in changed} & {one.input for one in SPLIT.train}
    again = fitted(Finetuning, replace(BUDGET, settled={"learning_rate": 3e-3, VARIANTS: "yes"}))
    plain = fitted(Finetuning, replace(BUDGET, settled={"learning_rate": 3e-3}))
    assert again.settings["epochs"] < 0.7 * plain.settings["epochs"]
    many = tuple(replace(row, id=f"{row.id}-{at}", input=f"{row.input} {at}") for at in range(8) for row in ROWS)
    for split in (LearningSplit(many, ROWS[30:]), LearningSplit(CHATS[:30], CHATS[30:])):
        strategy = Finetuning(BRIEF, tiny_transformer, BUDGET)
        strategy.fit(split, (), lambda progress: None)
        assert not any(VARIANTS in one for one in strategy.choices)


def test_other_shapes_are_only_tried_of_adapters() -> None:
    strategy = fitted(FullFinetuning)
    assert not any("rank" in one for one in strategy.choices)
    assert [one["prompt"] for one in strategy.choices[:4]].count(FOUND.name) >= 1


def test_a_rate_at_which_training_fails_loses_and_nothing_else_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Finetuning, "learning_rates", (1e30, 3e-3))
    strategy = fitted(Finetuning, replace(BUDGET, settings=3))
    assert [one["dev_loss"] is None for one in strategy.choices[:2]] == [True, False]
    assert strategy.settings["learning_rate"] == 3e-3 and strategy.effort.found_better


def test_a_rate_that_cannot_win_is_tried_on_fewer_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Finetuning, "learning_rates", (2e-2, 1e-9))
    long = replace(BUDGET, settings=3, training_tokens=30_000, epochs=40)
    good, hopeless = (one["tokens"] for one in fitted(Finetuning, long).choices[:2])
    assert 0.5 * good <= hopeless < 0.7 * good


def test_a_trial_that_was_stopped_is_not_chosen_whatever_its_dev_loss_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.training.HOPELESS", 1e-9)
    monkeypatch.setattr(Finetuning, "learning_rates", (1e-9, 2e-2))
    strategy = fitted(Finetuning, replace(BUDGET, settings=3, training_tokens=30_000, epochs=40))
    first, stopped = strategy.choices[:2]
    assert stopped["dev_loss"] < first["dev_loss"] and "stopped" in stopped and "stopped" not in first
    assert strategy.settings["learning_rate"] == 1e-9
