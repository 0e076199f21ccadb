"""Chat templates of many families: nothing of a prompt is lost, no prompt ends inside a thought, and training answers
have the form that the template gives them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from eval.sent import Part
from eval.task import Example
from strategies.engine.chat_template import ONE_TURN, SKIPPED_THOUGHT, UNUSABLE
from strategies.engine.language_model import Message
from strategies.engine.rendering import ChatForm
from strategies.prompts import build_prompt
from tests.strategies.chat_templates import FAMILIES, Family, tokenizer_for
from tests.strategies.test_chat_form import PASSAGES, PROMPT, SHOWN, words_of

ALL = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
ALONE = (Message("user", "What is a lamp?"),)


@ALL
def test_nothing_of_a_prompt_is_lost_and_it_ends_where_an_answer_starts(family: Family) -> None:
    form = ChatForm(tokenizer_for(family))
    rendered = form.render(PROMPT)
    for message in PROMPT:
        assert message.content.strip() in rendered.text
    assert rendered.text.endswith(family.opening) and family.told in rendered.text
    assert form.render(ALONE).text.endswith(family.opening[-3:]) and "What is a lamp?" in form.render(ALONE).text
    if family.bos and "bos_token" in family.template and "+ bos_token" not in family.template:
        assert form.tokenizer.bos_token_id == rendered.ids[0]
    assert (SKIPPED_THOUGHT in form.notes) == family.closes


@ALL
def test_parts_are_found_in_the_prompts_of_every_family(family: Family) -> None:
    rendered = ChatForm(tokenizer_for(family)).render(PROMPT)
    pieces = rendered.sent()
    assert "".join(piece.text for piece in pieces) == rendered.text
    assert [id for piece in pieces for id in piece.ids] == rendered.ids
    found = {part: [text.strip() for text in words_of(pieces, part)] for part in Part}
    assert found[Part.INSTRUCTION] == ["Sort the message."]
    assert found[Part.EXAMPLE] == [text for example in SHOWN for text in (example.input, example.target)]
    assert found[Part.PASSAGE] == [passage.titled.strip() for passage in PASSAGES]
    assert found[Part.INPUT] == ["Where is it?"]


@ALL
def test_training_answers_are_what_the_template_writes(family: Family) -> None:
    form = ChatForm(tokenizer_for(family))
    tokenizer = form.tokenizer
    assert (None if form.end is None else tokenizer.convert_ids_to_tokens(form.end)) == family.end
    asked = (Message("user", "Where is it?"),)
    trained = form.render(asked).ids + form.encode_answer("refund now")
    text = tokenizer.decode(trained)
    assert isinstance(text, str) and text.endswith(f"{family.opening}{family.lead}refund now")
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == trained  # as one text has it
    if family.end is None or isinstance(family.template, dict):
        return
    options: dict[str, Any] = {"enable_thinking": False, "thinking": False, "tools": []}
    options |= {"reasoning_effort": "none"} if "'none'" in family.template else {}

    def after_answer(*others: str) -> str:
        said = [("user", "Where is it?"), ("assistant", "refund now"), *(("user", other) for other in others)]
        turns: Any = [
            {"role": role, "content": [{"type": "text", "text": text}] if in_parts else text} for role, text in said
        ]
        whole = tokenizer.apply_chat_template(turns, tokenize=False, documents=[], **options)
        return str(whole).partition("refund now")[2]

    in_parts = "part['text']" in family.template
    after = tokenizer(after_answer() or after_answer("And now?"), add_special_tokens=False)["input_ids"]
    if "messages[-1]" not in family.template:  # this one never shows an answer and what follows it
        assert next(token for token in after if token in tokenizer.added_tokens_decoder) == form.end


@pytest.mark.parametrize(
    ("name", "notes"),
    [("shows only the last turn", [ONE_TURN]), ("fails", [UNUSABLE]), ("drops system turns", [])],
)
def test_the_report_learns_what_a_template_cannot_do(name: str, notes: list[str]) -> None:
    form = ChatForm(tokenizer_for(FAMILIES[name]))
    form.render(PROMPT)
    assert form.notes == notes


def test_a_template_of_only_one_turn_gets_the_examples_as_text() -> None:
    rendered = ChatForm(tokenizer_for(FAMILIES["shows only the last turn"])).render(PROMPT)
    assert rendered.text.startswith(
        "Sort the message.\n\n\nuser:\nMy lamp broke 🙂\nassistant:\nsystem\nrefund\nuser:\n"
    )


def test_a_prompt_is_the_same_on_every_day() -> None:
    family = replace(FAMILIES["dates, tools"], template="{{ strftime_now(\"%Y\") + strftime_now('%B') }}")
    family = replace(family, template=f"{family.template}{{{{ messages[0].content }}}}")
    assert ChatForm(tokenizer_for(family)).render(ALONE).text.startswith("2024July")


def test_a_thought_in_an_earlier_answer_is_left_out_as_the_template_does_and_nothing_else_is() -> None:
    form = ChatForm(tokenizer_for(FAMILIES["generation prompt opens a thought"]))
    shown = (Example("a", "One </think> two", "<think>Hm.</think>refund"),)
    rendered = form.render(build_prompt("Sort.", "Where?", shown))
    assert "<｜User｜>One </think> two<｜Assistant｜>refund<｜" in rendered.text and "Hm." not in rendered.text
    (piece,) = rendered.sent()  # the contents aren't those of the turns
    assert piece.part is Part.WHOLE


def test_contents_stay_as_they_are_in_a_template_that_alters_them() -> None:
    altering = Family("{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] | upper }}{% endfor %}", "")
    rendered = ChatForm(tokenizer_for(altering)).render(build_prompt("Sort.", "Where?"))
    assert rendered.text == "<system>Sort.<user>Where?<assistant>"
    assert words_of(rendered.sent(), Part.INPUT) == ["Where?"]


def test_the_beginning_that_template_and_tokenizer_both_know_comes_once() -> None:
    tokenizer = tokenizer_for(FAMILIES["raises at a system turn, trims"])
    ids = {token: tokenizer.get_vocab()[token] for token in ("<bos>", "<eos>")}
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=list(ids.items())
    )
    assert tokenizer("a")["input_ids"][:1] == [ids["<bos>"]]
    assert ChatForm(tokenizer).render(PROMPT).ids.count(ids["<bos>"]) == 1
    tokenizer.chat_template = None
    rendered = ChatForm(tokenizer).render(PROMPT)
    assert rendered.ids.count(ids["<bos>"]) == 1 and ids["<eos>"] not in rendered.ids  # an end isn't a beginning
    pieces = rendered.sent()
    assert [id for piece in pieces for id in piece.ids] == rendered.ids
    assert "".join(piece.text for piece in pieces) == rendered.text


def test_answers_have_the_tokens_that_they_have_behind_the_prompt() -> None:
    """SentencePiece puts a space in front of any text, also of an answer that stands on a line of its own."""
    pieces = [*dict.fromkeys("▁\nassistant:userfdlyWhr?."), "re", "▁re", "▁refund", "refund"]
    vocabulary = {piece: at for at, piece in enumerate([*pieces, "</s>"])}
    merges = [("r", "e"), ("▁", "re")]
    own = Tokenizer(models.BPE({piece: at for piece, at in vocabulary.items() if "fund" not in piece}, merges))
    own.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    own.decoder = decoders.Metaspace(prepend_scheme="always", split=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=own, eos_token="</s>")
    form = ChatForm(tokenizer)
    tokens = tokenizer.convert_ids_to_tokens(form.encode_answer("refund"))
    assert tokens == ["re", "f", "u", "n", "d"]
    assert tokenizer.convert_ids_to_tokens(tokenizer("refund", add_special_tokens=False)["input_ids"])[0] == "▁re"
