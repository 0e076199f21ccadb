from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from advisor import charts, pages
from advisor.candidates import baselines, judged
from advisor.charts.ends import in_lines, places
from advisor.charts.placing import HEIGHT, WIDTH, Anchor, mark_box, place
from advisor.palette import DARK, LIGHT, Theme, contrast, mark_of, range_colour
from advisor.plan import STRATEGIES, Priorities
from advisor.schema import Candidate, Comparison, CostCrossing, Judgement, NotMeasured, Recommendation, Report
from advisor.wording import name_of
from eval.money.costs import Cost
from eval.money.ranges import crossing
from eval.statistics.inference import Interval, Percentiles
from strategies.declaration import BASELINE_MARK
from strategies.registry import LOCAL, LOOKS_UP, TRAINED
from tests.reports import changed

MakeReport = Callable[..., Report]


def candidate(name: str, mean: float, per_1000: float | None, one_off: float = 0.0, p50: float = 0.5) -> Candidate:
    return Candidate(
        id=name,
        strategy=name,
        model="",
        score=Interval(mean, mean - 0.05, mean + 0.05, 100),
        cost=Cost(one_off, per_1000, None if per_1000 is None else 10 * per_1000, "USD"),
        latency_seconds=Percentiles(p50, 2 * p50, 20),
    )


def report_of(
    *candidates: Candidate | NotMeasured,
    comparisons: Sequence[Comparison] = (),
    crossings: Sequence[CostCrossing] | None = None,
) -> Judgement:
    """With the volumes at which costs cross, if none are given."""
    measured = sorted((one for one in candidates if isinstance(one, Candidate)), key=lambda one: -one.score.mean)
    costs = [(one.id, one.cost) for one in measured if one.cost.per_1000 is not None]
    crossed = [CostCrossing(a, b, crossing(of_a, of_b, 12)) for (a, of_a), (b, of_b) in combinations(costs, 2)]
    return Judgement(
        priorities=Priorities(),
        candidates=candidates,
        baselines=(),
        comparisons=tuple(comparisons),
        crossings=tuple(crossed if crossings is None else crossings),
        recommendation=Recommendation(None, "none", None, {}, None, "", "", None, None, (), (), (), None),
    )


@pytest.mark.parametrize("draw", [charts.score_chart, charts.cost_chart, charts.volume_chart, charts.latency_chart])
def test_a_chart_is_a_valid_picture_with_the_colour_of_each_strategy(
    synthetic_report: MakeReport, draw: Callable[[Report, Theme], Any]
) -> None:
    report = synthetic_report()
    drawn = json.dumps(draw(report, LIGHT).to_dict(validate=True))
    marks = [mark_of(one.strategy) for one in report.candidates]
    assert all(mark.colour in drawn and mark.shape in drawn for mark in marks)
    assert '"legend": null' in drawn and '"background": "transparent"' in drawn


def test_a_shape_tells_a_strategy_and_a_colour_what_it_does() -> None:
    """Variants of one way share a colour: whether a strategy looks things up, and whether it trains."""
    marks = [mark_of(name) for name in STRATEGIES]
    assert len({mark.shape for mark in marks}) == len(marks)
    ways = {(mark_of(name).colour, (name in LOOKS_UP, name in TRAINED)) for name in LOCAL}
    assert len({colour for colour, _ in ways}) == len({way for _, way in ways}) == len(ways)
    assert mark_of("nearest_neighbour") == BASELINE_MARK


def test_the_pages_draw_every_shape() -> None:
    style = (Path(pages.__file__).parent / "style.css").read_text()
    shapes = {mark_of(name).shape for name in (*STRATEGIES, "majority_label")}
    assert not [shape for shape in shapes if shape != "square" and f".mark.{shape} {{" not in style]


def test_the_best_comes_first_and_baselines_last() -> None:
    report = report_of(candidate("prompting", 0.5, 1), candidate("retrieval", 0.7, 1))
    report = replace(report, baselines=(candidate("majority_label", 0.1, 1), candidate("tfidf_linear", 0.9, 1)))
    assert [one.id for one in judged(report)] == ["retrieval", "prompting"]
    assert [one.id for one in baselines(report)] == ["tfidf_linear", "majority_label"]
    drawn = charts.score_chart(report, LIGHT).to_json()
    assert drawn.index("Retrieval") < drawn.index("Prompting") < drawn.index("Word classifier")
    assert charts.score_sentence(report).endswith("The best baseline (word classifier) scores .90.")


def test_the_score_sentence_says_when_a_difference_may_be_chance() -> None:
    pair = candidate("prompting", 0.70, 1), candidate("retrieval", 0.74, 1)
    close = Comparison("prompting", "retrieval", -0.04, -0.09, 0.01, 0.2, 100)
    clear = replace(close, low=-0.07, high=-0.01, p_value=0.01)
    assert "4 points more than prompting" in charts.score_sentence(report_of(*pair, comparisons=(close,)))
    for unsure in (close, replace(clear, p_value=0.06)):
        assert "may be chance" in charts.score_sentence(report_of(*pair, comparisons=(unsure,)))
    level = charts.score_sentence(report_of(candidate("prompting", 0.7, 1), candidate("retrieval", 0.7, 1)))
    assert level == "Prompting scores .70, the same as retrieval."
    assert "is more than chance" in charts.score_sentence(report_of(*pair, comparisons=(clear,)))


def test_the_frontier_leaves_out_what_is_dearer_and_no_better() -> None:
    cheap, dear_worse, dear_better = candidate("a", 0.6, 1), candidate("b", 0.5, 2), candidate("c", 0.8, 3)
    assert charts.frontier_of([(dear_better, 3), (dear_worse, 2), (cheap, 1)]) == [(cheap, 1), (dear_better, 3)]
    assert charts.cost_chart_sentence(report_of(cheap, dear_better)).endswith("shows the best score at each cost.")
    assert "dashed" not in charts.cost_chart_sentence(report_of(cheap, dear_worse))


def test_an_unknown_cost_is_left_out_and_never_nothing() -> None:
    report = report_of(candidate("prompting", 0.6, None), candidate("retrieval", 0.7, None))
    assert charts.cost_chart(report, LIGHT) is None
    assert charts.volume_chart(report, LIGHT) is None
    assert charts.cost_sentence(report) == "The costs are unknown."
    partly = report_of(candidate("prompting", 0.6, None), candidate("retrieval", 0.7, 1))
    assert charts.volume_sentence(partly).startswith("We don't know the full cost of prompting,")
    assert charts.cost_sentence(partly).endswith("We don't know what the others cost.")


def test_a_free_machine_costs_nothing_which_is_not_unknown() -> None:
    report = report_of(candidate("prompting", 0.6, 0.0), candidate("retrieval", 0.7, 0.0))
    report = replace(report, priorities=Priorities(machine_per_hour=0.0))
    assert charts.cost_chart(report, LIGHT) is None and charts.volume_chart(report, LIGHT) is None
    assert charts.cost_sentence(report).endswith("requests cost nothing.")
    assert charts.volume_sentence(report).endswith("requests cost nothing.")
    beside_a_dear_one = report_of(candidate("prompting", 0.6, 0.0), candidate("retrieval", 0.7, 3.0))
    assert "Retrieval costs $3.00 and scores 10 points higher." in charts.cost_sentence(beside_a_dear_one)


def test_the_crossing_is_where_the_costs_of_a_year_are_equal() -> None:
    report = report_of(candidate("prompting", 0.6, 1.0), candidate("finetuning", 0.8, 0.5, one_off=30.0))
    (met,) = report.crossings
    assert {met.a, met.b} == {"prompting", "finetuning"}
    assert met.monthly == pytest.approx(5000)  # 12 months of 5,000 requests: 60 = 30 + 30
    drawn = charts.volume_chart(report, LIGHT)
    assert drawn is not None and "5,000 a month" in drawn.to_json()
    assert charts.volume_sentence(report).startswith(
        "From about 5,000 requests a month, adapter fine-tuning costs less"
    )


def test_a_crossing_at_the_first_answer_is_no_number() -> None:
    report = report_of(candidate("prompting", 0.6, 2.0), candidate("finetuning", 0.8, 1.0, one_off=0.0146))
    assert charts.volume_sentence(report) == (
        "At one request a month or more, adapter fine-tuning costs less over 12 months than prompting."
    )


def test_strategies_of_one_colour_have_lines_of_their_own() -> None:
    report = report_of(candidate("prompting", 0.6, 1.0), candidate("prompting_examples", 0.7, 2.0))
    drawn = charts.volume_chart(report, LIGHT)
    assert drawn is not None
    (lines,) = (layer for layer in drawn.to_dict()["layer"] if layer["mark"]["type"] == "line")
    assert lines["encoding"]["detail"]["field"] == "strategy"


def test_the_latency_sentence_names_the_fastest_and_the_slowest() -> None:
    report = report_of(candidate("prompting", 0.6, 1, p50=0.4), candidate("retrieval", 0.7, 1, p50=0.9))
    assert "Prompting is fastest" in charts.latency_sentence(report)
    assert "Retrieval takes 0.90 s" in charts.latency_sentence(report)
    ranges = ((0.3, 0.6), (0.5, 1.1))
    report = changed(
        report, candidates={at: {"latency_seconds": {"p50_range": ends}} for at, ends in enumerate(ranges)}
    )
    assert charts.latency_sentence(report).startswith("Prompting seems fastest")


def test_the_cheapest_within_the_chance_of_what_was_timed_is_doubted() -> None:
    pair = candidate("prompting", 0.6, 1.0), candidate("retrieval", 0.7, 1.1)
    for monthly, low, high, is_sure in (
        (None, None, None, True),
        (None, 800.0, None, False),
        (90.0, 70.0, None, False),
        (90.0, 70.0, 120.0, True),
    ):
        report = report_of(*pair, crossings=[CostCrossing("prompting", "retrieval", monthly, low, high, True)])
        seems = "is the cheapest strategy" if is_sure else "seems the cheapest"
        assert charts.cost_sentence(report).startswith(f"Prompting {seems}, at $1.00 per 1,000 requests")


def test_a_report_without_scores_still_has_its_sentences(synthetic_report: MakeReport) -> None:
    report = report_of(NotMeasured("prompting", "prompting", "", "failed", "It stopped."))
    assert charts.score_sentence(report) == "No strategy has a score."
    assert charts.latency_chart(report, LIGHT) is None


def test_each_pair_has_its_crossing_with_its_range_or_the_word_never() -> None:
    three = candidate("prompting", 0.6, 1.0), candidate("retrieval", 0.7, 2.0), candidate("finetuning", 0.8, 0.5, 30.0)
    report = report_of(*three)
    assert charts.crossing_sentences(report).of_choice[-1] == "Prompting never costs more than retrieval."
    for low, high, end in (
        (4000.0, 6500.0, "(95 % CI 4,000 to 6,500)."),
        (4000.0, None, "from about 5,000 requests a month. That may be from 4,000, or never."),
        (None, None, "It may never do so."),
    ):
        report = report_of(*three, crossings=[CostCrossing("prompting", "finetuning", 5000.0, low, high, True)])
        assert charts.volume_sentence(report).endswith(end) and charts.crossing_sentences(report) == ([], [])
    report = report_of(*three, crossings=[CostCrossing("prompting", "retrieval", None, 800.0, None, True)])
    assert charts.crossing_sentences(report).of_choice == [
        "As measured, prompting never costs more than retrieval, but it is close. From 800 requests a month, retrieval "
        "may cost less."
    ]
    assert charts.volume_sentence(report).startswith("As measured, the order of costs")


@pytest.mark.parametrize(
    "points",
    [
        [(0.5, 0.7)] * 7,  # all alike
        [(0.5 + 0.01 * at, 0.7) for at in range(7)],
        [(0.02, 0.0), (0.98, 1.0), (0.02, 1.0), (0.98, 0.0), (0.5, 0.0), (0.5, 1.0), (0.5, 0.5)],
        [(0.3, 0.02), (0.5, 0.02), (0.6, 0.0), (0.9, 0.39)],
    ],
)
def test_no_name_in_a_plane_covers_another_or_a_mark_and_all_stay_within(points: list[tuple[float, float]]) -> None:
    names = [*map(name_of, STRATEGIES)][: len(points)]
    anchors = [
        Anchor(name, x, y, max(0, y - 0.05), min(1, y + 0.05)) for name, (x, y) in zip(names, points, strict=True)
    ]
    nameless = [Anchor("", 0.25, 0.9, 0.85, 0.95), Anchor("", 0.6, 0.8, 0.7, 0.9)]
    placed = place(anchors, nameless)
    assert [one.anchor for one in placed] == anchors
    assert not [pair for pair in combinations([one.box for one in placed], 2) if pair[0].meets(pair[1])]
    for one in placed:
        assert not any(one.box.meets(mark_box(each)) for each in (*anchors, *nameless))
        assert one.box.left >= 0 and one.box.right <= WIDTH and one.box.bottom >= 0 and one.box.top <= 1.05 * HEIGHT


def test_names_at_the_ends_of_lines_stand_apart_in_the_order_of_the_lines() -> None:
    names = [*map(name_of, LOCAL)]
    for values in ([5.0] * 7, [0.0] * 7, [10.0] * 7, [0, 0, 0, 5, 10, 10, 10], [1, 2, 3, 4, 5, 6, 7]):
        found = places(values, names, 0.0, 10.0, height=250)
        assert len(found) == 7 and min(found) >= -1e-9 and max(found) <= 10 + 1e-9
        assert all(250 / 10 * (above - below) >= 27 for below, above in pairwise(found))
    assert places([4.0], ["Prompting"], 0.0, 10.0, height=250) == [4.0] and places([], [], 0, 1, 250) == []
    assert in_lines("Prompting with examples") == ["Prompting with", "examples"]
    assert all(len(line) <= 15 for line in in_lines("x" * 99))


def test_every_range_can_be_seen_on_light_paper_and_on_dark() -> None:
    assert round(contrast("#000000", "#FFFFFF"), 2) == 21 and contrast("#777777", "#777777") == 1
    for name in (*STRATEGIES, "majority_label"):
        line = range_colour(mark_of(name).colour)
        assert min(contrast(line, LIGHT.paper), contrast(line, DARK.paper)) >= 3, name


@pytest.mark.parametrize("draw", [charts.score_chart, charts.cost_chart, charts.latency_chart, charts.volume_chart])
def test_ranges_are_drawn_in_full_in_the_colour_that_can_be_seen(
    synthetic_report: MakeReport, draw: Callable[[Report, Theme], Any]
) -> None:
    """Nothing makes them paler; lines through points are drawn in it too."""
    drawn = draw(synthetic_report(), LIGHT).to_dict()
    ranges = [layer for layer in drawn["layer"] if layer["encoding"].get("color", {}).get("field") == "line"]
    assert ranges and all("opacity" not in layer["mark"] for layer in ranges)
    rows = next(rows for rows in drawn["datasets"].values() if "line" in rows[0])
    assert all(contrast(row["line"], LIGHT.paper) >= 3 for row in rows)


@pytest.mark.parametrize("draw", [charts.score_chart, charts.cost_chart, charts.volume_chart, charts.latency_chart])
def test_no_value_is_a_list_which_the_page_would_show_in_brackets(
    synthetic_report: MakeReport, draw: Callable[[Report, Theme], Any]
) -> None:
    drawn = draw(synthetic_report(), LIGHT).to_dict()
    values = [value for rows in drawn["datasets"].values() for row in rows for value in row.values()]
    assert values and all(isinstance(value, str | int | float) for value in values)
    names = [layer["mark"] for layer in drawn["layer"] if layer["encoding"].get("text", {}).get("field") == "name"]
    assert all(mark["lineBreak"] == "\n" for mark in names)


def test_a_score_is_written_at_the_end_of_its_line() -> None:
    """Where no other row has a mark: also at a perfect score, and beside a range that covers everything."""
    wide = replace(candidate("retrieval", 0.5, 1), score=Interval(0.5, 0.0, 1.0, 3))
    drawn = charts.score_chart(report_of(candidate("prompting", 1.0, 1), wide), LIGHT).to_dict()
    (rows,) = (rows for rows in drawn["datasets"].values() if "label_at" in rows[0])
    assert all(row["label_at"] >= max(row["mean"], row["high"]) for row in rows)
    rim, labels = (layer for layer in drawn["layer"] if layer["mark"]["type"] == "text")
    assert rim["mark"]["strokeWidth"] == 4 and rim["encoding"]["x"] == labels["encoding"]["x"]
    least, most = labels["encoding"]["x"]["scale"]["domain"]
    assert (most - max(row["label_at"] for row in rows)) / (most - least) * 220 > labels["mark"]["dx"]
