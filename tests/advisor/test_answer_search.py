from __future__ import annotations

import time

import pytest

from advisor.sections.answer_order import in_order, orders
from advisor.sections.answer_search import Place, Search, matching
from advisor.sections.answers import AnsweredRow, filters, marked
from advisor.storage.own_marks import OwnMark
from eval.outcomes import Outcome
from eval.task import BadInput, Example


def row(id: str, asked: str, expected: str, *given: tuple[str, float]) -> AnsweredRow:
    outcomes = {
        name: Outcome(id, name, text, score, {}, 0, 0)
        for name, (text, score) in zip(("prompting", "retrieval"), given, strict=True)
    }
    return AnsweredRow(Example(id, asked, expected), outcomes, {name: one.score == 1 for name, one in outcomes.items()})


ROWS = [
    row("1", "Où est la clé?", "Sous le TAPIS", ("sous le tapis", 1.0), ("là\nici", 0.0)),
    row("2", "When?", "at 9", ("at 10", 0.0), ("at 9 \ud800", 0.5)),
    row("3", "Who?", "Ada", ("Ada", 1.0), ("Ada Lovelace, of course", 1.0)),
]


def ids(rows: list[AnsweredRow]) -> str:
    return "".join(one.example.id for one in rows)


@pytest.mark.parametrize(("search", "found"), [
    (Search(""), "123"), (Search("  "), "123"), (Search("tapis"), "1"), (Search("OÙ"), "1"), (Search("a.a"), ""),
    (Search("ada", place=Place.EXPECTED), "3"), (Search("ada", place=Place.INPUT), ""),
    (Search("lovelace", place=Place.ANSWERS), "3"), (Search("a.a", True), "3"), (Search(r"^at \d+$", True), "2"),
    (Search("^ici$", True), "1"), (Search("OÙ|ada", True), "13"),
])  # fmt: skip
def test_rows_are_found_by_their_texts(search: Search, found: str) -> None:
    assert ids(matching(ROWS, search)) == found


@pytest.mark.parametrize(("pattern", "said"), [
    ("(ab", "A closing “)” is missing in “(ab”."), ("[a", "A closing “]” is missing in “[a”."),
    ("*a", "“*” has nothing before it to repeat. To search for the sign itself, write “\\*”."),
    ("(?=a)b", "“(?=” isn't supported: lookarounds and backreferences would make searching slow."),
    (r"(a)\1", "“\\1” isn't supported: lookarounds and backreferences would make searching slow."),
    ("a{2000}", "“{2000}” repeats too often: use at most 1,000 repetitions in all."),
    ("[z-a]", "This isn't a regular expression we can use (invalid character class range: “z-a”)."),
    ("a)", "There is a “)” without a “(” before it. To search for the sign itself, write “\\)”."),
])  # fmt: skip
def test_a_bad_expression_is_one_sentence(pattern: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        matching(ROWS, Search(pattern, True))
    assert str(refused.value) == said


def test_no_expression_keeps_the_page_busy() -> None:
    """Python's own engine would take longer than the universe has existed."""
    long = [row(str(at), "x" * 5_000, "", ("", 0.0), ("", 0.0)) for at in range(100)]
    started = time.process_time()
    assert matching(long, Search("(x+x+)+y", True)) == []
    assert time.process_time() - started < 5


@pytest.mark.parametrize(("order", "found"), [
    ("worst", "213"), ("disagreement", "123"), ("longest", "312"), ("file", "123"), ("worst-prompting", "213"),
    ("worst-retrieval", "123"),
])  # fmt: skip
def test_rows_are_put_in_order(order: str, found: str) -> None:
    assert order in orders(["prompting", "retrieval"])
    assert ids(in_order(ROWS, order)) == found


def test_the_persons_marks_have_chips_and_can_be_searched() -> None:
    wrong = OwnMark("Who?", "Ada", False, "Which Ada?", "2026-01-31T12:00:00+00:00", "run")
    rows = marked(ROWS, [wrong, OwnMark("When?", "at 9", True, "", "", "run")])
    chips = {chip.label: ids(list(chip.rows)) for chip in filters(rows)}
    assert chips == {"All": "123", "Only prompting right": "1", "All wrong": "2", "All right": "3", "You disagree": "3",
                     "Marked wrong by you": "3"}  # fmt: skip
    assert ids(matching(rows, Search("which", place=Place.NOTES))) == "3"
    assert rows[2].own_judgement("prompting") == "you: wrong (Which Ada?)"
