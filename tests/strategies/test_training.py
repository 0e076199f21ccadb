"""Training: what the loss looks at, what is kept, and that something is learned."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from peft import PeftModel
from transformers import LlamaForCausalLM

from strategies.engine import training
from strategies.engine.adapter import add_adapter
from strategies.engine.loss import TOKENS_A_PASS, Pair, mean_loss, summed_loss, within_memory
from strategies.engine.training import TOKENS_A_ROW, Trained, cut_pair
from tests.tiny_model import tiny_network, tiny_transformer

TOKENS = 6000


def pairs() -> list[Pair]:
    """Even prompts are answered with one token, odd ones with another."""
    return [Pair([1, 20 + row % 7, 300 + row % 2, 40], [500 + row % 2, 2]) for row in range(48)]


def train(
    network: PeftModel | LlamaForCausalLM,
    dev: list[Pair],
    tokens_done: Callable[[int], None] = lambda read: None,
    learning_rate: float = 2e-2,
    evaluations: int = 6,
    stops_above: float = math.inf,
) -> Trained:
    return training.train(
        network,
        pairs(),
        dev,
        learning_rate=learning_rate,
        tokens=TOKENS,
        epochs=40,
        evaluations=evaluations,
        seed=0,
        tokens_done=tokens_done,
        stops_above=stops_above,
    )


@pytest.mark.parametrize("is_short_of_memory", [False, True])
@pytest.mark.parametrize("is_fast", [True, False], ids=["fast path", "plain path"])
def test_loss_and_gradients_are_those_of_the_answer_tokens_alone(
    is_fast: bool, is_short_of_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_short_of_memory:
        monkeypatch.setattr("strategies.engine.training.KEPT_SHARE", 0.0)
    network = tiny_transformer().network if is_fast else tiny_network()
    adapted = add_adapter(network, seed=0).train()
    assert network.is_activation_checkpointing is is_short_of_memory
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.1)  # fresh adapters are zero here, and nothing behind a zero has a gradient
    batch = [
        Pair([1, 30, 31, 60], [7, 8]),
        Pair([1, 30, 41, 42, 43], [9]),
        Pair([1, 30], [10, 11, 12]),
        Pair([1, 30, 31, 60], [7, 8]),
        Pair([1, 30, 31, 60, 44, 45], [7, 8], (range(1, 2), range(3, 5))),  # earlier answers, one in what all share
    ]
    plain = torch.zeros(())
    for pair in batch:
        tokens = pair.prompt + pair.answer
        steps = adapted(input_ids=torch.tensor([tokens])).logits[0].log_softmax(-1)
        learned = [*(at for span in pair.earlier for at in span), *range(len(pair.prompt), len(tokens))]
        plain = plain - sum(steps[at - 1, tokens[at]] for at in learned)
    weights = [weight for weight in adapted.parameters() if weight.requires_grad]
    expected = torch.autograd.grad(plain, weights)
    with summed_loss(adapted, batch) as loss:
        assert loss.item() == pytest.approx(plain.item(), rel=1e-5)
        gradients = torch.autograd.grad(loss, weights)
    for found, wanted in zip(gradients, expected, strict=True):
        assert torch.allclose(found, wanted, atol=1e-4, rtol=1e-3)


def test_rows_are_packed_within_memory_and_none_is_lost() -> None:
    batch = [Pair([1] * length, [2]) for length in (5, TOKENS_A_PASS, 100, 200, 300, 7)]
    parts = list(within_memory(batch))
    assert [pair for part in parts for pair in part] == batch
    assert all(len(part) == 1 or sum(pair.tokens for pair in part) <= TOKENS_A_PASS for part in parts)
    assert len(parts) == 4


def test_training_learns_and_keeps_its_best_weights() -> None:
    adapted = add_adapter(tiny_transformer().network, seed=0)
    before = mean_loss(adapted, pairs())
    seen: list[int] = []
    trained = train(adapted, dev=pairs()[:8], tokens_done=seen.append)
    assert mean_loss(adapted, pairs()) < before / 4
    assert trained.dev_loss == min(point.dev for point in trained.history)
    assert mean_loss(adapted, pairs()[:8]) == pytest.approx(trained.dev_loss, rel=1e-3)
    assert seen == sorted(seen)


def test_all_weights_learn_where_all_ask_for_gradients() -> None:
    network = tiny_network()
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    loss = mean_loss(network, pairs())
    trained = train(network, dev=pairs()[:8], learning_rate=2e-3)
    assert mean_loss(network, pairs()) < loss / 4
    assert mean_loss(network, pairs()[:8]) == pytest.approx(trained.dev_loss, rel=1e-3)
    unchanged = [name for name, weight in network.named_parameters() if torch.equal(weight, before[name])]
    assert unchanged == []


def test_training_stops_when_dev_gets_worse() -> None:
    adapted = add_adapter(tiny_transformer().network, seed=0)
    wrong = [Pair(pair.prompt, [501 - pair.answer[0] + 500, 2]) for pair in pairs()[:8]]  # dev says the opposite
    trained = train(adapted, dev=wrong)
    assert trained.history[-1].tokens < TOKENS
    assert mean_loss(adapted, wrong) == pytest.approx(trained.dev_loss, rel=1e-3)


def test_a_training_that_lags_too_far_behind_ends_halfway_and_others_are_as_without_a_limit() -> None:
    def trained(stops_above: float) -> Trained:
        adapted = add_adapter(tiny_transformer().network, seed=0)
        return train(adapted, dev=pairs()[:8], evaluations=1, stops_above=stops_above)

    whole = trained(math.inf)
    assert whole.early_loss is not None and len(whole.history) == 1
    assert trained(1.01 * whole.early_loss) == whole
    stopped = trained(0.99 * whole.early_loss)
    assert TOKENS / 2 <= stopped.tokens < 0.6 * TOKENS and stopped.early_loss == whole.early_loss


def test_a_training_whose_loss_is_no_number_ends_halfway_and_says_so() -> None:
    adapted = add_adapter(tiny_transformer().network, seed=0)
    next(weight for weight in adapted.parameters() if weight.requires_grad).data.fill_(torch.nan)
    trained = train(adapted, dev=pairs()[:8], evaluations=1)
    assert trained.dev_loss == math.inf and trained.tokens < 0.6 * TOKENS
    with pytest.raises(RuntimeError, match="Training failed: the dev loss is nan"):
        trained.checked()


def test_a_long_prompt_loses_its_beginning_and_never_its_answer() -> None:
    pair = cut_pair(list(range(2000)), [7, 8, 9])
    assert pair.tokens == TOKENS_A_ROW
    assert pair.answer == [7, 8, 9] and pair.prompt[-1] == 1999
    earlier = (range(1300, 1310), range(1363, 1370), range(1364, 1370))  # the second would begin the row
    assert cut_pair(list(range(2000)), [7, 8, 9], earlier=earlier).earlier == (range(1, 7),)
