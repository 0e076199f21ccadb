"""Each rule of thumb applies where its words say, does not where they do not, and is open where nothing is known."""

from __future__ import annotations

import string
from dataclasses import asdict, fields
from typing import Any

import pytest

from advisor.advice.cautions import CAUTIONS
from advisor.advice.circumstances import circumstances_of
from advisor.advice.questions import QUESTIONS, UNKNOWN, seen_in_data, with_answers
from advisor.advice.rules import LEANING_WORDS, RULES, SOURCES, Rule, applying
from advisor.schema import Circumstances
from eval.scoring import MetricName
from eval.splitting.split import split_task
from eval.task import Document, Example, Kind, Task, labels_of

_LEANINGS = {
    "one-off": "prompting",
    "good-enough": "prompting",
    "ladder": "simplest first",
    "fresh-facts": "retrieval",
    "private-knowledge": "retrieval",
    "large-collection": "retrieval",
    "style": "finetuning",
    "format": "finetuning",
    "own-categories": "finetuning",
    "prompt-limit": "finetuning",
    "repeated": "finetuning",
    "long-instructions": "finetuning",
    "too-few": "not finetuning",
    "enough-simple": "finetuning possible",
    "enough-complex": "finetuning possible",
    "quality-first": "clean data",
    "too-broad": "not finetuning",
    "combine": "retrieval_finetuning",
}
# Where each applies, and where the same facts are known and it does not.
_CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one-off": ({"volume": 1}, {"volume": 11}),
    "good-enough": ({"tried": "well"}, {"tried": "misses"}),
    "ladder": ({"tried": "no"}, {"tried": "well"}),
    "fresh-facts": ({"knowledge": "changing"}, {"knowledge": "documents"}),
    "private-knowledge": ({"knowledge": "documents"}, {"knowledge": "general"}),
    "large-collection": ({"document_words": 6_001}, {"document_words": 6_000}),
    "style": ({"form": "style"}, {"form": "structure"}),
    "format": ({"form": "structure"}, {"form": "style"}),
    "own-categories": ({"form": "categories", "examples": 100}, {"form": "categories", "examples": 99}),
    "prompt-limit": ({"tried": "misses"}, {"tried": "long"}),
    "repeated": ({"volume": 10_000}, {"volume": 9_999}),
    "long-instructions": ({"tried": "long"}, {"tried": "no", "instruction_words": 200}),
    "too-few": ({"examples": 49}, {"examples": 50}),
    "enough-simple": ({"job": "simple", "examples": 100}, {"job": "complex", "examples": 100}),
    "enough-complex": ({"job": "complex", "examples": 2_000}, {"job": "complex", "examples": 1_999}),
    "quality-first": ({"flawed": 1}, {"flawed": 0}),
    "too-broad": ({"job": "broad"}, {"job": "simple"}),
    "combine": ({"knowledge": "changing", "form": "style"}, {"knowledge": "changing", "form": "free"}),
}


def test_every_rule_of_the_table_is_there_and_leans_as_it_says() -> None:
    assert {rule.id: rule.leans_to for rule in RULES} == _LEANINGS
    assert {rule.leans_to for rule in RULES} == set(LEANING_WORDS)
    assert {letter for one in (*RULES, *CAUTIONS) for letter in one.sources} == set(SOURCES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_applies_where_its_words_say(rule: Rule) -> None:
    applies, not_applies = _CASES[rule.id]
    assert rule.applies(Circumstances(**applies)) is True
    assert rule.applies(Circumstances(**not_applies)) is False
    assert rule.applies(Circumstances()) is None


def test_half_known_can_be_enough_to_say_no_but_not_to_say_yes() -> None:
    rules = {rule.id: rule for rule in RULES}
    assert rules["own-categories"].applies(Circumstances(form="style")) is False
    assert rules["own-categories"].applies(Circumstances(form="categories")) is None
    assert rules["long-instructions"].applies(Circumstances(instruction_words=201)) is True
    assert rules["long-instructions"].applies(Circumstances(instruction_words=10)) is None


def test_the_facts_of_a_rule_are_fields_of_the_circumstances() -> None:
    known = {field.name for field in fields(Circumstances)}
    for rule in RULES:
        named = {name for _, name, _, _ in string.Formatter().parse(rule.fact) if name}
        assert named <= known


def _task(kind: Kind, targets: list[str], documents: tuple[Document, ...] = ()) -> Task:
    examples = tuple(Example(f"r{i}", f"Question {i}", target) for i, target in enumerate(targets))
    return Task("t", kind, "", examples, documents, labels_of(examples) if kind is Kind.CLASSIFICATION else ())


def test_the_facts_of_data_are_read_and_what_data_cannot_tell_stays_unknown() -> None:
    task = _task(Kind.CLASSIFICATION, ["a", "b", "b", "B"] * 30)
    known = circumstances_of(task, split_task(task, seed=0), "accuracy")
    assert (known.form, known.job, known.labels, known.flawed) == ("categories", "simple", 3, 30)
    assert known.examples and known.test and known.examples + known.test < 120
    assert known.document_words == 0
    assert (known.volume, known.knowledge, known.tried, known.instruction_words) == (None, None, None, None)
    written = _task(Kind.WRITING, [f"Answer {i}" for i in range(40)], (Document("d", "d", "one two three"),))
    known = circumstances_of(written, split_task(written, seed=0), MetricName.FORM_AND_FACTS)
    assert (known.form, known.knowledge, known.document_words, known.flawed) == ("style", "documents", 3, 0)
    assert "combine" in {rule.id for rule in applying(known)}
    assert circumstances_of(written, split_task(written, seed=0), MetricName.FACTS_AND_FORM).form == "free"


def test_conflicts_are_flaws_only_where_there_is_one_right_answer() -> None:
    examples = tuple(Example(f"r{i}", f"Question {i // 2}", "xy"[i % 2]) for i in range(40))
    for kind, flawed in ((Kind.CLASSIFICATION, 40), (Kind.WRITING, 0)):
        task = Task("t", kind, "", examples, labels=("x", "y") if kind is Kind.CLASSIFICATION else ())
        assert circumstances_of(task, split_task(task, seed=0), "").flawed == flawed


def test_six_questions_ask_for_fields_and_their_answers_come_back_from_an_address() -> None:
    assert len(QUESTIONS) == 6 and all(2 <= len(question.answers) <= 4 for question in QUESTIONS)
    for question in QUESTIONS:
        assert question.answer_to(Circumstances()) == UNKNOWN
        for answer in question.answers:
            known = with_answers(Circumstances(), {question.field: answer.id, "dataset": "x"})
            assert asdict(known) == asdict(Circumstances()) | {question.field: answer.value}
            assert question.answer_to(known) == answer.id


def test_an_answer_replaces_a_fact_only_where_it_says_something_else() -> None:
    facts = Circumstances(examples=173, form="categories", labels=8)
    assert with_answers(facts, {"examples": "100", "form": "nonsense", "tried": ""}) == facts
    assert with_answers(facts, {"examples": "2000"}).examples == 2_000
    assert with_answers(facts, {"form": UNKNOWN}).form is None
    seen = [seen_in_data(question, facts) for question in QUESTIONS]
    assert seen == [None, None, "answers are 8 labels", "173 training rows", None, None]
