"""A served model beside the same network in memory: labels, written answers, JSON, and what can't be answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.mapping.kinds import labels_for
from eval.measuring.phases import READING, WRITING, correction, listening
from eval.sent import Part
from eval.task import BadInput, Brief, Example, Kind, LearningSplit
from strategies.answerer import Answerer
from strategies.engine.language_model import LabelWay, Message, Prompt
from strategies.presets import Budget
from strategies.prompting import Prompting, PromptingWithExamples
from strategies.prompts import build_prompt
from strategies.search.passages import Passage
from strategies.served.address import ServedAddress
from strategies.served.capabilities import Capabilities, Choice, WholeLabels
from strategies.served.client import Client, Patience
from strategies.served.decisions import question
from strategies.served.served_model import ServedModel
from strategies.witness import watching
from tests.servers.tiny_server import Behaviour, TinyServer
from tests.tiny_model import tiny_transformer

QUICK = Patience(connecting=1, answering=10, first_wait=0.01, longest_wait=0.02, tries=2)
BUDGET = Budget(test_rows=4, dev_rows=4, latency_rows=0, settings=2, training_tokens=0, epochs=0, answer_tokens=8)
FULL = Capabilities(
    repeats=True,
    streams=True,
    counts=True,
    top_logprobs=20,
    choice=Choice.STRUCTURED,
    follows_schema=True,
    tokenizes=True,
    whole_labels=WholeLabels.ECHO,
    context_tokens=2048,
    answers_as="tiny",
)
BY_PROMPT_LOGPROBS = replace(FULL, whole_labels=WholeLabels.PROMPT_LOGPROBS)
CHOOSING = replace(FULL, whole_labels=None)
BY_ENUM = replace(CHOOSING, choice=Choice.ENUM)
BY_OBJECT = replace(BY_ENUM, schema_in_object=True)
BY_FIRST_TOKEN = replace(CHOOSING, choice=None)
WRITING_LABELS = replace(BY_FIRST_TOKEN, top_logprobs=0)
DECIDING = replace(CHOOSING, decides=True)
WAYS = [FULL, DECIDING, BY_PROMPT_LOGPROBS, CHOOSING, BY_ENUM, BY_FIRST_TOKEN, WRITING_LABELS]
PROMPTS: list[Prompt] = [
    (Message("system", "Give the label."), Message("user", text))
    for text in ("Where is my parcel?", "I want my money back", "The password does not work")
]


@pytest.fixture(scope="module")
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


@pytest.fixture
def ask(server: TinyServer) -> Iterator[Any]:
    """Builds models with given capabilities, and closes them."""
    server.behaviour = Behaviour()
    made: list[ServedModel] = []

    def model(capabilities: Capabilities = FULL) -> ServedModel:
        made.append(ServedModel(Client(ServedAddress.parse(server.name), patience=QUICK), capabilities))
        return made[-1]

    yield model
    for one in made:
        one.close()


@pytest.mark.parametrize("capabilities", [FULL, BY_PROMPT_LOGPROBS], ids=["echo", "prompt_logprobs"])
@pytest.mark.parametrize("labels", [("refund", "delivery"), ("card", "card arrival", "password reset")])
def test_labels_have_the_log_probabilities_of_the_local_engine(
    ask: Any, capabilities: Capabilities, labels: tuple[str, ...]
) -> None:
    served, local = ask(capabilities).score(PROMPTS, labels), tiny_transformer().score(PROMPTS, labels)
    np.testing.assert_allclose(served.log_probabilities, local.log_probabilities, atol=1e-4)
    assert served.tokens_out.tolist() == local.tokens_out.tolist()
    assert (served.tokens_in >= len(labels) * local.tokens_in).all()  # read once for each label


def test_written_answers_and_their_tokens_are_those_of_the_local_engine(ask: Any) -> None:
    served, local = ask().write(PROMPTS, 8), tiny_transformer().write(PROMPTS, 8)
    assert [one.text for one in served] == [one.text for one in local]
    assert [(one.tokens_in, one.tokens_out, one.cut_off) for one in served] == [
        (one.tokens_in, one.tokens_out + (not one.cut_off), one.cut_off) for one in local
    ]


@pytest.mark.parametrize("reads_system", [True, False])
def test_every_answer_says_by_part_what_was_sent(ask: Any, server: TinyServer, reads_system: bool) -> None:
    shown, passage = Example("1", "A lamp broke", "refund"), Passage("2", "Returns", "Send it back.")
    prompt = build_prompt("Give the label.", "Where is my parcel?", [shown], [passage])
    for way in (replace(CHOOSING, decides=True), *WAYS):
        model = ask(replace(way, reads_system=reads_system))
        if model.way_for(2) is LabelWay.SCORED:
            (sent,) = model.score([prompt], ("refund", "delivery")).sent
        elif model.way_for(2) is LabelWay.DECIDED:
            (sent,) = model.decide([prompt], {"refund": "Money back.", "delivery": None}).sent
        else:
            sent = model.name_labels([prompt], ("refund", "delivery"), 8)[0].sent
        parts = [(piece.part, piece.text.strip()) for piece in sent() if piece.part is not Part.TEMPLATE]
        assert parts == [
            (Part.INSTRUCTION, "Give the label."),
            (Part.EXAMPLE, "A lamp broke"),
            (Part.EXAMPLE, "refund"),
            (Part.PASSAGE, passage.titled),
            (Part.INPUT, "Where is my parcel?"),
        ]
    (_, body) = server.answered[-1]
    roles = "".join(f"{turn['role']}\n{turn['content']}\n\n" for turn in body["messages"])
    assert "".join(piece.text for piece in sent()) == roles.removesuffix("\n\n")


def test_labels_written_and_matched_are_the_same_here_and_there(ask: Any) -> None:
    local = tiny_transformer()
    local.labels_by = LabelWay.WRITTEN
    brief = Brief("tiny", Kind.CLASSIFICATION, "", ("refund", "delivery"))
    here, there = (Answerer(model, brief, 6).answer(PROMPTS) for model in (local, ask(WRITING_LABELS)))
    assert [one.text for one in here] == [one.text for one in there]
    assert all(one.unmatched for one in there)  # a random network writes no label


@pytest.mark.parametrize("capabilities", [CHOOSING, replace(CHOOSING, choice=Choice.GUIDED), BY_ENUM, BY_OBJECT])
def test_a_server_is_held_to_the_labels(ask: Any, capabilities: Capabilities) -> None:
    labels = ("refund", "delivery", "account")
    model = ask(capabilities)
    assert model.way_for(3) is LabelWay.CHOSEN
    assert {one.text for one in model.name_labels(PROMPTS, labels, 8)} <= {*labels}


def test_first_tokens_tell_labels_apart_or_the_answer_is_written(ask: Any, server: TinyServer) -> None:
    model = ask(BY_FIRST_TOKEN)
    step = server.api.reply(
        "/v1/chat/completions",
        {"messages": FULL.messages(PROMPTS[0]), "max_tokens": 1, "logprobs": True, "top_logprobs": 20},
    )
    tops = [one["token"].strip() for one in step["choices"][0]["logprobs"]["content"][0]["top_logprobs"]]
    words = [token for token in tops if token.isalpha()]
    second = f"{words[1]}zz"
    assert model.name_labels(PROMPTS[:1], [second, "~~"], 8)[0].text == second
    [unclear] = model.name_labels(PROMPTS[:1], [f"{words[0]}xx", f"{words[0]}yy"], 8)
    assert unclear.text == model.write(PROMPTS[:1], 8)[0].text
    assert unclear.tokens_out == 8 + 1  # both requests count


@pytest.mark.parametrize(
    ("capabilities", "kind"),
    [
        *((way, kind) for way in WAYS for kind in (Kind.CLASSIFICATION, Kind.NUMBER)),
        *((way, Kind.MULTI_LABEL) for way in (FULL, DECIDING, CHOOSING)),
        (FULL, Kind.EXTRACTION),
    ],
)
def test_a_strategy_answers_in_every_way_of_asking(
    ask: Any, tmp_path: Path, capabilities: Capabilities, kind: Kind
) -> None:
    targets = {
        Kind.CLASSIFICATION: ("refund", "delivery"),
        Kind.MULTI_LABEL: ("refund; urgent", "none"),
        Kind.NUMBER: ("1", "4"),
        Kind.EXTRACTION: ('{"item": "tea"}', '{"item": "mug", "count": 2}'),
    }[kind]
    rows = [Example(f"r{at}", f"number {at}", targets[at % 2]) for at in range(8)]
    split = LearningSplit(tuple(rows[:6]), tuple(rows[6:]))
    brief = Brief("tiny", kind, "Give it.", labels_for(kind, split.train))
    strategy = Prompting(brief, lambda: ask(capabilities), BUDGET)
    strategy.fit(split, (), lambda _: None)
    answers = strategy.predict(["number 9"])
    assert all(one.error is None and one.tokens_in > 0 for one in answers)
    scored = capabilities.labels_by is LabelWay.SCORED and kind is not Kind.EXTRACTION
    assert ("labels asked by" in strategy.settings) == (not scored and bool(brief.labels))
    if kind is Kind.EXTRACTION:
        assert json.loads(answers[0].text) == {"item": "word", "count": 1}
    elif capabilities.labels_by is LabelWay.CHOSEN and kind is not Kind.MULTI_LABEL:
        assert answers[0].text in brief.labels and not answers[0].unmatched

    strategy.save(tmp_path)
    again = Prompting(brief, lambda: ask(capabilities), BUDGET)
    again.load(tmp_path)
    assert again.predict(["number 9"]) == answers


def test_a_decision_gets_the_instruction_the_meanings_the_examples_and_the_passages(
    ask: Any, server: TinyServer
) -> None:
    rows = [Example(f"r{at}", f"number {at}", ("refund", "delivery")[at % 2]) for at in range(8)]
    brief = Brief(
        "tiny", Kind.CLASSIFICATION, "Give it.", ("refund", "delivery"), meanings=(("refund", "They want money."),)
    )
    strategy = PromptingWithExamples(brief, lambda: ask(DECIDING), BUDGET)
    strategy.fit(LearningSplit(tuple(rows[:6]), tuple(rows[6:])), (), lambda _: None)
    strategy.predict(["number 9"])
    path, body = server.answered[-1]
    assert path == "/v1/systemone" and body["questions"] == {
        "label": {
            "type": "choice",
            "instructions": "Give it.",  # what the labels mean stands beside them
            "criteria": {"refund": "They want money.", "delivery": None},
        }
    }
    assert re.fullmatch(
        r"Inputs with their right labels:\n(\nInput: number \d\nLabel: (refund|delivery)\n)+"
        r"\nThe input that needs a label now:\n\nnumber 9",
        body["state"],
    )
    prompt = build_prompt("Give it.", "When?", passages=[Passage("d1", "Hours", "At nine.")])
    alone = question(prompt, {"a": None, "b": None}).payload
    assert alone["state"] == "Hours\nAt nine.\n\nWhen?"
    assert question(build_prompt("Give it.", ""), {"a": None}).payload["state"] == "N/A"  # some refuse an empty one


def test_a_decision_is_the_likeliest_label_with_its_probability_calibrated_by_an_empty_input(
    ask: Any, server: TinyServer
) -> None:
    labels = ("parcel", "money", "password")
    model = ask(DECIDING)
    scores = model.decide(PROMPTS, dict.fromkeys(labels))
    assert [labels[at] for at in scores.log_probabilities.argmax(1)] == ["parcel", "money", "password"]
    np.testing.assert_allclose(np.exp(scores.log_probabilities).sum(1), 1, atol=1e-3)
    assert (scores.tokens_in > 20).all() and scores.tokens_written.tolist() == [1, 1, 1]
    used = model.used
    assert used.requests == 3 and used.read == scores.tokens_in.sum()  # it costs money as any other answer
    brief = Brief("tiny", Kind.CLASSIFICATION, "Give it.", labels)
    rows = [Example(f"r{at}", f"the {labels[at % 3]}", labels[at % 3]) for at in range(10)]
    strategy = Prompting(brief, lambda: model, BUDGET)
    strategy.fit(LearningSplit(tuple(rows[:6]), tuple(rows[6:])), (), lambda _: None)
    assert strategy.settings["labels asked by"] == "probabilities of options"
    assert {one["normalisation"] for one in strategy.choices} == {
        "sum",
        "minus empty input",
        "batch calibration",
    }  # no label is longer
    with watching() as seen:
        [answer] = strategy.predict(["My money, please"])
    assert answer.text == "money" and not answer.unmatched
    assert max(seen.shares[0], key=seen.shares[0].__getitem__) == "money"
    assert any("the probability of each label, by /systemone" in note for note in model.notes)

    server.behaviour = Behaviour(decides_as={"parcel": 1.0})
    [wrong] = strategy.predict(["A parcel"])
    assert (wrong.error or "").startswith("The server gave no probability to each of the labels: ")


def test_a_prompt_that_is_too_long_is_the_only_one_without_an_answer(ask: Any) -> None:
    long: Prompt = (Message("user", "word " * 4000),)
    brief = Brief("tiny", Kind.CLASSIFICATION, "", ("refund", "delivery"))
    for capabilities in (FULL, replace(FULL, tokenizes=False, whole_labels=WholeLabels.PROMPT_LOGPROBS), CHOOSING):
        model = ask(capabilities)
        answers = Answerer(model, brief, 4).answer([PROMPTS[0], long, PROMPTS[1]])
        assert [one.error is None for one in answers] == [True, False, True]
        assert (answers[1].error or "").startswith("The prompt is longer than the ")
        alone = Answerer(model, brief, 4).answer([long])
        assert alone[0].error == answers[1].error


def test_tokens_are_estimated_where_the_server_reports_none_that_can_be_true(ask: Any, server: TinyServer) -> None:
    server.behaviour = Behaviour(usage={"prompt_tokens": 900_000, "completion_tokens": 0, "total_tokens": 1})
    model = ask()
    [written] = model.write(PROMPTS[:1], 8)
    assert 10 <= written.tokens_in <= 40 and written.tokens_out > 0
    assert model.notes[-1].startswith("Answers whose tokens the server can't have counted right: 1.")


def test_thoughts_are_counted_and_left_out_of_the_answer(ask: Any, server: TinyServer) -> None:
    server.behaviour = Behaviour(thinks="What may that be? Let me see.")
    [written] = ask(replace(FULL, thinks=True)).write(PROMPTS[:1], 8)
    assert "Let me see" not in written.text
    assert 0 < written.thinking_tokens < written.tokens_out


def test_an_answer_of_another_model_is_noted(ask: Any, server: TinyServer) -> None:
    model = ask()
    server.behaviour = Behaviour(answers_as="tiny-2026-08-01")
    model.write(PROMPTS[:1], 4)
    assert not any("another model" in note for note in model.notes)
    server.behaviour = Behaviour(answers_as="somebody-else")
    model.write(PROMPTS[:1], 4)
    assert "The server answered as another model than tiny: somebody-else." in model.notes
    for at in range(7):  # some make up a name for each answer
        server.behaviour = Behaviour(answers_as=f"other-{at}")
        model.write(PROMPTS[:1], 4)
    (note,) = [note for note in model.notes if "another model" in note]
    assert note.endswith("somebody-else, other-0, other-1, other-2, other-3, and 3 more.")


def test_the_time_of_an_answer_is_that_of_its_request(ask: Any) -> None:
    with listening() as spent:
        ask().write(PROMPTS[:1], 8)
    assert correction(spent) < 0  # what is done around the request doesn't count
    assert spent.keys() == {READING, WRITING} and all(seconds > 0 for seconds in spent.values())


def test_labels_that_are_the_same_tokens_are_refused(ask: Any) -> None:
    with pytest.raises(BadInput, match="can't distinguish these labels: refund, refund; rename them"):
        ask().score(PROMPTS, ("refund", "refund"))


def test_examples_go_into_the_prompt_as_turns(ask: Any, server: TinyServer) -> None:
    rows = [Example(f"r{at}", f"number {at}", ("refund", "delivery")[at % 2]) for at in range(8)]
    brief = Brief("tiny", Kind.CLASSIFICATION, "Give it.", ("refund", "delivery"))
    strategy = PromptingWithExamples(brief, lambda: ask(CHOOSING), BUDGET)
    strategy.fit(LearningSplit(tuple(rows[:6]), tuple(rows[6:])), (), lambda _: None)
    strategy.predict(["number 9"])
    turns = [turn["role"] for turn in server.answered[-1][1]["messages"]]
    assert turns[0] == "system" and turns[1:3] == ["user", "assistant"] and turns[-1] == "user"
