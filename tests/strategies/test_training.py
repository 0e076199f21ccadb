"""Training: what the loss looks at, what is kept, and that something is learned."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import LlamaForCausalLM

from strategies.engine import training
from strategies.engine.adapter import add_adapter
from strategies.engine.checkpoints import Checkpoint, Checkpoints
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
    checkpoint: Checkpoint | None = None,
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
        checkpoint=checkpoint,
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


@pytest.fixture
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint at every evaluation, however long it takes beside other programs."""
    monkeypatch.setattr("strategies.engine.checkpoints.WRITING_SHARE", math.inf)


class KilledError(Exception):
    pass


def killed_after(tokens: int) -> Callable[[int], None]:
    def tokens_done(read: int) -> None:
        if read >= tokens:
            raise KilledError

    return tokens_done


@pytest.mark.usefixtures("quick_disk")
@pytest.mark.parametrize("killed_at", [1200, 3100, 5900])
def test_a_training_that_was_killed_goes_on_from_its_last_evaluation_and_ends_the_same(
    killed_at: int, tmp_path: Path
) -> None:
    whole_network = add_adapter(tiny_transformer().network, seed=0)
    whole = train(whole_network, dev=pairs()[:8])
    checkpoint = Checkpoints(tmp_path).of("adapter")
    with pytest.raises(KilledError):
        train(add_adapter(tiny_transformer().network, 0), pairs()[:8], killed_after(killed_at), checkpoint=checkpoint)
    read: list[int] = []
    network = add_adapter(tiny_transformer().network, seed=0)
    again = train(network, pairs()[:8], read.append, checkpoint=Checkpoints(tmp_path).of("adapter"))
    assert again == whole and again.earlier_seconds > 0
    assert killed_at - TOKENS / 6 < read[0] <= killed_at
    kept = zip(whole_network.parameters(), network.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in kept)


@pytest.mark.usefixtures("quick_disk")
def test_a_training_that_ended_is_not_trained_again_and_its_weights_are_there(tmp_path: Path) -> None:
    read: list[int] = []
    networks = [add_adapter(tiny_transformer().network, seed=0) for _ in range(2)]
    first, second = (
        train(network, pairs()[:8], read.append, checkpoint=Checkpoints(tmp_path).of("adapter")) for network in networks
    )
    assert second == first and read == sorted(set(read))
    assert mean_loss(networks[1], pairs()[:8]) == pytest.approx(first.dev_loss, rel=1e-3)


def test_a_trial_keeps_its_result_without_weights(tmp_path: Path) -> None:
    def trial(tokens_done: Callable[[int], None]) -> Trained:
        checkpoint = Checkpoints(tmp_path).of("trial 1", keeps_weights=False)
        return train(add_adapter(tiny_transformer().network, 0), pairs()[:8], tokens_done, checkpoint=checkpoint)

    with pytest.raises(KilledError):
        trial(killed_after(3100))
    read: list[int] = []
    first, second = trial(read.append), trial(read.append)
    assert read[0] < 100 and read == sorted(set(read)) and second == first
    assert [path.name for path in (tmp_path / "trial 1").iterdir()] == ["checkpoint.json"]


@pytest.mark.usefixtures("quick_disk")
@pytest.mark.parametrize("damage", ["flipped bit", "cut off", "gone", "another training", "no JSON"])
def test_a_damaged_checkpoint_counts_as_absent(damage: str, tmp_path: Path) -> None:
    checkpoint = Checkpoints(tmp_path).of("adapter")
    with pytest.raises(KilledError):
        train(add_adapter(tiny_transformer().network, 0), pairs()[:8], killed_after(3100), checkpoint=checkpoint)
    (tensors,) = (tmp_path / "adapter").glob("*.safetensors")
    content = bytearray(tensors.read_bytes())
    match damage:
        case "flipped bit":
            content[-9] ^= 1
            tensors.write_bytes(content)
        case "cut off":
            tensors.write_bytes(content[:-9])
        case "gone":
            tensors.unlink()
        case "no JSON":
            (tmp_path / "adapter" / "checkpoint.json").write_text("[")
    read: list[int] = []
    evaluations = 5 if damage == "another training" else 6
    network = add_adapter(tiny_transformer().network, 0)
    train(network, pairs()[:8], read.append, evaluations=evaluations, checkpoint=checkpoint)
    assert read[0] < 100


def test_weights_that_take_long_to_write_are_written_rarely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.engine.checkpoints.WRITING_SHARE", 1e-6)
    monkeypatch.setattr("strategies.engine.checkpoints.QUICK_SECONDS", 0)
    written: list[None] = []
    checkpoint = Checkpoints(tmp_path, lambda: written.append(None)).of("adapter")
    train(add_adapter(tiny_transformer().network, 0), pairs()[:8], checkpoint=checkpoint)
    assert len(written) == 1


def test_training_goes_on_where_a_checkpoint_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "adapter").write_text("a file where the folder should be")
    trained = train(
        add_adapter(tiny_transformer().network, 0), pairs()[:8], checkpoint=Checkpoints(tmp_path).of("adapter")
    )
    assert len(trained.history) == 6
