"""What stands over the folded sections: the finding, true to the figures, and nothing where nothing was found."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from advisor.candidates import judged
from advisor.schema import Candidate, CostCrossing, Report
from advisor.sections.blocks import Bullets
from advisor.sections.contents import sections_of
from advisor.wording import in_sentence
from eval.outcomes import Trial
from eval.task import Kind
from tests.reports import EVERY, changed, section_names, section_of, sentences_of

MakeReport = Callable[..., Report]
_LONGEST = 110  # characters, which is one line of the page


@pytest.mark.parametrize("kind", Kind)
def test_every_heading_begins_with_its_title_and_fits_a_line(synthetic_report: MakeReport, kind: Kind) -> None:
    for section in sections_of(synthetic_report(kind)):
        assert section.heading.startswith(section.title) and len(section.heading) <= _LONGEST
        assert section.finding or section.place == "beside the chart"
        assert section.blocks and not section.heading.endswith(".")


def latency_of(report: Report, *medians: tuple[float, float, float] | None) -> str:
    """Over the section where these are the medians with their ranges, in the order of the candidates."""
    timed = {
        at: {"latency_seconds": found and {"p50": found[0], "p50_range": found[1:]}} for at, found in enumerate(medians)
    }
    return section_of(changed(report, candidates=timed), "latency").heading


def test_the_latency_of_the_slowest_is_told_against_the_fastest(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    assert [one.id for one in report.candidates] == ["prompting", "retrieval", "finetuning"]
    fast, slow, between = (0.5, 0.4, 0.6), (1.2, 1.1, 1.3), (0.9, 0.8, 1.0)
    assert latency_of(report, fast, slow, between) == "Latency: retrieval takes 2.4 times as long as prompting"
    assert latency_of(report, fast, (60.0, 50.0, 70.0), between).endswith("takes about 100 times as long as prompting")
    assert latency_of(report, fast, fast, (0.7, 0.65, 0.8)) == (
        "Latency: adapter fine-tuning takes 40 % longer than retrieval"
    )
    assert latency_of(report, fast, (0.55, 0.45, 0.7), fast) == "Latency: medians of 0.50 s to 0.55 s"
    assert latency_of(report, (0.5, 0.4, 0.6), None, None) == "Latency: median 0.50 s"


def test_what_was_not_measured_has_no_section_and_is_named_in_one(synthetic_report: MakeReport) -> None:
    report = changed(synthetic_report(preset="standard"), candidates={EVERY: {"latency_seconds": None}})
    assert not {"latency", "robustness"} & set(section_names(report))
    missing = section_of(report, "not-measured")
    assert "Latency: no answer was timed on its own." in sentences_of(missing)
    assert missing.heading == "Not measured: latency, robustness and the learning curve"
    quick = section_of(synthetic_report(), "not-measured")
    assert quick.heading == "Not measured: robustness, forgetting and the learning curve"


@pytest.mark.parametrize(
    ("monthly", "low", "high", "said"),
    [
        (11.0, 9.0, 14.0, "retrieval costs less than adapter fine-tuning from 11 requests a month"),
        (11.0, None, None, "retrieval may cost less than adapter fine-tuning from 11 requests a month"),
        (1.0, 0.5, 1.4, "retrieval costs less than adapter fine-tuning from the first request"),
    ],
)
def test_costs_turn_where_the_lines_cross(
    synthetic_report: MakeReport, monthly: float, low: float | None, high: float | None, said: str
) -> None:
    report = changed(
        synthetic_report(),
        candidates={1: {"cost": {"per_1000": 1.0, "one_off": 9.0}}, 2: {"cost": {"per_1000": 2.0, "one_off": 0.0}}},
    )
    report = replace(report, crossings=(CostCrossing("retrieval", "finetuning", monthly, low, high, True),))
    assert report.recommendation.choice == "finetuning"
    # Retrieval is clearly behind here, so its price decides nothing.
    assert (
        section_of(report, "cost").heading == "Costs: prompting is the cheapest strategy, at $0.013 per 1,000 requests"
    )
    level = tuple(replace(one, low=-0.1, high=0.1) for one in report.comparisons)
    assert section_of(replace(report, comparisons=level), "cost").heading == f"Costs: {said}"


def test_without_a_crossing_the_cheapest_is_named_and_unknown_costs_have_no_section(
    synthetic_report: MakeReport,
) -> None:
    report = replace(synthetic_report(), crossings=())
    prices = {one.strategy: one.cost.per_1000 or 0.0 for one in judged(report)}
    cheapest = min(prices, key=lambda name: prices[name])
    heading = section_of(report, "cost").heading
    assert cheapest == "finetuning" and heading.startswith("Costs: adapter fine-tuning is the cheapest strategy, at $")
    told = re.search(r"\$([\d.]+)", heading)
    assert told and float(told[1]) == pytest.approx(prices[cheapest], rel=0.05)
    unknown = changed(report, candidates={EVERY: {"cost": {"per_1000": None, "per_month": None}}})
    assert "cost" not in section_names(unknown)
    free = changed(report, candidates={EVERY: {"cost": {"per_1000": 0.0, "per_month": 0.0}}})
    assert section_of(free, "cost").heading == "Costs: requests cost nothing at these prices"


def test_the_commonest_failure_is_counted_as_in_its_table(
    synthetic_report: MakeReport, synthetic_trials: Callable[..., tuple[Trial, ...]]
) -> None:
    best = judged(synthetic_report())[0]
    assert isinstance(best, Candidate) and best.failures and best.failures.wrong
    assert section_of(synthetic_report(), "failures").heading == (
        f"Where answers go wrong: adapter fine-tuning is wrong on {best.failures.wrong} of 80 rows"
    )
    right = tuple(
        replace(trial, outcomes=tuple(replace(one, text=one.expected or "", score=1.0) for one in trial.outcomes))
        for trial in synthetic_trials()
    )
    heading = section_of(synthetic_report(trials=right), "failures").heading
    assert heading == "Where answers go wrong: nowhere with adapter fine-tuning on 80 rows"


def test_what_stands_beside_the_chart_is_short_and_the_rest_is_not_lost(synthetic_report: MakeReport) -> None:
    many = tuple(f"Sentence {number}." for number in range(9))
    report = changed(synthetic_report(), recommendation={"reasons": many, "caveats": many, "changes": many})
    beside = [one for one in sections_of(report) if one.place == "beside the chart"]
    assert [one.title for one in beside] == ["Why", "What would change this", "Before you act"]
    lists = [block for one in beside for block in one.blocks if isinstance(block, Bullets)]
    assert [len(block.sentences) for block in lists] == [3, 2, 2]
    assert all(set(many) <= {*block.sentences, *block.further} for block in lists)


def test_a_heading_says_what_is_wrong_most_often(synthetic_report: MakeReport) -> None:
    """Only a kind of wrong answer that says more than that it is wrong."""
    report = synthetic_report(Kind.ANSWERING)
    best = judged(report)[0]
    at = next(at for at, one in enumerate(report.candidates) if one.id == best.id)

    def heading(*counts: tuple[str, int]) -> str:
        kinds = [{"name": name, "count": count, "examples": []} for name, count in counts]
        wrong = {"wrong": sum(count for _, count in counts), "of": 80, "categories": kinds}
        return section_of(changed(report, candidates={at: {"failures": wrong}}), "failures").heading

    told = f"Where answers go wrong: {in_sentence(best.strategy)} is wrong on"
    assert heading(("refused", 6), ("repeated", 2)) == f"{told} 8 of 80 rows, most often “refuses” (6)"
    assert heading(("refused", 6)) == f"{told} 6 of 80 rows, each time “refuses”"


def test_a_single_note_on_the_data_is_its_heading(synthetic_report: MakeReport) -> None:
    assert section_of(synthetic_report(), "data").heading == "Your data: 2 rows appear twice"
    two = synthetic_report(warnings=["2 rows appear twice.", "One row is empty."])
    assert section_of(two, "data").heading == "Your data: 2 notes on how we read it"


def test_labels_that_are_found_alike_are_counted_of_all(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    at = next(at for at, one in enumerate(report.candidates) if one.id == judged(report)[0].id)

    def heading(recalls: list[float]) -> str:
        labels = {each: {"recall": recall} for each, recall in enumerate(recalls)}
        return section_of(changed(report, candidates={at: {"labels": labels}}), "labels").heading

    assert heading([0.9] * 4).endswith("all 4 labels have a recall of .90")
    assert heading([0.6, 0.6, 0.9, 0.9]).endswith("2 of 4 labels are found least often (recall .60)")
