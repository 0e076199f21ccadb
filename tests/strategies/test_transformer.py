"""The fast paths of the language model give what the plain computation gives."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import MambaConfig, MambaForCausalLM

from eval.task import BadInput
from strategies.engine.attention import _attend, attend_plainly, behind
from strategies.engine.few_rows import hasten_few_rows
from strategies.engine.key_values import Prefix, RoomyCache
from strategies.engine.label_search import LabelSearch
from strategies.engine.label_tree import LabelTree
from strategies.engine.language_model import Message, Prompt, Scores
from strategies.engine.local_model import LocalModel
from strategies.engine.plain import PlainModel
from strategies.engine.transformer import Transformer
from tests.tiny_model import tiny_network, tiny_transformer

PLAIN = tiny_network()
LABELS = ("refund", "refund_late", "delivery", "delivery_lost", "account")


@pytest.fixture(scope="module")
def model() -> Transformer:
    return tiny_transformer()


def prompts(count: int, instruction: str = "Sort the message. Labels: refund, delivery, account") -> list[Prompt]:
    texts = ["where is my parcel", "I want my money back, please, and soon", "no", "the lamp broke on day 3"]
    return [(Message("system", instruction), Message("user", f"{texts[at % 4]} {at}")) for at in range(count)]


def plain_scores(model: Transformer, prompt: Prompt, labels: tuple[str, ...], closed: bool) -> list[float]:
    """Every label run alone behind the whole prompt, without a cache, a mask or a tree."""
    sums = []
    for label in labels:
        asked, answer = model.encode(prompt), model.encode_answer(label) + ([model.end] if closed else [])
        with torch.inference_mode():
            steps = PLAIN(input_ids=torch.tensor([asked + answer])).logits[0].log_softmax(-1)
        sums.append(sum(steps[len(asked) - 1 + at, token].item() for at, token in enumerate(answer)))
    return sums


def test_scores_equal_the_plain_computation(model: Transformer) -> None:
    asked = prompts(9)
    scores = model.score(asked, LABELS)
    for row, prompt in enumerate(asked):
        expected = plain_scores(model, prompt, LABELS, closed=True)  # "refund" begins "refund_late"
        assert scores.log_probabilities[row].tolist() == pytest.approx(expected, abs=1e-4)


def test_scores_do_not_depend_on_what_was_asked_before(model: Transformer) -> None:
    asked = prompts(6)
    fresh = tiny_transformer().score(asked[2:3], LABELS).log_probabilities
    model.score(prompts(5, "Another instruction altogether, quite a bit longer than the first one"), LABELS)
    model.score(asked, LABELS)
    assert model.score(asked[2:3], LABELS).log_probabilities == pytest.approx(fresh, abs=1e-4)
    assert model.score(asked[2:3], LABELS).log_probabilities == pytest.approx(fresh, abs=1e-4)


def test_the_shared_beginning_is_run_once(model: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    widths: list[int] = []
    forward = model.network.forward

    def counted(*args: object, **options: torch.Tensor) -> object:
        widths.append(options["input_ids"].shape[1])
        return forward(*args, **options)

    asked = prompts(4, "A long instruction that every prompt begins with and that should be read only once")
    model.score(asked, LABELS)
    monkeypatch.setattr(model.network, "forward", counted)
    model.score(asked, LABELS)
    tree = LabelTree.grow([model.encode_answer(label) for label in LABELS], end=model.end)
    whole = max(len(model.encode(prompt)) for prompt in asked)
    assert max(widths) < whole / 2 + len(tree.tokens)


def in_every_way(scores: Scores) -> list[NDArray[np.float64]]:
    """Ways to compare labels as strategies do: their sum, their mean, less what they have anyway, and with what else is
    known of each row."""
    sums = scores.log_probabilities
    rows = range(len(sums)) if scores.rows is None else scores.rows
    known = np.array([np.random.default_rng(row).normal(0, 5, sums.shape[1]) for row in rows])
    return [sums, sums / scores.tokens_out, sums + np.linspace(0, 9, sums.shape[1]), sums + known]


def test_the_best_labels_of_a_search_are_the_best_of_all(model: Transformer) -> None:
    words = ("refund", "parcel", "money", "lamp", "broke", "delivery", "account", "late", "soon")
    labels = [f"{one} {other} {third}" for one in words[:5] for other in words[2:] for third in words[:4]]
    every, found = model.score(prompts(12), labels), model.score(prompts(12), labels, compare=in_every_way)
    for best, known in zip(in_every_way(found), in_every_way(every), strict=True):
        assert best.argmax(axis=1).tolist() == known.argmax(axis=1).tolist()
    seen = np.isfinite(found.log_probabilities)
    assert found.log_probabilities[seen] == pytest.approx(every.log_probabilities[seen], abs=1e-4)


def test_rows_that_are_done_may_stand_last_in_a_pass_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.engine.transformer.WORTH_DROPPING", 0.0)  # they stay in the batch
    model = tiny_transformer()
    model._limits = replace(model._limits, tokens=1)  # every row is a pass

    def compare(scores: Scores) -> list[NDArray[np.float64]]:
        compared = scores.log_probabilities.copy()
        compared[-1] = -np.inf  # no label of the last row contends
        return [compared]

    every, found = model.score(prompts(4), LABELS), model.score(prompts(4), LABELS, compare=compare)
    best = every.log_probabilities.argmax(axis=1)
    done = ~np.isfinite(found.log_probabilities).any(axis=1)
    assert done.sum() == 1 and (found.log_probabilities.argmax(axis=1) == best)[~done].all()


def test_a_search_runs_what_can_win_and_no_more() -> None:
    random = np.random.default_rng(0)
    labels = sorted({tuple(random.integers(3, 9, size=random.integers(2, 7)).tolist()) for _ in range(60)})
    tree = LabelTree.grow(labels, end=2)
    rows = 200
    edges = -random.gamma(0.3, 10.0, size=(rows, len(tree.sources)))  # some tokens are likely, most are not
    known = Scores(edges @ tree.edges.T, np.full(rows, 9), tree.lengths)
    search = LabelSearch(tree, known.tokens_in, in_every_way)
    run = np.zeros((rows, 1 + len(tree.tokens)), dtype=bool)
    run[:, 0] = True  # the prompt
    search.learn(np.where(run[:, tree.sources], edges, np.nan))
    rounds = 0
    while (nodes := search.next_nodes()).any():
        assert not (nodes & run[:, 1:]).any()
        run[:, 1:] |= nodes
        rounds += 1
        search.learn(np.where(run[:, tree.sources], edges, np.nan))
    found = Scores(search.scores(), known.tokens_in, tree.lengths)
    for best, expected in zip(in_every_way(found), in_every_way(known), strict=True):
        assert best.argmax(axis=1).tolist() == expected.argmax(axis=1).tolist()
    assert run[:, 1:].mean() < 0.5
    assert rounds <= 1 + np.log2(len(labels))


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_what_its_formula_says(masked: bool) -> None:
    torch.manual_seed(0)
    query, keys, values = (torch.randn(2, 4, 6, 16) for _ in range(3))
    mask = torch.zeros(2, 1, 6, 6).masked_fill(torch.rand(2, 1, 6, 6) < 0.4, -1e9) if masked else None
    plain, plain_weight = attend_plainly(query, keys, values, None, mask=mask, causal=not masked)
    found, weight = _attend(query, keys, values, None, mask=mask, causal=not masked)
    expected = torch.nn.functional.scaled_dot_product_attention(
        query, keys, values, attn_mask=mask, is_causal=not masked
    )
    assert torch.allclose(plain, expected, atol=1e-5) and torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(weight, plain_weight, atol=1e-5)


def test_a_network_that_ignores_the_shared_beginning_is_noticed(model: Transformer) -> None:
    prefix, at = Prefix([1], [(torch.ones(1), torch.ones(1))]), torch.ones(1, 1, dtype=torch.long)
    with pytest.raises(RuntimeError, match="shared beginning"), behind(prefix, at, at):
        pass  # as if the network ran with an attention of its own


def test_a_label_that_begins_another_is_closed() -> None:
    tree = LabelTree.grow([[5], [5, 6], [7]], end=2)
    assert tree.lengths.tolist() == [2, 3, 2]
    open_tree = LabelTree.grow([[5, 8], [5, 6], [7]], end=2)
    assert open_tree.lengths.tolist() == [2, 2, 1]
    assert open_tree.tokens.tolist() == [5]  # the only token with something below it


def test_labels_the_model_cannot_tell_apart_are_named(model: Transformer) -> None:
    with pytest.raises(BadInput, match="refund, refund"):
        model.score(prompts(1), ["refund", "refund"])


def test_a_model_that_knows_no_system_turn_gets_the_instruction_with_the_first_input() -> None:
    model = tiny_transformer()
    template = model.tokenizer.chat_template
    model.tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system turn') }}{% endif %}" + template
    )
    text = model.tokenizer.decode(model.encode(prompts(1)[0]))
    assert "system" not in text and text.count("<|im_start|>user") == 1 and "Sort the message" in text


def test_a_model_without_a_chat_form_is_asked_in_plain_turns() -> None:
    model = tiny_transformer()
    model.tokenizer.chat_template = None
    text = model.tokenizer.decode(model.encode(prompts(1)[0]))
    assert isinstance(text, str)
    assert text.startswith("system:\nSort the message") and text.endswith("assistant:\n")
    assert model.score(prompts(2), LABELS).log_probabilities.shape == (2, len(LABELS))


@pytest.mark.parametrize("labels", [[[]], [[5], [5]]])
def test_labels_without_tokens_or_alike_are_refused(labels: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="tokens"):
        LabelTree.grow(labels, end=2)


def plain_answer(model: Transformer, prompt: Prompt, max_tokens: int) -> list[int]:
    """What transformers writes to one prompt, without the token that ends it."""
    ids = torch.tensor([model.encode(prompt)])
    written = PLAIN.generate(  # type: ignore[misc]  # the stub wants a protocol that no model of theirs fulfils
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=max_tokens, do_sample=False,
        eos_token_id=list(model.ends),
    )[0, ids.shape[1] :]  # fmt: skip
    return [token for token in written.tolist() if token not in model.ends]


@pytest.mark.parametrize("instruction", ["Answer.", "Answer the message in a word or two, as a clerk would who knows."])
def test_written_answers_equal_those_of_transformers(instruction: str) -> None:
    model = tiny_transformer()
    asked = [
        (
            Message("system", instruction),
            Message("user", " ".join(["why", "not", "now"][at % 3 :] * (1 + at % 5)) + f" {at}"),
        )
        for at in range(40)
    ]  # more rows than are written together, and more tokens than are read together
    model.ends |= {plain_answer(model, prompt, 12)[-1] for prompt in asked[::8]}  # so that rows end one by one
    expected = [plain_answer(model, prompt, 12) for prompt in asked]
    assert len({len(answer) for answer in expected}) > 3
    written = model.write(asked, max_tokens=12)
    for prompt, answer, tokens in zip(asked, written, expected, strict=True):
        text = model.tokenizer.decode(tokens, skip_special_tokens=True)
        assert isinstance(text, str) and answer.text == text.strip()
        assert (answer.tokens_in, answer.tokens_out) == (len(model.encode(prompt)), len(tokens))
        assert answer.cut_off == (len(tokens) == 12)
    assert {answer.cut_off for answer in written} == {True, False}


def test_room_for_keys_and_values_is_freed_with_its_last_use() -> None:
    cache = RoomyCache(rows=2, tokens=8)
    cache.update(torch.ones(2, 1, 3, 4), torch.ones(2, 1, 3, 4), 0)
    layer = weakref.ref(cache.layers[0])
    gc.disable()  # what only the garbage collector frees may stay for minutes
    try:
        del cache
        assert layer() is None
    finally:
        gc.enable()


def test_a_network_without_attention_is_noticed() -> None:
    network = MambaForCausalLM(MambaConfig(vocab_size=64, hidden_size=16, state_size=4, num_hidden_layers=1))
    with pytest.raises(RuntimeError, match="doesn't keep keys and values"):
        Transformer(network, tiny_transformer().tokenizer)


@pytest.mark.parametrize("bias", [True, False])
def test_few_rows_give_what_a_linear_layer_gives(bias: bool) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(24, 40, bias=bias))
    inputs = [torch.randn(*shape, 24) for shape in ((1,), (2,), (5, 1), (4, 12), (7, 7))]
    expected = [network(rows) for rows in inputs]
    hasten_few_rows(network)
    for rows, plain in zip(inputs, expected, strict=True):
        torch.testing.assert_close(network(rows), plain)


def test_every_row_is_reported(model: Transformer) -> None:
    done: list[int] = []
    model.score(prompts(40), LABELS, done.append)
    assert done[-1] == 40 and done == sorted(done)


@pytest.mark.parametrize("kind", [Transformer, PlainModel])
def test_tokens_taken_are_those_the_network_read_and_those_it_wrote(kind: type[LocalModel]) -> None:
    made = tiny_transformer()
    model = kind(made.network, made.tokenizer)
    read: list[int] = []

    def count(_: object, __: object, options: dict[str, torch.Tensor]) -> None:
        read.append(options["input_ids"].numel())

    with model.network.register_forward_pre_hook(count, with_kwargs=True):
        model.score(prompts(1), LABELS)
        assert model.tokens_taken == sum(read) > len(model.encode(prompts(1)[0]))
        (written,) = model.write(prompts(1, "Another instruction"), 6)
    last = 1 if written.cut_off else 0  # the last one is written, but not read
    assert written.tokens_out > 1 and model.tokens_taken == sum(read) + last
