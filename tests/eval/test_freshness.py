"""Documents with other facts in them, each change apart from the others; documents that hold an answer taken out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eval.failures.evidence import line_of, stands_in
from eval.measuring.freshness import LARGEST_SHARE_OUT, MOST_DOCUMENTS, change_facts, shape_of, take_out
from eval.task import Document, Example

FERRY = Document("ferry", "Refunds", "After a delay of 90 minutes the whole fare is paid back, within 14 days at most.")
TOOLS = Document("tools", "Tools", "A borrowed tool is due back at 07:30. Doctor Skua keeps the list since 1987.")
BOATS = Document("boats", "Boats", "The Dunlin carries 12.5 tonnes. Its pilot, Runa Askmo, sails at 16:40.")
DOCUMENTS = (FERRY, TOOLS, BOATS)
ROWS = (
    Example("delay", "After what delay is the fare paid back?", "90 minutes"),
    Example("days", "How long may it take?", "14 days"),
    Example("tool", "When is a tool due back?", "07:30"),
    Example("keeper", "Who keeps the list?", "Doctor Skua"),
    Example("sails", "When does the Dunlin sail?", "16:40"),
    Example("pilot", "Who is the pilot?", "Runa Askmo"),
    Example("load", "What does the Dunlin carry?", "12.5 tonnes"),
    Example("spare-1", "How long is the pause?", "35 minutes"),
    Example("spare-2", "When does the bell ring?", "05:10"),
    Example("spare-3", "Whose is the key?", "Ylva Brandt"),
)
TEST = ROWS[:7]


def line(documents: list[Document]) -> str:
    return line_of(" ".join(f"{document.title}\n{document.text}" for document in documents))


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        ("14 days", "30 days", True),
        ("14 days", "30 Days", False),
        ("07:30", "16:40", True),
        ("1987", "14", False),
        ("1987", "2003", True),
        ("Maria Oduya", "Doctor Skua", True),
        ("Maria Oduya", "May Tuesday", False),
        ("twelve", "three", True),
        ("twelve", "green", False),
        ("form R-11", "form L-02", True),
        ("the third floor", "a grey folder", True),
        ("the third floor", "a folder", False),
    ],
)
def test_facts_are_alike_in_their_numbers_dates_words_and_capitals(one: str, other: str, is_alike: bool) -> None:
    assert (shape_of(one) == shape_of(other)) == is_alike


@pytest.mark.parametrize("seed", range(5))
def test_an_old_fact_stands_nowhere_and_a_new_one_in_its_place(seed: int) -> None:
    facts, changed = change_facts(TEST, ROWS, DOCUMENTS, seed, 10)
    assert [document.id for document in changed] == [document.id for document in DOCUMENTS]
    by_id = {document.id: document for document in changed}
    assert len(facts) >= 3
    for fact in facts:
        old = fact.example.target
        assert fact.new in {row.target for row in ROWS} and shape_of(fact.new) == shape_of(old)
        holding = [document for document in DOCUMENTS if stands_in(old, line([document]))]
        assert holding and not stands_in(old, line(changed))
        for document in holding:
            assert not stands_in(fact.new, line([document]))
            assert stands_in(fact.new, line([by_id[document.id]]))
    assert (facts, changed) == change_facts(TEST, ROWS, DOCUMENTS, seed, 10)


def test_another_number_of_the_same_thing_is_taken_first() -> None:
    (fact,), changed = change_facts(ROWS[:1], ROWS, DOCUMENTS, 0, 10)
    assert fact.new == "35 minutes"
    assert changed[0].text == FERRY.text.replace("90", "35") and changed[1:] == list(DOCUMENTS[1:])


def test_a_fact_within_a_number_or_a_word_is_left_alone() -> None:
    rows = (replace(ROWS[0], target="12"), replace(ROWS[1], target="90"), replace(ROWS[2], target="5"))
    facts, _ = change_facts(rows, rows, (BOATS,), 0, 10)
    assert not facts


def test_a_change_breaks_no_other_row() -> None:
    """What is asked with, and what stands within another answer, stays as it is."""
    named = Example("named", "What does Doctor Skua keep?", "07:30")
    within = Example("within", "Who is it?", "Skua")
    for others in ((named,), (within,)):
        rows = (ROWS[3], *others)
        for seed in range(4):
            facts, _ = change_facts(rows, (*rows, *ROWS, Example("x", "?", "Petrel")), DOCUMENTS, seed, 10)
            changed = {fact.example.id for fact in facts}
            assert changed and not {"keeper", others[0].id} <= changed


def test_a_fact_that_stands_in_its_question_in_too_many_documents_or_otherwise_is_passed_over() -> None:
    asked = replace(ROWS[0], input="Is it 90 minutes or an hour?")
    many = [replace(FERRY, id=f"ferry-{at}") for at in range(MOST_DOCUMENTS + 1)]
    twelve = Document("hours", "Hours", "Twelve hours, that is 12 hours.")
    hours = Example("hours", "How long?", "12 hours"), Example("other", "And there?", "30 hours")
    assert not change_facts((asked,), ROWS, DOCUMENTS, 0, 10)[0]
    assert not change_facts(ROWS[:1], ROWS, many, 0, 10)[0]
    assert not change_facts(hours[:1], hours, (twelve,), 0, 10)[0]
    assert len(change_facts(TEST, ROWS, DOCUMENTS, 0, 1)[0]) == 1


def test_documents_are_taken_out_with_every_word_of_the_answers_and_half_of_them_stay() -> None:
    documents = [Document(f"d{at}", f"Town {at}", f"The mayor of town {at} is number {at + 100}.") for at in range(10)]
    test = [Example(f"r{at}", f"Who is mayor of town {at}?", f"{at + 100}") for at in range(10)]
    test.append(Example("unknown", "What else?", "nothing that stands there"))
    test.append(Example("named", "And?", "so it is", document_ids=("d3", "gone")))
    test.append(Example("everywhere", "Who is number 103?", "The mayor", document_ids=("d3",)))
    parts = take_out(test, documents, 0, 100)
    assert sorted(row.id for rows, _ in parts for row in rows) == sorted(
        {row.id for row in test} - {"unknown", "everywhere"}
    )
    assert len(parts) == 2
    for rows, left in parts:
        assert len(left) >= (1 - LARGEST_SHARE_OUT) * len(documents)
        assert not any(stands_in(row.target, line(left)) for row in rows)
        assert not {id for row in rows for id in row.document_ids} & {document.id for document in left}
    assert sum(len(rows) for rows, _ in take_out(test, documents, 0, 4)) == 4
    assert take_out(test[:1], documents[:1], 0, 4) == [([test[0]], [])]
