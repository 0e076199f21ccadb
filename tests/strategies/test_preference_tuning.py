"""Fine-tuning on preferences: the loss is DPO's, as TRL computes it, and a strategy learns what people preferred."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from advisor.runs.probes import with_preferences
from eval.outcomes import Preferred, Trial
from eval.task import BadInput, Brief, Example, Kind, LearningSplit
from strategies.contract import LearnsPreferences, Progress
from strategies.engine.adapter import add_adapter
from strategies.engine.loss import Pair
from strategies.engine.plain import PlainModel
from strategies.engine.preference_loss import Preference, PreferenceLoss, log_probabilities, with_reference
from strategies.finetuning import Finetuning
from strategies.preference_tuning import BETAS, PreferenceTuning
from strategies.presets import Budget
from tests.tiny_model import tiny_network, tiny_transformer

BETA = 0.1
BUDGET = Budget(test_rows=8, dev_rows=8, latency_rows=0, settings=3, training_tokens=40_000, epochs=4, answer_tokens=8)
ROWS = [
    Preference(Pair([1, 30, 31, 60], [7, 8, 2]), Pair([1, 30, 31, 60], [9, 2])),
    Preference(Pair([1, 30, 41, 42, 43], [10, 2]), Pair([1, 30, 41, 42, 43], [11, 12, 13, 14])),
    Preference(Pair([1, 30], [15, 2]), Pair([1, 30], [16, 2])),
]
TRL_LOSS = 0.726654  # of TRL 1.16.0's DPOTrainer on these rows, with the adapter before and after `changed`


def adapted(paths: type[PlainModel] | None = None) -> PeftModel:
    """The tiny network with an adapter that has an effect, as supervised training leaves one."""
    network = tiny_network() if paths else tiny_transformer().network
    found = add_adapter(network, seed=0)
    _add_noise(found, seed=1)
    return found


def changed(network: PeftModel) -> PeftModel:
    """As preference training leaves it."""
    _add_noise(network, seed=2)
    return network


def _add_noise(network: PeftModel, seed: int) -> None:
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "lora_B.default" in name:
                weight.add_(0.1 * torch.randn(weight.shape, generator=noise))


def loss_of(network: PeftModel, rows: Sequence[Preference]) -> float:
    with PreferenceLoss(BETA).by_row(network, rows) as losses:
        return float(losses.mean().item())


def plain_log_probability(network: PeftModel, pair: Pair) -> torch.Tensor:
    """By the forward pass of transformers alone."""
    steps = network(input_ids=torch.tensor([pair.prompt + pair.answer])).logits[0].log_softmax(-1)
    return sum((steps[len(pair.prompt) - 1 + at, token] for at, token in enumerate(pair.answer)), torch.zeros(()))


@pytest.mark.parametrize("path", [None, PlainModel], ids=["fast path", "plain path"])
def test_loss_and_gradients_are_those_of_the_paper(path: type[PlainModel] | None) -> None:
    network = adapted(path)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    before = [[plain_log_probability(network, pair).item() for pair in (row.chosen, row.rejected)] for row in ROWS]
    assert torch.allclose(torch.tensor(log_probabilities(network, ROWS)), torch.tensor(before), atol=1e-4)
    rows = with_reference(network, ROWS)
    assert loss_of(network, rows) == pytest.approx(0.693147, abs=1e-5)  # nothing preferred yet
    changed(network)
    expected = torch.zeros(())
    for row, (chosen, rejected) in zip(ROWS, before, strict=True):
        gained = plain_log_probability(network, row.chosen) - chosen
        lost = plain_log_probability(network, row.rejected) - rejected
        expected = expected - torch.nn.functional.logsigmoid(BETA * (gained - lost))
    wanted = torch.autograd.grad(expected, weights)
    with PreferenceLoss(BETA).by_row(network, rows) as losses:
        loss = losses.sum()
        assert loss.item() == pytest.approx(expected.item(), abs=1e-4)
        for found, one in zip(torch.autograd.grad(loss, weights), wanted, strict=True):
            assert torch.allclose(found, one, atol=1e-4, rtol=1e-3)


def test_the_loss_is_the_one_that_trl_computed() -> None:
    network = adapted()
    rows = with_reference(network, ROWS)
    assert loss_of(changed(network), rows) == pytest.approx(TRL_LOSS, abs=1e-4)


def test_trl_computes_this_loss(tmp_path: Path) -> None:
    """Both compare with the adapter as it was when preference training began."""
    trl = pytest.importorskip("trl", reason="TRL comes with the optional dependencies `bench`")
    datasets = pytest.importorskip("datasets")
    from transformers import AutoTokenizer

    from tests.tiny_model import TOKENIZER

    network = adapted(PlainModel)
    trainer = trl.DPOTrainer(
        network,
        args=trl.DPOConfig(str(tmp_path), beta=BETA, use_cpu=True, bf16=False, report_to=[], save_strategy="no"),
        processing_class=AutoTokenizer.from_pretrained(TOKENIZER),
        train_dataset=datasets.Dataset.from_list([{"prompt": "a", "chosen": "b", "rejected": "c"}] * 3),
    )
    changed(network).eval()
    assert float(trainer.compute_loss(trainer.model, padded(ROWS))) == pytest.approx(TRL_LOSS, abs=1e-4)


def padded(rows: Sequence[Preference]) -> dict[str, Any]:
    """A batch as TRL's collator makes it: all chosen answers, then all rejected ones."""
    pairs = [*(row.chosen for row in rows), *(row.rejected for row in rows)]
    width = max(pair.tokens for pair in pairs)
    ids, real, answer = (torch.zeros(len(pairs), width, dtype=torch.long) for _ in range(3))
    for at, pair in enumerate(pairs):
        ids[at, : pair.tokens] = torch.tensor(pair.prompt + pair.answer)
        real[at, : pair.tokens] = 1
        answer[at, len(pair.prompt) : pair.tokens] = 1
    return {"input_ids": ids, "attention_mask": real, "completion_mask": answer}


def preferences(count: int, seed: int) -> tuple[Example, ...]:
    """Whatever is asked, people prefer the answer that begins with "please"."""
    draw = random.Random(seed)
    words = ("parcel", "lamp", "account", "refund", "money", "order")
    return tuple(
        Example(f"{seed}-{at}", f"{draw.choice(words)} {draw.choice(words)}", f"please {word}", rejected=f"no {word}")
        for at in range(count)
        for word in (draw.choice(words),)
    )


def ignore(progress: Progress) -> None:
    pass


@pytest.fixture(scope="module")
def fitted() -> PreferenceTuning:
    strategy = PreferenceTuning(Brief("tiny", Kind.WRITING, "", ()), tiny_transformer, BUDGET)
    strategy.fit(LearningSplit(preferences(40, 1), preferences(10, 2)), (), ignore)
    return strategy


def test_it_prefers_what_people_preferred_on_rows_it_never_saw(fitted: PreferenceTuning) -> None:
    test = (*preferences(20, 3), Example("without", "an input", "an answer"))
    answers = fitted.predict(["parcel lamp"])
    found = fitted.prefers(test)
    assert found.pairs == 20 and found.by_reward >= 18
    assert fitted.predict(["parcel lamp"]) == answers  # the adapter is back
    assert fitted.prefers(test[20:]).pairs == 0


def test_every_beta_of_the_budget_is_tried_and_the_chosen_one_settled(fitted: PreferenceTuning) -> None:
    tried = [choice["beta"] for choice in fitted.choices if "pairs_preferred" in choice]
    assert tried == list(BETAS[: BUDGET.trials]) and fitted.settings["beta"] in tried
    again = PreferenceTuning(
        Brief("tiny", Kind.WRITING, "", ()), tiny_transformer, BUDGET.for_fewer(1.0, fitted.settings)
    )
    again.fit(LearningSplit(preferences(40, 1), preferences(10, 2)), (), ignore)
    assert [choice["beta"] for choice in again.choices if "pairs_preferred" in choice] == [fitted.settings["beta"]]


def test_a_beta_at_which_training_fails_loses_and_nothing_else_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.preference_tuning.BETAS", (math.nan, BETA))
    strategy = PreferenceTuning(Brief("tiny", Kind.WRITING, "", ()), tiny_transformer, replace(BUDGET, settings=6))
    strategy.fit(LearningSplit(preferences(40, 1), preferences(10, 2)), (), ignore)
    assert [one["pairs_preferred"] is None for one in strategy.choices if "pairs_preferred" in one] == [True, False]
    assert strategy.settings["beta"] == BETA and strategy.predict(["parcel lamp"])[0].text


def test_a_saved_strategy_answers_as_before(fitted: PreferenceTuning, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    loaded = PreferenceTuning(fitted.brief, tiny_transformer, BUDGET)
    loaded.load(tmp_path)
    inputs = [row.input for row in preferences(4, 5)]
    assert loaded.predict(inputs) == fitted.predict(inputs)
    assert loaded.prefers(preferences(20, 3)) == fitted.prefers(preferences(20, 3))
    shutil.rmtree(tmp_path / "adapter_before_preferences")
    measured = Trial("preference_tuning", "done", requests_per_second=2.0)
    failed = with_preferences(measured, loaded, preferences(20, 3))
    assert failed == replace(measured, notes=failed.notes) and "could not be measured" in failed.notes[0]
    loaded.load(tmp_path)  # as if an earlier version had saved it
    assert loaded.predict(inputs) == fitted.predict(inputs) and loaded.prefers(preferences(20, 3)).pairs == 0


def test_a_part_of_the_rows_is_enough_with_two_pairs_and_refused_with_one() -> None:
    settled = BUDGET.for_fewer(0.5, {"learning_rate": 2e-3, "beta": 0.1})
    alone = tuple(replace(row, rejected="") for row in preferences(10, 1))
    for pairs in (1, 2):
        strategy = PreferenceTuning(Brief("tiny", Kind.WRITING, "", ()), tiny_transformer, settled)
        split = LearningSplit((*preferences(pairs, 2), *alone), alone[:4])
        if pairs == 2:
            strategy.fit(split, (), ignore)
            assert strategy.settings["pairs"] == 1
        else:
            with pytest.raises(BadInput, match="and there are 1: leave it out"):
                strategy.fit(split, (), ignore)


def test_its_settings_are_those_that_it_answers_with() -> None:
    """How labels are compared is chosen again after preference training."""
    rows = [
        Example(str(at), f"{thing} number {at}", label, rejected={"refund": "repair", "repair": "refund"}[label])
        for at in range(48)
        for thing, label in (("money", "refund") if at % 3 else ("lamp", "repair"),)
    ]
    strategy = PreferenceTuning(Brief("tiny", Kind.CLASSIFICATION, "", ("refund", "repair")), tiny_transformer, BUDGET)
    strategy.fit(LearningSplit(tuple(rows[:32]), tuple(rows[32:])), (), ignore)
    assert strategy._answerer.settings.items() <= strategy.settings.items()


def test_a_rejected_answer_of_several_labels_is_written_like_the_chosen_one() -> None:
    """Else the separator at the end would tell them apart. One that differs only in its order isn't another answer."""
    brief = Brief("tiny", Kind.MULTI_LABEL, "", ("lamp", "late", "refund"))
    rows = tuple(
        Example(f"{at}", f"my {at} things", "refund; late", rejected="late; refund" if at < 4 else "late; lamp")
        for at in range(28)
    )
    strategy = PreferenceTuning(brief, tiny_transformer, BUDGET)
    strategy.fit(LearningSplit(rows[:20], rows[20:]), (), ignore)
    assert strategy.settings["pairs"] == 16 and strategy.prefers(rows).pairs == 24
    read: list[str] = []
    encode = strategy.trained_model.encode_answer
    strategy.trained_model.encode_answer = lambda text: read.append(text) or encode(text)  # type: ignore[func-returns-value,method-assign]
    found = strategy.prefers(rows[4:])
    assert found.pairs == 24 and read and all(text.endswith(";") for text in read)


def test_rows_without_rejected_answers_are_refused_in_a_sentence() -> None:
    rows = tuple(replace(row, rejected="") for row in preferences(30, 1))
    strategy = PreferenceTuning(Brief("tiny", Kind.WRITING, "", ()), tiny_transformer, BUDGET)
    with pytest.raises(BadInput, match="needs 16 training rows with a rejected answer, and there are 0"):
        strategy.fit(LearningSplit(rows, rows[:6]), (), ignore)
    assert not isinstance(Finetuning(Brief("tiny", Kind.WRITING, "", ()), tiny_transformer, BUDGET), LearnsPreferences)


def test_a_lead_that_grew_is_a_preference_even_where_the_rejected_answer_is_likelier() -> None:
    assert Preferred.of([-1.0, 2.0, -3.0], [-2.0, 1.0, -3.0]) == Preferred(3, by_reward=2, by_likelihood=1, before=1)
