"""Thoughts are found by their markers, left out of answers, and counted."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoTokenizer

from strategies.engine.language_model import Message
from strategies.engine.loss import Pair
from strategies.engine.rendering import ChatForm
from strategies.engine.thinking import Markers, closing_for, markers_in
from strategies.engine.training import train
from strategies.engine.transformer import Transformer
from tests.strategies.chat_templates import FAMILIES, TOKENIZER, Family, tokenizer_for
from tests.tiny_model import tiny_transformer

THINK = Markers("<think>", "</think>")
CHANNELS = FAMILIES["channels"]
ASKED = (Message("system", "Answer."), Message("user", "Where is it?"))


@pytest.mark.parametrize(
    ("template", "added", "found"),
    [
        ("{{ m['content'].split('</think>')[-1] }}", (), [THINK]),
        ("{{ m['reasoning_content'] }}{{ messages[reasoning] }}", ("<|endoftext|>", "<|im_start|>"), []),
        ("", ("[THINK]", "[/THINK]"), [Markers("[THINK]", "[/THINK]")]),
        ("", ("<|START_THINKING|>", "<|END_THINKING|>"), [Markers("<|START_THINKING|>", "<|END_THINKING|>")]),
        ("", ("<|begin_of_thought|>", "<|end_of_thought|>"), [Markers("<|begin_of_thought|>", "<|end_of_thought|>")]),
        ("", ("<|inner_prefix|>", "<|inner_suffix|>"), [Markers("<|inner_prefix|>", "<|inner_suffix|>")]),
        ("", ("<|thinking|>", "<|/thinking|>"), [Markers("<|thinking|>", "<|/thinking|>")]),
        ("", ("<|thinking|>",), []),  # nothing ends it
        ("{{ '<seed:think>' }}", (), [Markers("<seed:think>", "</seed:think>")]),
        ("{{ '◁think▷' }}", (), [Markers("◁think▷", "◁/think▷")]),
        ("{{ '<reasoning>' }}", (), [Markers("<reasoning>", "</reasoning>")]),
    ],
)
def test_markers_are_found_in_templates_and_among_tokens(
    template: str, added: tuple[str, ...], found: list[Markers]
) -> None:
    assert list(markers_in(template, added)) == found


@pytest.mark.parametrize(
    ("earlier", "last", "needed"),
    [
        ("", "<think>\n", "\n</think>\n\n"),
        ("", "<think>", "</think>"),
        ("", "<think>\nOkay, so", "\n</think>\n\n"),
        ("", "<think>\n\n</think>\n\n", ""),
        ("", "</think>", ""),
        ("Think in <think> </think> first. ", "assistant:", "<think>\n\n</think>\n\n"),
        ("<think></think> earlier", "<think></think>", ""),
    ],
)
def test_a_prompt_never_ends_inside_a_thought(earlier: str, last: str, needed: str) -> None:
    assert closing_for(earlier, last, (THINK,)) == needed


@pytest.mark.parametrize(
    ("family", "written", "text", "thought"),
    [
        (
            "thinking can be switched off",
            "<think>\nHm, a lamp.\n</think>\n\nIn the hall.",
            "In the hall.",
            "<think>\nHm, a lamp.\n</think>",
        ),
        ("thinking can be switched off", " Hm.</think>In the hall.", "In the hall.", " Hm.</think>"),
        ("thinking can be switched off", "In the hall.", "In the hall.", ""),
        ("thinking can be switched off", "In <think>the</think> hall.", "In <think>the</think> hall.", ""),
        ("response tokens", "<|START_THINKING|>Hm.<|END_THINKING|>yes", "yes", "<|START_THINKING|>Hm.<|END_THINKING|>"),
        ("told to think in brackets", "[THINK]Hm.[/THINK]yes", "yes", "[THINK]Hm.[/THINK]"),
        ("a budget for thoughts", "<seed:think>Hm.</seed:think>yes", "yes", "<seed:think>Hm.</seed:think>"),
        (
            "channels",
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>yes",
            "yes",
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>",
        ),
        ("channels", "<|channel|>final<|message|>yes", "yes", "<|channel|>final<|message|>"),
        ("default system turn", "<think>Hm.</think>yes", "yes", "<think>Hm.</think>"),  # usual, if not in the template
        (
            "default system turn",
            "<think>Hm.</think><reasoning>So.</reasoning>yes",
            "yes",
            "<think>Hm.</think><reasoning>So.</reasoning>",
        ),
        ("default system turn", "Hm.</think>yes", "Hm.</think>yes", ""),
        ("nothing ends an answer", "yes\n\n### Instruction:\nno", "yes", ""),
    ],
)  # fmt: skip
def test_thoughts_are_left_out_of_an_answer_and_counted(family: str, written: str, text: str, thought: str) -> None:
    form = ChatForm(tokenizer_for(FAMILIES[family]))

    def tokens(text: str) -> list[int]:
        ids: list[int] = form.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    answer = form.read_answer(form.render(ASKED), tokens(written), False)
    assert (answer.text, answer.cut_off) == (text, False)
    assert len(tokens(thought)) <= answer.thinking_tokens <= len(tokens(thought)) + bool(thought)  # one may span both


def test_an_answer_that_is_cut_off_inside_a_thought_is_empty() -> None:
    form = ChatForm(tokenizer_for(CHANNELS))
    tokens = form.tokenizer("<|channel|>analysis<|message|>Hm, where", add_special_tokens=False)["input_ids"]
    answer = form.read_answer(form.render(ASKED), tokens, True)
    assert (answer.text, answer.cut_off, answer.thinking_tokens) == ("", True, len(tokens))


def test_tags_that_the_prompt_asks_for_stay_in_the_answer() -> None:
    form = ChatForm(AutoTokenizer.from_pretrained(TOKENIZER))
    asked = (Message("system", "Put your reasons between <reasoning> and </reasoning>."), ASKED[1])
    tokens = form.tokenizer("<reasoning>Hm.</reasoning>yes")["input_ids"]
    assert form.read_answer(form.render(asked), tokens, False).text == "<reasoning>Hm.</reasoning>yes"
    assert form.read_answer(form.render(ASKED), tokens, False).text == "yes"


def model_of(family: Family) -> Transformer:
    """The tiny network with the family's tokens and template."""
    tiny, tokenizer = tiny_transformer(), tokenizer_for(family)
    torch.manual_seed(0)
    tiny.network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return Transformer(tiny.network, tokenizer)


def test_what_a_model_wrote_as_a_thought_is_in_its_tokens_and_not_in_its_text() -> None:
    model = model_of(FAMILIES["another token ends turns"])
    assert model.end != model.tokenizer.eos_token_id and {model.end, model.tokenizer.eos_token_id} <= model.ends
    thought, said = model.encode_answer("<think>Hm.</think>"), model.encode_answer("here")
    pairs = [Pair(model.encode(ASKED), [*thought, *said, model.end])]
    train(
        model.network, pairs, pairs, learning_rate=1e-2, tokens=60 * pairs[0].tokens, epochs=60, evaluations=1, seed=0,
        tokens_done=lambda read: None,
    )  # fmt: skip
    (answer,) = model.write([ASKED], max_tokens=40)
    assert (answer.text, answer.thinking_tokens, answer.cut_off) == ("here", len(thought), False)
    assert answer.tokens_out == len(thought) + len(said)
    (cut,) = model.write([ASKED], max_tokens=len(thought) - 1)
    assert (cut.text, cut.thinking_tokens, cut.cut_off) == ("", len(thought) - 1, True)
