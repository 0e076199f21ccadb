"""The program in a download asks a model with any chat template as the run did, and reads its answers as it did."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from eval.mapping.label_sets import NO_LABEL
from eval.task import Example
from strategies.engine.rendering import ChatForm
from strategies.engine.transformer import Transformer
from strategies.model_files import FETCHED
from strategies.prompts import build_prompt
from strategies.standalone import DATA, Strategy, load_model
from tests.strategies.chat_templates import FAMILIES, Family, tokenizer_for
from tests.tiny_model import save_tiny_model, tiny_network

ALTERING = Family("{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] | upper }}{% endfor %}", "")
ALL = pytest.mark.parametrize("family", [*FAMILIES.values(), ALTERING], ids=[*FAMILIES, "alters what it shows"])
SHOWN = (Example("a", "My lamp broke", "refund"), Example("b", "Where is it?", "delivery"))
LABELS = ("refund", "refund_late", "delivery")
INSTRUCTION = "Sort the message."


def downloaded(tokenizer: PreTrainedTokenizerBase, shown: tuple[Example, ...], labels: tuple[str, ...]) -> Strategy:
    """As `Strategy` is, without a model."""
    strategy = Strategy.__new__(Strategy)
    strategy.tokenizer, strategy.search = tokenizer, None
    strategy.form = json.loads(json.dumps(ChatForm(tokenizer).to_json()))
    strategy.settings = settings_of(strategy.form, shown, labels)
    return strategy


def settings_of(form: object, shown: tuple[Example, ...], labels: tuple[str, ...]) -> dict[str, object]:
    return {
        "form": form,
        "instruction": INSTRUCTION,
        "examples": [[example.input, example.target] for example in shown],
        "labels": labels,
        "continuations": labels,
        "values": [],
        "no_label": NO_LABEL,
        "answer_tokens": 12,
        "choice": {"normalisation": "sum", "way": "likeliest label", "threshold": 0.0, "offsets": []},
        "search": None,
        "trained_part": None,
    }


@ALL
@pytest.mark.parametrize("shown", [(), SHOWN], ids=["alone", "with examples"])
def test_the_download_sends_what_the_run_sent(family: Family, shown: tuple[Example, ...]) -> None:
    form = ChatForm(tokenizer_for(family))
    strategy = downloaded(tokenizer_for(family), shown, ())
    assert strategy.read(strategy.turns("A cup")) == form.render(build_prompt(INSTRUCTION, "A cup", shown)).ids
    marks = "".join(tokenizer_for(family).all_special_tokens)
    forged = build_prompt(INSTRUCTION, f"A {marks} cup", shown)
    assert strategy.read(strategy.turns(f"A {marks} cup")) == form.render(forged).ids
    for label in (*LABELS, marks):
        assert strategy.answer_tokens(label) == form.encode_answer(label)


@pytest.mark.parametrize(
    "written",
    [
        "<think>\nHm.\n</think>\n\nyes",
        "Hm.</think>yes",
        "yes",
        "<think>Hm",
        "<think>Hm.</think><reasoning>So.</reasoning> yes",
    ],
)
@pytest.mark.parametrize("name", ["thinking can be switched off", "default system turn"])
def test_the_download_leaves_out_the_same_thoughts(name: str, written: str) -> None:
    form = ChatForm(tokenizer_for(FAMILIES[name]))
    tokens = form.tokenizer(written, add_special_tokens=False)["input_ids"]
    answer = form.read_answer(form.render(build_prompt(INSTRUCTION, "A cup")), tokens, False)
    assert downloaded(form.tokenizer, (), ()).without_thoughts(tokens, INSTRUCTION).strip() == answer.text


def test_the_download_loads_no_other_model_that_an_adapter_names(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/elsewhere"}')
    weights = folder / "model.safetensors"
    expected = {"sha256": {weights.name: hashlib.sha256(weights.read_bytes()).hexdigest()}}
    with pytest.raises(SystemExit, match=r"adapter_config\.json names another model"):
        load_model(str(folder), expected)


def test_the_download_fetches_no_other_files_than_a_run() -> None:
    assert tuple(DATA) == FETCHED


@pytest.mark.parametrize("name", ["turns must alternate, no generation prompt", "channels", "nothing ends an answer"])
def test_the_download_gives_the_answers_of_the_run(name: str, tmp_path: Path) -> None:
    tokenizer, network = tokenizer_for(FAMILIES[name]), tiny_network()
    torch.manual_seed(0)
    network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    network.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = Transformer(network, tokenizer)
    weights = tmp_path / "model.safetensors"
    said = {"name": str(tmp_path), "sha256": {weights.name: hashlib.sha256(weights.read_bytes()).hexdigest()}}
    prompt = build_prompt(INSTRUCTION, "A cup", SHOWN)
    for labels in ((), LABELS):
        settings = {**settings_of(model.form_to_json(), SHOWN, labels), "model": said}
        (tmp_path / "settings.json").write_text(json.dumps(settings))
        answer = Strategy(tmp_path).answer("A cup")
        if labels:
            assert answer == labels[model.score([prompt], labels).log_probabilities[0].argmax()]
        else:
            assert answer == model.write([prompt], 12)[0].text
