"""An instruction is rewritten by the model that gets it, from its mistakes, and taken only if it is better."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from transformers import AutoTokenizer

from eval.task import Brief, Example, Kind, LearningSplit
from strategies.engine.language_model import Prompt, RowsDone, Written
from strategies.engine.transformer import Transformer
from strategies.instructions import Instruction
from strategies.presets import Budget
from strategies.prompting import SPARE_ROWS, Prompting, spare_rows
from strategies.rewriting import MOST_MISTAKES, Mistake, rewrite
from strategies.served.address import ServedAddress
from strategies.served.capabilities import Capabilities
from strategies.served.client import Client
from strategies.served.served_model import ServedModel
from tests.servers.tiny_api import Json
from tests.servers.tiny_server import TinyServer
from tests.tiny_model import TOKENIZER, tiny_network

BUDGET = Budget(test_rows=4, dev_rows=6, latency_rows=0, settings=3, training_tokens=20_000, epochs=1, answer_tokens=8)
CODES = {"red": "R-1", "green": "G-2", "blue": "B-3"}
ROWS = [Example(str(at), f"{colour} lamp {at}", CODES[colour]) for at, colour in enumerate(list(CODES) * 8)]
SPLIT = LearningSplit(tuple(ROWS[:18]), tuple(ROWS[18:]))
RULE = "Answer with the code: red is R-1, green is G-2, blue is B-3."


class Writer:
    """Answers as it is told to, and knows the rule of the task when it is asked to improve an instruction."""

    def __init__(self, improved: str) -> None:
        self.improved, self.asked_to_improve = improved, list[str]()

    def reply(self, path: str, body: Json) -> Json:
        system, user = (message["content"] for message in body["messages"][:2])
        said = "a lamp"
        if system.startswith("You improve instructions"):
            self.asked_to_improve.append(user)
            said = self.improved
        elif RULE in system:
            said = CODES[user.split()[0]]
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": 3}
        return {"id": "1", "object": "chat.completion", "created": 0, "choices": [choice], "usage": usage}

    def tokenize(self, body: Json) -> Json:
        raise NotImplementedError("the server has no such path")

    def tokens_of(self, text: str) -> list[int]:
        return [0] * len(text.split())


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Writer, ServedModel]]:
    writer = Writer(request.param)
    with TinyServer(api=writer) as server:
        model = ServedModel(Client(ServedAddress.parse(server.name)), Capabilities())
        yield writer, model
        model.close()


def fit(model: ServedModel, budget: Budget = BUDGET) -> Prompting:
    strategy = Prompting(Brief("lamps", Kind.ANSWERING, "Give the code."), lambda: model, budget)
    strategy.fit(SPLIT, (), lambda progress: None)
    return strategy


@pytest.mark.parametrize("served", [f"```text\n{RULE}\n```"], indirect=True)
def test_a_better_instruction_is_taken(served: tuple[Writer, ServedModel]) -> None:
    writer, model = served
    strategy = fit(model)
    assert strategy.settings["instruction"].endswith(", rewritten")
    assert [answer.text for answer in strategy.predict(["blue lamp", "red lamp"])] == ["B-3", "R-1"]
    [asked] = writer.asked_to_improve
    assert "Give the code." in asked and asked.count("Wrong answer: a lamp") == min(MOST_MISTAKES, len(SPLIT.dev))
    read = {line.removeprefix("Input: ") for line in asked.splitlines() if line.startswith("Input: ")}
    judging = spare_rows(SPLIT.train, strategy.brief, SPARE_ROWS * len(SPLIT.dev))
    assert read <= {row.input for row in SPLIT.train} - {row.input for row in judging}
    assert strategy.effort.found_better


@pytest.mark.parametrize("served", ["Write about lamps in general terms."], indirect=True)
def test_one_that_is_no_better_is_tried_and_left(served: tuple[Writer, ServedModel]) -> None:
    writer, model = served
    strategy = fit(model)
    assert writer.asked_to_improve and not strategy.settings["instruction"].endswith("rewritten")
    assert any(choice["instruction"].endswith("rewritten") for choice in strategy.choices)


@pytest.mark.parametrize("served", [RULE], indirect=True)
def test_a_settled_instruction_is_rewritten_only_if_the_chosen_one_was(served: tuple[Writer, ServedModel]) -> None:
    writer, model = served
    fit(model, BUDGET.for_fewer(0.5, {"instruction": "yours"}))
    assert not writer.asked_to_improve
    again = fit(model, BUDGET.for_fewer(0.5, {"instruction": "yours, rewritten"}))
    assert len(writer.asked_to_improve) == 1 and again.settings["instruction"] == "yours, rewritten"


class Says:
    """A model of which only what it writes matters."""

    context_tokens = 4000

    def __init__(self, text: str, cut_off: bool = False) -> None:
        self.text, self.cut_off = text, cut_off

    def count_prompt_tokens(self, prompts: Any) -> list[int]:
        return [len(f"{prompt}".split()) for prompt in prompts]

    def write(self, prompts: Any, max_tokens: int) -> list[Any]:
        return [Written(self.text, 10, 10, self.cut_off) for _ in prompts]


@pytest.mark.parametrize(
    ("text", "cut_off"),
    [("", False), ("Short.", False), ("Give the code, and more of it.", True), ("Say which.", False)],
)
def test_what_is_no_instruction_is_not_tried(text: str, cut_off: bool) -> None:
    model: Any = Says(text, cut_off)
    mistakes = [Mistake("red", "?", "R-1")]
    assert rewrite(model, Brief("x", Kind.ANSWERING, ""), Instruction("drafted", "Say which."), mistakes) is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [(f'"{RULE}"', RULE), (f"```\n“{RULE}”\n```", RULE), ('Answer "red" or "green"', 'Answer "red" or "green"')],
)
def test_only_quotation_marks_around_the_whole_are_taken_off(said: str, kept: str) -> None:
    model: Any = Says(said)
    found = rewrite(model, Brief("x", Kind.ANSWERING, ""), Instruction("drafted", "Say it."), [Mistake("a", "b", "c")])
    assert found is not None and found.text == kept


def test_mistakes_that_do_not_fit_the_context_are_not_learned_from() -> None:
    model: Any = Says(RULE)
    mistakes = [Mistake("red lamp " * 100, "?", "R-1")] * MOST_MISTAKES
    brief, before = Brief("x", Kind.ANSWERING, ""), Instruction("drafted", "Say which.")
    assert rewrite(model, brief, before, mistakes) is not None
    model.context_tokens = 1500
    assert rewrite(model, brief, before, mistakes) is None


def test_nothing_is_rewritten_without_a_mistake() -> None:
    model: Any = Says(RULE)
    assert rewrite(model, Brief("x", Kind.ANSWERING, ""), Instruction("drafted", "Say which."), []) is None


def test_labels_that_it_forgot_are_named_again_and_the_name_counts() -> None:
    model: Any = Says("Choose the desk that fits best, mind the money.")
    brief, mistakes = (
        Brief("x", Kind.CLASSIFICATION, "", ("billing", "delivery")),
        [Mistake("a", "delivery", "billing")],
    )
    first = rewrite(model, brief, Instruction("drafted", "Say which."), mistakes)
    assert first is not None and first.name == "drafted, rewritten"
    assert re.search("billing, delivery$", first.text)
    second = rewrite(model, brief, first, mistakes)
    assert second is None  # it says the same again


def test_the_third_time_is_told() -> None:
    brief, mistakes = Brief("x", Kind.ANSWERING, ""), [Mistake("a", "b", "c")]
    name = "drafted"
    for at, expected in enumerate(["drafted, rewritten", "drafted, rewritten 2 times", "drafted, rewritten 3 times"]):
        model: Any = Says(f"{RULE} {at}")
        found = rewrite(model, brief, Instruction(name, "Say which."), mistakes)
        assert found is not None and found.name == expected
        name = found.name


class Rewriter(Transformer):
    """A tiny network that is called able to rewrite, and writes this instruction when it is asked to."""

    rewrites = True

    def write(self, prompts: Sequence[Prompt], max_tokens: int, rows_done: RowsDone | None = None) -> list[Written]:
        super().write(prompts, 4, rows_done)  # takes tokens
        return [Written("Find out which thing the message is about.", 10, 10) for _ in prompts]


def test_each_way_to_compare_labels_is_listed_once_and_all_tokens_count() -> None:
    things = ["lamp", "key"] * 20  # each input comes with both, so half of the answers are wrong
    rows = [Example(str(at), f"about number {at // 2}", thing) for at, thing in enumerate(things)]
    model = Rewriter(tiny_network(), AutoTokenizer.from_pretrained(TOKENIZER))
    strategy = Prompting(Brief("desk", Kind.CLASSIFICATION, "", ("key", "lamp")), lambda: model, BUDGET)
    strategy.fit(LearningSplit(tuple(rows[:30]), tuple(rows[30:])), (), lambda progress: None)
    listed = [(choice["instruction"], choice["normalisation"]) for choice in strategy.choices]
    assert any(instruction.endswith("rewritten") for instruction, _ in listed)
    assert len(set(listed)) == len(listed) == strategy.effort.settings_tried
    assert strategy.effort.tokens == model.tokens_taken
