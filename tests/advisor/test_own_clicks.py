"""What a person's clicks say, in words, in every form of a report."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from advisor.render.export import clicks_csv
from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.report.clicked import person_of
from advisor.schema import Report
from advisor.sections.own_clicks import CORRUPTIONS, before_a_run
from advisor.wording import score_text
from eval.blind.pairs import Answer, Choice, Click, Pair
from eval.scoring.corruptions import Corruption
from eval.statistics.inference import interval
from tests.reports import candidate_of, rows_of, section_names, section_of, sentences_of

MakeReport = Callable[..., Report]
LEFT, RIGHT, BOTH, NEITHER = Choice


def pairs_of(
    scores: Sequence[tuple[float, float]], writers: tuple[str, str] = ("prompting", "retrieval")
) -> list[Pair]:
    return [
        Pair(f"r{row}", f"row r{row}", f"Question {row}?", "", *(
            Answer(writer, f"{writer} {row}", score) for writer, score in zip(writers, both, strict=True)
        ))
        for row, both in enumerate(scores)
    ]  # fmt: skip


def clicks_on(pairs: Sequence[Pair], choices: Sequence[Choice], asked_in: str = "run") -> list[Click]:
    return [
        Click(pair.input, pair.left.text, pair.right.text, choice, f"2025-01-31T12:00:{row:02}+00:00", asked_in)
        for row, (pair, choice) in enumerate(zip(pairs, choices, strict=True))
    ]


def report_of(report: Report, scores: Sequence[tuple[float, float]], choices: Sequence[Choice]) -> Report:
    pairs = pairs_of(scores)
    person = person_of(pairs, clicks_on(pairs, choices), "run", "prompting")
    return replace(report, person=person)


def test_a_score_that_sees_is_said_after_the_verdict_in_every_form(synthetic_report: MakeReport) -> None:
    report = report_of(synthetic_report(), [(0.2, 0.9)] * 14 + [(0.9, 0.8)] * 2, [RIGHT] * 14 + [BOTH, NEITHER])
    section = section_of(report, "own-clicks")
    *said, note = sentences_of(section)
    assert not section.is_first and section.summary == said[0] and "drawn at random" in note
    assert said == [
        "The score agrees with you on 14 of 14 pairs (95 % CI 78 to 100 %).",
        "Where you found both answers right, they score .85 on average; where you found neither right, .85.",
        "By your clicks, retrieval is right in 15 of 16 answers, prompting in 1 of 16.",
        "That puts retrieval 88 points ahead (95 % CI 50 to 95).",
        "The score says the same: .89 against .29 on these answers.",
    ]
    overall = {name: score_text(candidate_of(report, name).score.mean) for name in ("retrieval", "prompting")}
    assert rows_of(section) == {
        "Retrieval": ["15 of 16 (72 to 99 %)", ".89", overall["retrieval"]],
        "Prompting": ["1 of 16 (1 to 28 %)", ".29", overall["prompting"]],
    }
    page, text = render_html(report), render_markdown(report)
    for sentence in said:
        assert sentence in page and escaped(sentence) in text
    headline = report.recommendation.headline
    assert page.index(headline) < page.index(section.title)
    assert text.startswith(f"# {headline}")
    assert page.count("<table>") == page.count("</table>") and page.count("<h2") == page.count("</h2>")


def test_a_blind_score_is_said_before_the_verdict_in_every_form(synthetic_report: MakeReport) -> None:
    report = report_of(synthetic_report(), [(0.6, 0.4)] * 12, [RIGHT] * 10 + [LEFT] * 2)
    section = section_of(report, "own-clicks")
    said = sentences_of(section)
    assert section.is_first and section_names(report)[0] == section.id
    assert section.summary == (
        "The score doesn't see what you see: it agrees with you on only 2 of 12 pairs (95 % CI 5 to 45 %). "
        "Trust your clicks more than the score."
    )
    assert said[0] == "By your clicks, retrieval is right in 10 of 12 answers, prompting in 2 of 12."
    assert said[2] == "The score prefers prompting: .60 against .40 on these answers."
    assert not any("The score agrees" in sentence for sentence in said)
    for text in (render_html(report), render_markdown(report)):
        headline = text.rindex(report.recommendation.headline)
        assert text.index("see what you see: it agrees") < text.index("By your clicks") < headline


def test_few_clicks_settle_nothing_and_a_tie_counts_half(synthetic_report: MakeReport) -> None:
    report = report_of(synthetic_report(), [(0.5, 0.5), *[(0.6, 0.4)] * 5], [LEFT] * 4 + [RIGHT, NEITHER])
    said = sentences_of(section_of(report, "own-clicks"))
    assert said[0] == "The score agrees with you on 3.5 of 5 pairs (95 % CI 30 to 93 %). A tie of scores counts half."
    assert said[1] == "Where you found neither answer right, they score .50 on average."
    assert said[3].startswith("6 clicks can't settle which is better: the difference is 50 points (95 % CI −")


def test_four_clicks_say_nothing(synthetic_report: MakeReport) -> None:
    report = report_of(synthetic_report(), [(0.5, 0.4)] * 4, [LEFT] * 4)
    assert report.person is not None and report.person.verdict.pairs == 4
    for silent in (report, synthetic_report()):
        assert "own-clicks" not in section_names(silent)


def test_clicks_before_the_run_are_told_where_it_has_too_few_of_its_own(synthetic_report: MakeReport) -> None:
    pairs = pairs_of([(0.5, 0.4)])
    person = person_of(pairs, clicks_on(pairs, [LEFT]), "run", "prompting", interval([1.0] * 9 + [0.0]))
    section = section_of(replace(synthetic_report(), person=person), "own-clicks")
    assert "9 of 10 pairs" in section.summary and sentences_of(section) == [section.summary]
    assert not section.is_first


def test_without_a_preference_agreement_is_not_claimed(synthetic_report: MakeReport) -> None:
    section = section_of(report_of(synthetic_report(), [(0.5, 0.5)] * 5, [BOTH] * 5), "own-clicks")
    assert not section.is_first and section.summary.startswith("You haven't preferred one side in any pair")
    assert sentences_of(section)[-2] == "The score rates the same answers of both alike, at .50."


@pytest.mark.parametrize(("carried", "sentence"), [
    (1, "One of these clicks is from an earlier run in which the same two answers came up."),
    (3, "3 of these clicks are from an earlier run in which the same answers came up."),
])  # fmt: skip
def test_earlier_clicks_are_told_apart(synthetic_report: MakeReport, carried: int, sentence: str) -> None:
    pairs = pairs_of([(0.2, 0.9)] * 6)
    clicks = [
        *clicks_on(pairs[:carried], [RIGHT] * carried, "before"),
        *clicks_on(pairs[carried:], [RIGHT] * (6 - carried)),
    ]
    person = person_of(pairs, clicks, "run", "prompting", interval([1.0] * 9 + [0.0]))
    assert person is not None
    *said, _ = sentences_of(section_of(replace(synthetic_report(), person=person), "own-clicks"))
    assert said[-2:] == [
        sentence,
        "On other answers that you compared before this run, the score agrees with you on 9 of 10 pairs "
        "(95 % CI 60 to 98 %).",
    ]
    assert person_of(pairs, clicks_on(pairs_of([(0, 1)], ("a", "b")), [LEFT]), "run", None) is None


def test_before_a_run_each_corruption_has_its_row() -> None:
    writers = (Corruption.OTHER_WORDS, Corruption.CHANGED_NUMBER)
    pairs = pairs_of([(0.9, 0.3)] * 6, writers)
    found = before_a_run(pairs, clicks_on(pairs, [LEFT] * 5 + [RIGHT]))
    assert found is not None and found.by_clicks == ()
    assert [row[0] for row in found.rows] == ["The right answer in other words", "A changed number"]
    assert found.sentences == ("The score agrees with you on 5 of 6 pairs (95 % CI 44 to 97 %).",)
    assert before_a_run(pairs, []) is None
    assert set(CORRUPTIONS) == set(Corruption)


def test_clicks_as_a_table_name_who_wrote_what_and_run_no_formula() -> None:
    pairs = pairs_of([(0.25, 0.5)])
    same = Pair("r0", "row r0", "Question 0?", "", Answer("finetuning", "prompting 0", 0.25), pairs[0].right)
    clicks = [*clicks_on(pairs, [BOTH]), Click("=1+1", "a", "b", NEITHER, "now", "data")]
    first, second = csv.DictReader(clicks_csv(clicks, [*pairs, same]).splitlines())
    assert first["left_by"] == "finetuning; prompting" and first["right_by"] == "retrieval"
    assert (first["left_score"], first["click"], first["asked_in"]) == ("0.25", "both", "run")
    assert (second["input"], second["left_by"], second["left_score"]) == ("'=1+1", "", "")
