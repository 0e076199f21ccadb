"""Each wrong answer is sorted by what can be known of it, and nothing else is claimed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from eval.failures.evidence import Evidence, content_of, line_of, stem_of, words_of
from eval.failures.sorting import Confusion, Failures, Mixup, sort_failures
from eval.outcomes import Outcome, Trial
from eval.scoring import MetricName
from eval.task import Document, Example, Kind, Task, labels_of
from tests.scored import score

FERRY = Document("ferry", "Refunds", "After a delay of 90 minutes passengers get their whole fare back.")
TOOLS = Document("tools", "Tools", "A borrowed tool is due back at the hatch at 07:30. Doctor Skua keeps the list.")
ASKED = "After what delay do passengers get the whole fare?"


def outcome(task: Task, text: str, sources: tuple[str, ...] = (), row: int = 0, error: str | None = None) -> Outcome:
    """An answer to a row, scored as the runner scores it."""
    example = task.examples[row]
    scored = score(task.kind, text, example.target)
    gold = set(example.document_ids)
    return Outcome(
        example_id=example.id,
        strategy="any",
        text=text,
        score=0.0 if error else scored.value,
        parts=scored.parts,
        tokens_in=1,
        tokens_out=1,
        sources=sources,
        found_gold=bool(gold & set(sources)) if gold and sources else None,
        error=error,
    )


def failures_of(task: Task, *outcomes: Outcome) -> Failures:
    (failures,) = sort_failures([Trial("any", "done", outcomes=outcomes)], task)
    assert failures.wrong in (None, sum(one.count for one in failures.categories))
    return failures


def sorted_as(task: Task, text: str, sources: tuple[str, ...] = ()) -> str | None:
    """The category of one answer to the first row; None where it is right."""
    categories = failures_of(task, outcome(task, text, sources)).categories
    return next((one.name.value for one in categories if one.count), None)


def applicable(task: Task, *outcomes: Outcome) -> list[str]:
    return [one.name.value for one in failures_of(task, *outcomes).categories]


def answering(target: str = "90 minutes", gold: tuple[str, ...] = (), documents: tuple[Document, ...] = ()) -> Task:
    examples = (Example("q1", ASKED, target, document_ids=gold), Example("q2", "Who keeps it?", "Doctor Skua"))
    return Task("ferries", Kind.ANSWERING, "", examples, documents)


def extraction(target: str) -> Task:
    rows = [
        (f"A table for {n} on {day}", f'{{"people": "{n}", "date": "{day}"}}')
        for n, day in ((4, "May 2"), (6, "June 9"))
    ]
    kept = [Example(f"x{at}", asked, expected) for at, (asked, expected) in enumerate(rows)]
    return Task("tables", Kind.EXTRACTION, "", (Example("q", "A table for two on Monday at the bar", target), *kept))


def labels(*targets: str) -> Task:
    examples = tuple(Example(f"r{at}", f"question {at}", target) for at, target in enumerate(targets))
    return Task("labels", Kind.CLASSIFICATION, "", examples, labels=labels_of(examples))


@pytest.mark.parametrize(
    ("text", "sources", "category"),
    [
        ("90 minutes", ("tools",), None),  # right is right, wherever it came from
        ("Either 90 minutes, 3 hours, 17 hours or 45 days", ("ferry",), "answer_form"),
        ("Either 90 minutes, 3 hours, 17 hours or 45 days", ("tools",), "answer_form"),
        ("07:30", ("tools",), "document_not_found"),
        ("07:30", (), "document_not_found"),
        ("07:30", ("ferry", "tools"), "document_not_used"),
        ("passengers get the whole fare", ("ferry",), "repeated"),
        ("Golden Zeppelin", ("ferry",), "invented"),
        ("Golden Zeppelin", ("tools",), "document_not_found"),
        (" ", ("ferry",), "no_answer"),
    ],
)
@pytest.mark.parametrize("gold", [("ferry",), ()])  # named by the person, or known by its words
def test_answers_of_a_strategy_that_looks_up(
    text: str, sources: tuple[str, ...], category: str | None, gold: tuple[str, ...]
) -> None:
    task = answering(gold=gold, documents=(FERRY, TOOLS))
    beside = outcome(task, "Doctor Skua", ("tools",), row=1)
    found = [one.name.value for one in failures_of(task, outcome(task, text, sources), beside).categories if one.count]
    assert found == ([category] if category else [])


def test_without_looking_up_nothing_is_said_of_what_was_found() -> None:
    task = answering(gold=("ferry",), documents=(FERRY, TOOLS))
    assert sorted_as(task, "07:30") == "wrong_answer"
    assert sorted_as(task, "Golden Zeppelin") == "invented"
    assert applicable(task, outcome(task, "07:30")) == [
        "refused",
        "answer_form",
        "repeated",
        "invented",
        "wrong_answer",
    ]


def test_where_no_document_has_the_expected_words_what_was_found_cannot_be_told() -> None:
    task = answering("an hour and a half", documents=(FERRY, TOOLS))
    assert sorted_as(task, "07:30", ("tools",)) == "wrong_answer"


def test_without_documents_nothing_is_claimed_to_be_invented() -> None:
    task = answering()
    assert sorted_as(task, "Golden Zeppelin") == "wrong_answer"
    assert sorted_as(task, "Golden Zeppelin", ("train:q2",)) == "wrong_answer"
    assert "invented" not in applicable(task, outcome(task, "x"))


@pytest.mark.parametrize(
    "text",
    [
        "Doctor Skua",  # stands in a document
        "doctors who borrow",  # so do these, but for their endings
        "minutes and Zeppelins",  # has a word of the expected answer
        "of it",  # says too little
    ],
)
def test_words_that_were_there_to_be_read_are_not_called_invented(text: str) -> None:
    assert sorted_as(answering(documents=(FERRY, TOOLS)), text) == "wrong_answer"


def test_an_answer_of_another_row_is_not_called_invented() -> None:
    task = answering(documents=(FERRY,))  # Doctor Skua is the expected answer of the other row alone
    assert sorted_as(task, "Doctor Skua") == "wrong_answer"


def test_a_choice_between_words_of_the_question_repeats_nothing() -> None:
    choice = Task("choice", Kind.ANSWERING, "", (Example("q", "Is it whole or half?", "whole"),))
    assert sorted_as(choice, "half") == "wrong_answer"


def test_scripts_without_spaces_are_compared_letter_by_letter() -> None:
    document = Document("d", "", "東京駅は1914年に開業した。")
    task = Task("駅", Kind.ANSWERING, "", (Example("q", "いつ開業した", "1914年"),), (document,))
    assert sorted_as(task, "開業は1914年だった", ("d",)) is None
    assert sorted_as(task, "1914年か1915年か1916年か1917年か1918年か1919年", ("d",)) == "answer_form"
    assert sorted_as(task, "東京", ("d",)) == "document_not_used"


@pytest.mark.parametrize(
    ("target", "text", "category"),
    [
        ('{"people": "two", "date": "Monday"}', '{"date": "monday", "people": "two"}', None),
        ('{"people": "two", "date": "Monday"}', '{"people": "two", "date": "Mon', "not_json"),
        ('{"people": "two", "date": "Monday"}', '["two"]', "not_json"),
        ('{"people": "two"}', '{"people": 2}', "value_form"),
        ('{"date": "Monday"}', '{"day": "Monday."}', "value_form"),
        ('{"date": "on Monday"}', '{"date": "Mon"}', None),
        ('{"date": "on Monday evening"}', '{"date": "Monday"}', "cut_value"),
        ('{"date": "Monday"}', '{"date": "Monday at the bar"}', "cut_value"),
        ('{"people": "two", "date": "Monday"}', '{"date": "Monday", "people": null}', "missing_field"),
        ('{"date": "Monday"}', '{"date": "Monday", "people": "two"}', "extra_field"),
        ('{"date": "Monday"}', '{"date": "Monday", "people": "9 sailors"}', "invented_value"),
        ('{"date": "Monday"}', '{"date": "bar"}', "wrong_value"),
        ('{"date": "Monday"}', '{"mood": "cheerful"}', "wrong_value"),  # a field nobody copies: not called invented
        ('{"date": "Monday"}', '{"date": "Mond"}', "wrong_value"),  # a part of a word of the input
    ],
)
def test_fields(target: str, text: str, category: str | None) -> None:
    assert sorted_as(extraction(target), text) == category


def test_a_value_that_is_not_copied_from_inputs_is_not_called_invented() -> None:
    rows = tuple(Example(f"r{at}", f"Order number {at}", '{"size": "large"}') for at in range(4))
    task = Task("orders", Kind.EXTRACTION, "", rows)
    assert sorted_as(task, '{"size": "gigantic"}') == "wrong_value"


def test_labels() -> None:
    task = labels("billing", "delivery", "returns", "billing")
    assert sorted_as(task, "delivery") == "wrong_label"
    assert sorted_as(task, "Billing.") == "label_form"
    assert sorted_as(task, "It is about billing") == "label_form"
    assert sorted_as(task, "billing or delivery") == "no_label"
    assert sorted_as(task, "weather") == "no_label"
    assert applicable(task, outcome(task, "delivery")) == ["label_form", "no_label", "wrong_label"]


def test_examples_looked_up_have_the_right_label_or_not() -> None:
    task = labels("billing", "delivery", "returns", "billing")
    assert sorted_as(task, "delivery", ("train:r1", "train:r3")) == "label_not_used"
    assert sorted_as(task, "delivery", ("train:r1", "train:r2")) == "label_not_found"
    assert sorted_as(task, "weather", ("train:r3",)) == "no_label"
    none_shown = failures_of(task, outcome(task, "delivery"), outcome(task, "delivery", ("train:r1",), row=1))
    assert [one.name.value for one in none_shown.categories if one.count] == ["label_not_found"]


def test_confusion_counts_every_mixup_and_the_rows_of_each_label() -> None:
    task = labels("billing", "billing", "billing", "delivery", "returns")
    given = ("delivery", "delivery", "billing", "billing", "returns")
    failures = failures_of(task, *(outcome(task, text, row=row) for row, text in enumerate(given)))
    mixups = (Mixup("billing", "delivery", 2), Mixup("delivery", "billing", 1))
    assert failures.confusion == Confusion(mixups, {"billing": 3, "delivery": 1, "returns": 1})
    assert (failures.wrong, failures.of) == (3, 5)


def test_many_labels_have_their_commonest_mixups_and_no_table() -> None:
    task = labels(*(f"label {at}" for at in range(30)))
    outcomes = [outcome(task, f"label {(row + 1) % 30}", row=row) for row in range(30)]
    confusion = failures_of(task, *outcomes).confusion
    assert confusion is not None and confusion.rows is None and len(confusion.mixups) == 20


def test_a_row_without_an_answer_is_counted_as_that() -> None:
    task = labels("billing", "delivery")
    failures = failures_of(task, outcome(task, "", error="The prompt is too long."))
    assert [(one.name.value, one.count) for one in failures.categories if one.count] == [("no_answer", 1)]
    assert failures.confusion == Confusion((), {})


def test_a_free_text_has_no_wrong_answers() -> None:
    task = Task("letters", Kind.WRITING, "", (Example("w", "Write", "Dear all"),))
    failures = failures_of(task, outcome(task, "Nothing of the kind"), outcome(task, "", error="Too long."))
    assert (failures.wrong, failures.of, failures.confusion) == (None, 2, None)
    assert [(one.name.value, one.count) for one in failures.categories] == [("no_answer", 1)]


def test_a_free_text_whose_facts_count_is_sorted_by_what_became_of_them() -> None:
    rows = (Example("w", "Name: Anna, due: 5 May", "Dear Anna, it is due on 5 May."),)
    task = Task("letters", Kind.WRITING, "", rows)
    answers = {
        "Dear Anna, on 5 May.": {"recall": 1.0, "dropped": 0.0, "distorted": 0.0, "invented": 0.0},
        "Dear Ben, on 9 May.": {"recall": 0.0, "dropped": 0.2, "distorted": 0.8, "invented": 0.0},
        "Dear Sir": {"recall": 0.5, "dropped": 0.5, "distorted": 0.0, "invented": 0.0},
        "Dear Anna, on 5 May in Rome.": {"recall": 1.0, "dropped": 0.0, "distorted": 0.0, "invented": 1.0},
        "I don't know.": {"recall": 0.0, "dropped": 1.0, "distorted": 0.0, "invented": 0.0},
    }
    outcomes = tuple(replace(outcome(task, text), parts=parts) for text, parts in answers.items())
    (failures,) = sort_failures([Trial("any", "done", outcomes=outcomes, metric=MetricName.FACTS_AND_FORM)], task)
    assert failures.wrong is None
    assert {one.name.value: one.count for one in failures.categories if one.count} == {
        "refused": 1, "facts_distorted": 1, "facts_dropped": 1, "fact_invented": 1,
    }  # fmt: skip
    (by_form,) = sort_failures([Trial("any", "done", outcomes=outcomes, metric=MetricName.FORM_AND_FACTS)], task)
    assert not sum(one.count for one in by_form.categories)


def test_a_few_examples_of_each_are_named_and_an_unfinished_trial_has_none() -> None:
    task = labels(*("billing", "delivery") * 4)
    trial = Trial("any", "done", outcomes=tuple(outcome(task, "delivery", row=row) for row in range(8)))
    sorted_ones, failed = sort_failures([trial, Trial("other", "failed", reason="It ran out of memory.")], task)
    assert [one.examples for one in sorted_ones.categories if one.count] == [("r0", "r2", "r4")]
    assert (failed.wrong, failed.of) == (0, 0)


def test_a_label_that_differs_in_spaces_alone_is_right() -> None:
    task = labels("billing", "delivery")
    assert failures_of(task, replace(outcome(task, "billing "), text="billing ")).wrong == 0


PIECES = (
    "the", "a", "The", "an", "gate", "gates", "gated", "regulated", "regulating", "twelve", "12", "1914", "Ö€a",
    "a€the", "night-train,", "東京駅は", "1914年に", "of", "fare\n", "\x00the", "ΟΔΟΣ", "'", "hall's",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_what_stands_where_is_as_if_every_text_were_read_anew(seed: int) -> None:
    chance = random.Random(seed)

    def text(most: int) -> str:
        return chance.choice((" ", "  ", "\t")).join(chance.choices(PIECES, k=chance.randint(0, most)))

    documents = tuple(Document(f"d{at}", text(2), text(12)) for at in range(chance.randint(0, 8)))
    examples = tuple(Example(f"q{at}", text(4), text(3)) for at in range(6))
    task = Task("any", Kind.ANSWERING, "", examples, documents)
    said = [content_of(text(8), example.input) for example in examples]
    evidence = Evidence(task, (stem for stems in said for stem in stems), (one.target for one in examples))
    lines = {one.id: line_of(f"{one.title}\n{one.text}") for one in documents}
    stems = [set(map(stem_of, line.split())) for line in (*lines.values(), *(line_of(one.target) for one in examples))]
    for example, own in zip(examples, said, strict=True):
        among, words = chance.sample([*lines, "gone"], k=min(2, len(lines))), line_of(example.target)
        where = [id for id, line in lines.items() if words_of(example.target) and words in line]
        assert evidence.is_among(example.target, among) == (not {*where}.isdisjoint(among) if where else None)
        if own:
            share = max((sum(stem in one for stem in own) for one in stems), default=0) / len(own)
            assert evidence.share_together(own) == share
