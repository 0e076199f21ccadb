"""Conversations keep their turns in prompts, and training counts every answer in them once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.conversation import written
from eval.sent import Part
from eval.task import Brief, Example, Kind, LearningSplit, Turn
from strategies.engine.language_model import Message, Prompt
from strategies.engine.rendering import ChatForm
from strategies.engine.transformer import Transformer
from strategies.finetuning import Finetuning
from strategies.presets import Budget
from strategies.prompting import Prompting, PromptingWithExamples
from strategies.prompts import answered, build_prompt
from strategies.retrieval import Retrieval
from strategies.retrieval_finetuning import RetrievalFinetuning
from strategies.search.passages import Passage
from strategies.served.decisions import question
from strategies.standalone import Strategy
from strategies.training_rows import TrainingRows
from strategies.tuning.chats import Chats
from tests.strategies.chat_templates import FAMILIES, Family, tokenizer_for
from tests.tiny_model import tiny_network, tiny_transformer

TURNS = (
    Turn("system", "Be kind."),
    Turn("user", "A lamp broke."),
    Turn("assistant", '{"name": "stock"}'),
    Turn("tool", "3 lamps"),
    Turn("assistant", "We send one."),
    Turn("user", "When?"),
)
BUDGET = Budget(test_rows=8, dev_rows=6, latency_rows=2, settings=1, training_tokens=4000, epochs=4, answer_tokens=8)
ALL = pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))


def conversations(count: int, kind: Kind = Kind.WRITING) -> tuple[Example, ...]:
    rows = []
    for at in range(count):
        turns = (Turn("user", f"Where is parcel {at}?"), Turn("assistant", ("here", "there")[at % 2]))
        asked = (*turns, Turn("user", f"And parcel {at + 100}?"))
        rows.append(Example(f"r{at}", written(asked), ("here", "there")[at % 2], turns=turns))
    return tuple(rows)


def split(kind: Kind = Kind.WRITING) -> LearningSplit:
    rows = conversations(24, kind)
    return LearningSplit(rows[:18], rows[18:])


def fitted(strategy_class: Any, kind: Kind = Kind.WRITING, rows: LearningSplit | None = None, **options: Any) -> Any:
    labels = ("here", "there") if kind is Kind.CLASSIFICATION else ()
    strategy = strategy_class(Brief("chats", kind, "", labels), tiny_transformer, BUDGET, **options)
    strategy.fit(rows or split(), (), lambda progress: None)
    return strategy


class Recording(Transformer):
    """Keeps the prompts of the last call."""

    asked: list[Prompt]

    def write(self, prompts: Any, *rest: Any, **options: Any) -> Any:
        self.asked = list(prompts)
        return super().write(prompts, *rest, **options)


def test_a_conversation_is_asked_in_its_own_turns() -> None:
    prompt = build_prompt("Reply.", written(TURNS), is_conversation=True)
    assert prompt[0] == Message("system", "Reply.\n\nBe kind.")
    assert [(turn.role, turn.content) for turn in prompt[1:]] == [(turn.role, turn.text) for turn in TURNS[1:]]
    assert answered(prompt) == [2, 4]
    read = build_prompt("Reply.", written(TURNS), passages=[Passage("d", "Hours", "At nine.")], is_conversation=True)
    assert read[-1].content == "Hours\nAt nine.\n\nWhen?" and read[:-1] == prompt[:-1]
    assert [part for part, _ in read[-1].parts] == [Part.PASSAGE, Part.INPUT]


def test_beside_solved_examples_all_conversations_look_alike() -> None:
    shown = Example("a", written(TURNS), "Today.")
    prompt = build_prompt("Reply.", written(TURNS), [shown], is_conversation=True)
    assert [turn.content for turn in prompt] == ["Reply.", shown.input, "Today.", written(TURNS)]
    assert answered(prompt) == []


def test_a_single_message_is_asked_as_ever() -> None:
    assert build_prompt("Reply.", "When?", is_conversation=True) == build_prompt("Reply.", "When?")


@ALL
def test_every_answer_is_learned_once_behind_the_prompt_that_asks_for_it(family: Family) -> None:
    model = Transformer(tiny_network(), tokenizer_for(family))
    prompt = build_prompt("Reply.", written(TURNS), is_conversation=True)
    pairs = TrainingRows(model, None).of_conversations([Example("a", written(TURNS), "Today.")], [prompt])
    learned = []
    for pair in pairs:
        tokens = pair.prompt + pair.answer
        for span in (*pair.earlier, range(len(pair.prompt), pair.tokens)):
            learned.append((tokens[: span.start], tokens[span.start : span.stop]))
    expected = [
        (model.encode(prompt[:at]), [*model.encode_answer(text), model.end])
        for at, text in ((2, TURNS[2].text), (4, TURNS[4].text), (6, "Today."))
    ]
    assert sorted(learned) == sorted(expected)


def test_an_answer_that_a_long_conversation_would_lose_gets_a_row_of_its_own() -> None:
    model = tiny_transformer()
    turns = [Turn(role, f"{role} {at} " + "lamp " * 60) for at in range(8) for role in ("user", "assistant")]
    row = Example("a", written(turns[:-1]), turns[-1].text)
    rows = TrainingRows(model, None)
    pairs = rows.of_conversations([row], [build_prompt("Reply.", row.input, is_conversation=True)])
    assert len(pairs) > 1 and all(pair.tokens <= rows.longest for pair in pairs)
    answers = [
        (pair.prompt + pair.answer)[span.start : span.stop]
        for pair in pairs
        for span in (*pair.earlier, range(len(pair.prompt), pair.tokens))
    ]
    assert sorted(answers) == sorted([*model.encode_answer(turn.text), model.end] for turn in turns[1::2])


def test_single_messages_make_the_same_rows_as_ever() -> None:
    rows = [Example(str(at), f"Where is parcel {at}?", "here") for at in range(6)]
    prompts = [build_prompt("Reply.", row.input) for row in rows]
    makes = TrainingRows(tiny_transformer(), 4)
    assert makes.of_conversations(rows, prompts) == makes.of_answers(rows, prompts)


def test_fine_tuning_learns_all_answers_keeps_turns_and_says_so(tmp_path: Path) -> None:
    strategy = fitted(Finetuning)
    assert strategy.notes[0] == (
        "18 training rows are conversations of several turns, which the prompts keep. The model was trained on all 36 "
        "answers in the training rows."
    )
    texts = [row.input for row in split().dev]
    assert [len(prompt) for prompt in strategy._ask(texts, strategy.trained_model).prompts] == [4] * 6
    strategy.save(tmp_path)
    again = Finetuning(strategy.brief, tiny_transformer, BUDGET)
    again.load(tmp_path)
    assert again.predict(texts) == strategy.predict(texts)
    stored = json.loads((tmp_path / "finetuning.json").read_text())
    (tmp_path / "finetuning.json").write_text(json.dumps({key: stored[key] for key in ("settings", "answerer")}))
    again.load(tmp_path)  # of an earlier version, which trained on one text
    assert [len(prompt) for prompt in again._ask(texts, again.trained_model).prompts] == [2] * 6


def test_only_the_last_answer_is_learned_where_that_is_asked_or_answers_have_another_form() -> None:
    last = fitted(Finetuning, learns_earlier=False)
    assert last.notes[0].endswith("The model was trained only on the last answer of each.")
    several = fitted(Finetuning, Kind.MULTI_LABEL, replace_targets(split(), "here; there"))
    assert several.notes[0].endswith("The model was trained only on the last answer of each.")


def replace_targets(rows: LearningSplit, target: str) -> LearningSplit:
    return LearningSplit(*(tuple(replace(row, target=target) for row in part) for part in (rows.train, rows.dev)))


@pytest.mark.parametrize("strategy_class", [Prompting, PromptingWithExamples, Retrieval, RetrievalFinetuning])
def test_others_keep_turns_unless_they_show_examples(strategy_class: Any, tmp_path: Path) -> None:
    strategy = fitted(strategy_class)
    strategy.save(tmp_path)
    model = Recording(tiny_network(), tiny_transformer().tokenizer)
    again = strategy_class(strategy.brief, lambda: model, BUDGET)
    again.load(tmp_path)
    again._answerer.model = model
    again.predict([split().dev[0].input])
    roles = [turn.role for turn in model.asked[0]]
    assert len(roles) % 2 == 0
    is_in_turns = strategy_class is Prompting
    assert (model.asked[0][-1].content == "And parcel 118?") is is_in_turns


def test_rows_without_turns_are_asked_as_one_text() -> None:
    """A table may hold texts that look like conversations, for example to sort them."""
    rows = LearningSplit(*(tuple(replace(row, turns=()) for row in part) for part in (split().train, split().dev)))
    strategy = fitted(Finetuning, rows=rows)
    assert [len(prompt) for prompt in strategy._ask([rows.dev[0].input], strategy.trained_model).prompts] == [2]
    assert not [note for note in strategy.notes if "conversations" in note]


@ALL
@pytest.mark.parametrize("turns", [TURNS, TURNS[1:3] + TURNS[5:], TURNS[:2], TURNS[1:2]], ids=len)
def test_the_download_sends_the_turns_that_the_run_sent(family: Family, turns: tuple[Turn, ...]) -> None:
    form, text = ChatForm(tokenizer_for(family)), written(turns)
    strategy = Strategy.__new__(Strategy)
    strategy.tokenizer, strategy.search = tokenizer_for(family), None
    strategy.form = json.loads(json.dumps(form.to_json()))
    strategy.settings = {"instruction": "Reply.", "examples": [], "in_turns": True}
    prompt = build_prompt("Reply.", text, is_conversation=True)
    assert strategy.turns(text) == [(turn.role, turn.content) for turn in prompt]
    assert strategy.read(strategy.turns(text)) == form.render(prompt).ids


def test_a_service_gets_chats_with_their_turns() -> None:
    row = Example("a", written(TURNS), "Today.", turns=TURNS[:-1])
    line = json.loads(Chats.of(LearningSplit((row,), (row,)), Kind.WRITING).training)
    assert [(message["role"], message["content"]) for message in line["messages"]] == [
        ("system", "Write the reply.\n\nBe kind."),
        ("user", "A lamp broke."),
        ("assistant", '{"name": "stock"}'),
        ("user", "3 lamps"),
        ("assistant", "We send one."),
        ("user", "When?"),
        ("assistant", "Today."),
    ]
    assert not [message for message in line["messages"] if "weight" in message]
    line = json.loads(Chats.of(LearningSplit((row,), (row,)), Kind.MULTI_LABEL).training)
    assert [message.get("weight") for message in line["messages"] if message["role"] == "assistant"] == [0, 0, None]


def test_a_decision_is_asked_about_the_whole_conversation() -> None:
    asked = question(build_prompt("Sort.", written(TURNS[1:3] + TURNS[5:]), is_conversation=True), {"a": None})
    assert asked.payload["state"].split("\n") == [
        "user: A lamp broke.", 'assistant: {"name": "stock"}', "user: When?",
    ]  # fmt: skip
