"""What a model says as the judge of answers: in the report, and by the command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.report.judged import judges_of
from advisor.schema import Judge, Report
from eval.blind.pairs import Answer, Choice, Click, Pair
from eval.judging.ruling import Ballot, Ruling, Side
from tests.eval.test_judging import says
from tests.reports import rows_of, section_names, section_of, sentences_of

MakeReport = Callable[..., Report]
CLICK = {Ruling.LEFT: Choice.LEFT, Ruling.RIGHT: Choice.RIGHT, Ruling.TIE: Choice.BOTH}


def pairs_of(rows: int) -> list[Pair]:
    """The answers of retrieval and prompting to each row, on sides that alternate."""
    both = ("retrieval", "prompting")
    return [
        Pair(f"r{row}", f"row r{row}", f"Question {row}?", "", *(
            Answer(writer, f"{writer} {row}", 0.5) for writer in (both if row % 2 else both[::-1])
        ))
        for row in range(rows)
    ]  # fmt: skip


def judged(rows: int, clicked: int, shares: tuple[float, float, float], seed: int = 0) -> tuple[Judge, ...]:
    """A judge with planted errors on pairs in which retrieval is better, worse, or equal, in these shares."""
    random, pairs = Random(seed), pairs_of(rows)
    ballots: list[Ballot] = []
    clicks: list[Click] = []
    for pair in pairs:
        truth = random.choices(list(Ruling), shares)[0]
        if pair.left.writer != "retrieval" and truth is not Ruling.TIE:
            truth = Ruling.LEFT if truth is Ruling.RIGHT else Ruling.RIGHT
        orders = says(random, truth, Ruling.LEFT), says(random, truth, Ruling.RIGHT)
        ballots.append(Ballot("Judge-7B", pair.input, pair.left.text, pair.right.text, *orders))
        if len(clicks) < clicked:
            clicks.append(Click(pair.input, pair.left.text, pair.right.text, CLICK[truth], "2026-01-01", "run"))
    return judges_of(pairs, ballots, clicks, "retrieval", {"SmolLM2-135M-Instruct"})


def test_a_judge_that_nobody_has_checked_makes_no_claim(synthetic_report: MakeReport) -> None:
    (one,) = judges = judged(60, 3, (0.6, 0.2, 0.2))
    assert one.right is None and one.against[0].corrected is None and one.agreement and one.agreement.pairs == 3
    section = section_of(replace(synthetic_report(), judges=judges), "judges")
    said = " ".join(sentences_of(section))
    assert "You have compared 3 of these pairs yourself. Compare at least 5" in said
    assert "Nobody has checked these rulings." in said and "accounted for," not in said
    assert section.heading == "A model as judge: nobody has checked yet how often it is right"
    assert rows_of(section)["Retrieval over prompting"][-1] == "not measured"


def test_a_checked_judge_is_corrected_in_every_form(synthetic_report: MakeReport) -> None:
    (one,) = judges = judged(200, 40, (0.6, 0.2, 0.2))
    (lead,) = one.against
    assert lead.low is not None and lead.high is not None and lead.corrected is not None
    assert lead.low <= 0.4 <= lead.high and lead.corrected > lead.as_ruled > 0
    assert one.right and one.right[1] <= 0.64 <= one.right[2]  # right in both orders: .8 · .8
    report = replace(synthetic_report(), judges=judges)
    said = sentences_of(section_of(report, "judges"))
    assert any(each.startswith("With the judge's errors accounted for, retrieval is better") for each in said)
    assert any("Cohen's kappa" in each for each in said)
    for form in (render_markdown(report, trials=(), examples=()), render_html(report, (), ())):
        assert "Judge-7B compared the answers." in form


def test_a_lead_of_the_other_strategy_is_said_from_its_side(synthetic_report: MakeReport) -> None:
    judges = judged(200, 40, (0.1, 0.7, 0.2))
    said = sentences_of(section_of(replace(synthetic_report(), judges=judges), "judges"))
    (lead,) = [each for each in said if each.startswith("With the judge's errors")]
    assert "prompting is better" in lead and "more often than retrieval (95 % CI " in lead and "−" not in lead


def test_a_model_that_judges_its_own_answers_is_named(synthetic_report: MakeReport) -> None:
    own = tuple(
        replace(one, model="SmolLM2-135M-Instruct", is_candidate=True) for one in judged(40, 20, (0.4, 0.4, 0.2))
    )
    said = " ".join(sentences_of(section_of(replace(synthetic_report(), judges=own), "judges")))
    assert "use another judge" in said
    assert "judges" not in section_names(synthetic_report())


def test_replies_that_cannot_be_read_are_counted_and_left_out() -> None:
    pairs = pairs_of(6)
    ballots = [Ballot("Judge-7B", pair.input, pair.left.text, pair.right.text, None, Side.FIRST) for pair in pairs[:4]]
    ballots += [
        Ballot("Judge-7B", pair.input, pair.right.text, pair.left.text, Side.FIRST, Side.FIRST) for pair in pairs[4:]
    ]
    (one,) = judges_of(pairs, ballots, [], "retrieval", {"other"})
    assert one.pairs == 6 and one.unread == 4 and one.follows_position == 1 and one.against[0].pairs == 2
    assert judges_of(pairs, [], [], "retrieval", {"other"}) == judges_of(pairs, ballots, [], None, {"other"}) == ()
