"""Deciding from scores that were measured elsewhere: cases whose verdict a statistician would give by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor.candidates import judged
from advisor.command_line.commands import main
from advisor.render.export import outcomes_csv
from advisor.schema import JUDGEMENT, REPORT, Report
from advisor.sections.figures import figures_of
from eval.outcomes import Trial
from eval.task import Task

KEYS = {
    "choice", "confidence", "odds", "probabilities", "runner_up", "headline", "confidence_line", "runner_up_line",
    "baseline", "reasons", "caveats", "changes", "rows_needed", "turns",
}  # fmt: skip


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))


def write(name: str, header: str, rows: Iterable[Iterable[object]]) -> None:
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    Path(name).write_text("\n".join(lines) + "\n")


def write_outcomes(scores: dict[str, list[float]], groups: list[str] | None = None) -> None:
    write(
        "outcomes.csv",
        "example,strategy,score,group",
        (
            (f"q{at}", strategy, score, groups[at] if groups else "")
            for strategy, each in scores.items()
            for at, score in enumerate(each)
        ),
    )


def write_costs(**per_1000: float) -> None:
    write("costs.csv", "strategy,one_off,per_1000", ((strategy, 0, price) for strategy, price in per_1000.items()))


def decide(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    costs = ["--costs", "costs.csv"] if Path("costs.csv").exists() else []
    assert main(["decide", "outcomes.csv", *costs, "--json", *options]) == 0
    decision: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(decision["recommendation"]) == KEYS
    return dict(decision["recommendation"])


def right(share: float, rows: int) -> list[float]:
    return [1.0] * round(share * rows) + [0.0] * (rows - round(share * rows))


def shuffled(share: float, rows: int, seed: int) -> list[float]:
    return [float(score) for score in np.random.default_rng(seed).permutation(right(share, rows))]


def test_identical_strategies_cost_decides(capsys: pytest.CaptureFixture[str]) -> None:
    same = right(0.7, 1000)
    write_outcomes({"dear": same, "cheap": same})
    write_costs(dear=3, cheap=1)
    got = decide(capsys)
    assert (got["choice"], got["confidence"]) == ("cheap", "strong")
    assert got["reasons"][0].startswith("cheap is the cheapest strategy that is probably within 2 points of the best ")


def test_how_often_something_was_trained_elsewhere_is_not_claimed(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"finetuning": right(0.70, 200), "prompting": right(0.69, 200)})
    assert not [told for told in decide(capsys)["caveats"] if "trained" in told]


@pytest.mark.parametrize("seed", range(20))
def test_equal_strategies_never_give_a_strong_verdict_for_the_dearer(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Right on as many rows, but on other ones."""
    write_outcomes({"dear": shuffled(0.7, 100, seed), "cheap": shuffled(0.7, 100, seed + 1000)})
    write_costs(dear=3, cheap=1)
    got = decide(capsys)
    assert got["choice"] == "cheap"
    assert got["confidence"] in ("weak", "too close to call")  # 100 rows cannot tell 2 points


def test_a_dominated_strategy_is_not_taken_though_it_costs_less(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"good": right(0.9, 300), "bad": right(0.6, 300)})
    write_costs(good=3, bad=1)
    got = decide(capsys)
    assert (got["choice"], got["confidence"], got["runner_up"]) == ("good", "strong", "bad")
    assert got["probabilities"]["good"] > 0.99 > 0.01 > got["probabilities"]["bad"]


@pytest.mark.parametrize(("rows", "confidences"), [(50, {"too close to call", "weak"}), (5000, {"moderate", "strong"})])
def test_cheaper_and_one_point_worse_needs_rows(
    rows: int, confidences: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    dear = shuffled(0.8, rows, 1)
    cheap = list(dear)
    swap = np.random.default_rng(2).choice(rows, rows // 5, replace=False)
    for at, other in zip(swap[::2], swap[1::2], strict=False):
        cheap[at], cheap[other] = cheap[other], cheap[at]
    for at in [at for at in range(rows) if cheap[at]][: max(1, rows // 100)]:
        cheap[at] = 0.0
    write_outcomes({"cheap": cheap, "dear": dear})
    write_costs(cheap=1, dear=3)
    got = decide(capsys)
    assert got["choice"] == "cheap"
    assert got["confidence"] in confidences


def test_rows_of_a_group_are_one_piece_of_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    """Thirty conversations of twenty like questions each are thirty pieces of evidence, not six hundred."""
    better, worse = right(22 / 30, 30) * 20, right(18 / 30, 30) * 20
    write_costs(better=3, worse=1)
    write_outcomes({"better": better, "worse": worse})
    assert decide(capsys)["confidence"] == "strong"
    write_outcomes({"better": better, "worse": worse}, groups=[str(at % 30) for at in range(600)])
    assert decide(capsys)["confidence"] != "strong"


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_all_right_or_all_wrong_the_cheapest_is_taken(score: float, capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"a": [score] * 400, "b": [score] * 400, "c": [score] * 400})
    write_costs(a=2, b=1, c=3)
    got = decide(capsys)
    assert (got["choice"], got["confidence"]) == ("b", "strong")


def test_one_example_decides_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"a": [1.0], "b": [1.0]})
    write_costs(a=1, b=2)
    got = decide(capsys)
    assert got["choice"] == "a"
    assert got["confidence"] in ("weak", "too close to call")
    assert "only 1 test row." in got["caveats"][0]


def test_without_costs_the_seconds_count_but_unknown_stays_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    same = right(0.7, 500)
    write(
        "outcomes.csv",
        "strategy,example,score,seconds,tokens_in,tokens_out",
        [("slow", at, score, 2.0, 300, 5) for at, score in enumerate(same)]
        + [("fast", at, score, 0.5, 40, 5) for at, score in enumerate(same)],
    )
    assert main(["decide", "outcomes.csv", "--json"]) == 0
    decision = json.loads(capsys.readouterr().out)
    slow, fast = decision["candidates"]
    assert (slow["tokens_in_mean"], fast["latency_seconds"]["p50"]) == (300, 0.5)
    assert slow["cost"]["per_1000"] == pytest.approx(4 * fast["cost"]["per_1000"])
    assert slow["cost"]["one_off"] is None
    got = decision["recommendation"]
    assert (got["choice"], got["confidence"]) == ("fast", "strong")
    assert "$1.67 without setup over 12 months at 10,000 requests a month" in got["reasons"][-1]
    assert main(["decide", "outcomes.csv", "--max-seconds", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recommendation"]["choice"] == "fast"


def test_the_outcomes_a_run_wrote_can_be_decided_on_again(
    synthetic_trials: Callable[..., tuple[Trial, ...]],
    synthetic_task: Callable[..., Task],
    synthetic_report: Callable[..., Report],
    capsys: pytest.CaptureFixture[str],
) -> None:
    trials = synthetic_trials()
    as_good = tuple(replace(outcome, strategy="tfidf_linear") for outcome in trials[2].outcomes)
    baselines = [replace(trials[2], strategy="tfidf_linear", outcomes=as_good)]
    written = outcomes_csv([*trials, *baselines], synthetic_task().examples)
    Path("outcomes.csv").write_text(written, encoding="utf-8-sig")
    reported = synthetic_report(baselines=baselines)
    write(
        "costs.csv",
        "strategy,one_off,per_1000",
        ((one.id, one.cost.one_off, one.cost.per_1000) for one in judged(reported)),
    )
    got, wanted = decide(capsys), json.loads(REPORT.write(reported))["recommendation"]
    assert wanted["baseline"]["name"] == "tfidf_linear" and wanted["baseline"]["lead"]
    assert set(got) == set(wanted)
    for key in ("choice", "odds", "probabilities", "headline", "changes", "baseline"):
        assert got[key] == wanted[key], key


def test_it_is_told_in_words_and_names_keep_their_capitals(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"GPT with RAG": right(0.9, 200), "finetuning": right(0.5, 200)})
    assert main(["decide", "outcomes.csv"]) == 0
    told = capsys.readouterr().out
    assert "Not measured: Median latency;" in told and "Latency was not measured" in told
    assert "Use GPT with RAG." in told and "Adapter fine-tuning is 40 points behind" in " ".join(told.split())
    assert "costs the least" not in told


def test_many_strategies_stand_below_one_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_outcomes({f"gpt-{number}o_mini": right(0.9 - 0.1 * number, 100) for number in range(6)})
    assert main(["decide", "outcomes.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("  gpt-")] == [
        [f"gpt-{number}o_mini", f".{90 - 10 * number}"] for number in range(6)
    ]


def write_seconds(**seconds: float | str) -> None:
    """Strategies that answer alike and take this long."""
    lines = ((f"q{row}", name, int(row % 5 > 0), each) for name, each in seconds.items() for row in range(200))
    write("outcomes.csv", "example,strategy,score,seconds", lines)


def test_costs_that_are_not_known_of_all_are_not_said_to_be_least(capsys: pytest.CaptureFixture[str]) -> None:
    write_seconds(a=1, b="")
    assert decide(capsys)["reasons"][-1].startswith("Only a has a known full cost ")


def test_where_no_cost_of_getting_ready_is_known_it_turns_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write_seconds(a=2, b=1)
    got = decide(capsys)
    assert got["choice"] == "b"
    assert not [turn for turn in got["turns"] if turn["priority"] == "retrain_days" and turn["choice"]]


def test_a_single_row_foresees_no_number_of_rows(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"a": right(1.0, 1), "b": right(0.0, 1)})
    assert not decide(capsys)["changes"]


def test_a_baseline_that_answered_little_takes_no_rows_from_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"a": right(0.8, 200), "b": right(0.5, 200), "majority_label": [1.0]})
    got = decide(capsys)
    assert (got["choice"], got["confidence"]) == ("a", "strong")


def test_what_a_file_cannot_say_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"a": right(0.0, 300), "b": right(0.0, 300)})
    assert main(["decide", "outcomes.csv", "--json"]) == 0
    decision = json.loads(capsys.readouterr().out)
    assert decision["schema"] == 2 and {one["failed_answers"] for one in decision["candidates"]} == {None}
    caveats = decision["recommendation"]["caveats"]
    assert "No strategy works well yet: the best scores 0 out of 100." in caveats
    for option in ("--reindex-days=30", "--labelled-row=1", "--together"):  # which such a file cannot answer
        with pytest.raises(SystemExit, match="2"):
            main(["decide", "outcomes.csv", option])


def test_names_and_columns_are_read_as_people_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"q{at}", "\x1b[31mred\x07", at % 2, group) for at, group in zip(range(20), ["x", ""] * 10, strict=True)]
    write(
        "outcomes.csv",
        "Example,Strategy,SCORE,Group",
        [*rows, *((f"q{at}", "blue", 0.1 + 0.2, "x") for at in range(20))],
    )
    assert decide(capsys, "--volume", "12,000")["choice"] in ("[31mred", "blue")
    assert main(["decide", "outcomes.csv"]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--volume=ten", "Argument --volume: “ten” isn't a whole number; write it like 10000"),
        ("--volume=1_000", "Argument --volume: “1_000” isn't a whole number; write it like 10000"),
        ("--margin=2%", "Argument --margin: “2%” isn't a number; write it like 2.5"),
    ],
)
def test_options_that_are_no_numbers_are_told(option: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["decide", "outcomes.csv", option])
    assert capsys.readouterr().err.startswith(sentence)


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ("example,strategy\nq1,a\n", "lacks a column called score; it has example, strategy"),
        ("example,strategy,score\nq1,a,87\n", "row 2: the score is 87; it must be from 0 to 1"),
        ("example,strategy,score\nq1,a,\n", "row 2: the score is empty"),
        ("example,strategy,score\nq1,a,good\n", "row 2: score is “good”; it must be a number"),
        ("example,strategy,score\nq1,a,nan\n", "row 2: score is “nan”; it must be a number"),
        ("example,strategy,score\nq1,,1\n", "row 2: the column strategy is empty"),
        ("example,strategy,score\nq1,a,1\nq1,a,0\n", "row 3: a answers example q1 twice"),
        ("example,strategy,score\nq1,a,1\nq2,b,0\n", "no example was answered by all of a, b"),
        ("example,strategy,score,group\nq1,a,1,x\nq1,b,0,y\n", "row 3: example q1 is in two groups"),
        ("example,strategy,score,seconds\nq1,a,1,-3\n", "row 2: seconds is “-3”"),
        ("example,strategy,score\nq1,a,0_1\n", "row 2: score is “0_1”; it must be a number"),
        ("example,strategy,score,tokens_in\nq1,a,1,1.7e308\n", "row 2: tokens_in is “1.7e308”"),
        (f"example,strategy,score\nq1,{'a' * 9000},7\n", "row 2: the score is 7"),
        (f"example,strategy,score\nq1,{'a' * 9000},1\nq1,{'a' * 9000},1\n", f"row 3: {'a' * 60}… answers example q1 "),
        ('example,strategy,score\n"q\n1",a,1\nq 1,a,1\n', "a answers example q 1 twice"),
        ("example,strategy,Score,score\nq1,a,1,0\n", "has the column score twice, in other capitals; rename or delete"),
        ("example,strategy,score\nq1,majority_label,1\n", "has only majority_label, which are baselines"),
        (
            "example,strategy,score\nq1,baselines,1\n",
            "row 2: baselines is a reserved name; rename the strategy",
        ),
        ("", "empty"),
    ],
)
def test_bad_outcomes_are_told_in_a_sentence(outcomes: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("outcomes.csv").write_text(outcomes)
    assert main(["decide", "outcomes.csv", "--json"]) == 2
    told = capsys.readouterr()
    assert sentence in told.err and told.err.count("\n") == 1 and not told.out


def test_examples_that_not_all_answered_are_left_out_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"big": [0.0] * 40 + [1.0] * 160, "small": [1.0] * 40})
    assert main(["decide", "outcomes.csv", "--json"]) == 0
    decision = json.loads(capsys.readouterr().out)
    assert decision["warnings"] == [
        "small answered 40 of 200 examples, so we compare all on only 40: ask it the others too and add their "
        "rows (score 0 if it gives no answer), or leave it out."
    ]
    assert [one["score"]["n"] for one in decision["candidates"]] == [40, 40]
    assert decision["recommendation"]["choice"] == "small"


def test_tokens_are_paid_for_at_the_prices_of_a_hosted_model(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(at, name, 1, 1000, 50) for at in range(20) for name in ("prompting", "finetuning", "ours")]
    write("outcomes.csv", "example,strategy,score,tokens_in,tokens_out", rows)
    write("costs.csv", "strategy,one_off,per_1000", [("ours", 0, 9)])
    hosted = ("--hosted", "Our own", "--read-price", "0.5", "--written-price", "2")

    def costs(*more: str) -> dict[str, float | None]:
        assert main(["decide", "outcomes.csv", "--json", *hosted, *more]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["priorities"]["hosted"] == "Our own"
        return {one["id"]: one["cost"]["per_1000"] for one in told["candidates"]}

    assert costs() == {"prompting": pytest.approx(0.6), "finetuning": None, "ours": pytest.approx(0.6)}
    assert costs("--tuned-factor", "2", "--costs", "costs.csv") == {
        "prompting": pytest.approx(0.6),
        "finetuning": pytest.approx(1.2),
        "ours": 9,
    }


def test_answers_without_tokens_cannot_be_priced_by_the_token(capsys: pytest.CaptureFixture[str]) -> None:
    write("outcomes.csv", "example,strategy,score,tokens_in,tokens_out", [("1", "a", 1, 90, 3), ("2", "a", 1, "", 3)])
    assert main(["decide", "outcomes.csv", "--hosted", "A", "--read-price", "1", "--written-price", "1"]) == 2
    assert "some answers of a have no token counts: fill in tokens_in and tokens_out" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["[red]", "[/b]", "模型 [bold]"])
def test_names_in_brackets_are_shown_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({name: [1.0, 0.0], "b": [1.0, 1.0]})
    assert main(["decide", "outcomes.csv"]) == 0
    assert name in capsys.readouterr().out.split("Score")[0]


def test_probabilities_that_count_costs_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    """The dearer scores ten points more, and is yet not surely near the best."""
    write_outcomes({"a": right(0.7, 400), "b": right(0.8, 400)})

    def heading(*options: str) -> str:
        assert main(["decide", "outcomes.csv", "--costs", "costs.csv", "--json", *options]) == 0
        return next(
            each for each, _ in figures_of(JUDGEMENT.read(capsys.readouterr().out)) if each.startswith("Probability")
        )

    write_costs(a=1, b=3)
    assert heading() == "Probability of being within 2 points of the best strategy"
    assert (
        heading("--wrong-answer", "0.01") == "Probability of being within 2 points of the best strategy, costs counted"
    )
    write_costs(a=1)
    assert heading("--wrong-answer", "0.01") == "Probability of being within 2 points of the best strategy"


def test_a_strategy_with_two_costs_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"a": [1.0, 0.0], "b": [1.0, 1.0]})
    write("costs.csv", "strategy,one_off,per_1000", [("a", 0, 3), ("a", 0, 300)])
    assert main(["decide", "outcomes.csv", "--costs", "costs.csv"]) == 2
    assert "costs.csv, row 3: a has two rows; keep one." in capsys.readouterr().err


def test_a_cost_without_a_strategy_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"a": [1.0, 0.0], "b": [1.0, 1.0]})
    write("costs.csv", "strategy,one_off,per_1000", [("", 0, 3)])
    assert main(["decide", "outcomes.csv", "--costs", "costs.csv"]) == 2
    assert "costs.csv, row 2: the column strategy is empty; every cost needs one." in capsys.readouterr().err


def test_what_needs_no_language_model_may_have_a_cost(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"majority_label": right(0.4, 60), "my\nbot": right(0.9, 60)})
    Path("outcomes.csv").write_text(Path("outcomes.csv").read_text().replace("my\nbot", '"my\n bot"'))
    write("costs.csv", "strategy,one_off,per_1000", [("majority_label", 0, 3), ("my bot", 0, 4)])
    assert main(["decide", "outcomes.csv", "--costs", "costs.csv", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["cost"]["per_1000"] for one in (*told["baselines"], *told["candidates"])] == [3, 4]


def test_a_cost_of_a_strategy_nobody_measured_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write_outcomes({"a": [1.0, 0.0], "b": [1.0, 1.0]})
    write_costs(a=1, c=2)
    assert main(["decide", "outcomes.csv", "--costs", "costs.csv"]) == 2
    assert "costs.csv, row 3: c has no outcomes; choose from a, b." in capsys.readouterr().err
