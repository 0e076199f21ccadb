"""Where each figure of a report comes from: how many values, which formula, and the file that holds them raw."""

from __future__ import annotations

from typing import Any

from advisor.candidates import judged
from advisor.report.changed_documents import computed_of_documents
from advisor.wording import count_text, margin_text, money_text
from eval.phases import PHASES
from eval.posterior import DRAWS
from eval.task import Kind

CHANCE = "Chance of being near the best"
ODDS = "Odds of the verdict"
APART = "With the adapter kept apart"


def computed_of(report: dict[str, Any]) -> list[tuple[str, str]]:
    """(figure, how it was computed) in the order of the table of all figures, then what stands elsewhere; figures of
    the table are called as there."""
    shown = judged(report)
    if not shown:
        return []
    price = f"{money_text(report['priorities']['machine_per_hour'], report['priorities']['currency'])} an hour ÷ 3,600"
    rows = count_text(shown[0]["score"]["n"], "test row")
    timed = count_text(shown[0]["latency_seconds"]["n"], "request")
    together = report["priorities"].get("together")
    seconds = "1 ÷ answers a second in batches" if together else "their mean seconds when asked one at a time"
    if report["priorities"].get("hosted"):
        answer = "the mean tokens read and written × the price of each"
    else:
        answer = f"{seconds} × {price}"
    is_label = report["task"].get("kind") == Kind.CLASSIFICATION.value
    found = [
        ("Score", f"The mean of the scores of {rows}: column score of outcomes.csv."),
        ("95 % range", f"{_range_formula(is_label)} Rows of one group count as one piece of evidence."),
        (CHANCE, f"The share of {DRAWS:,} reweightings of the {rows} (Bayesian bootstrap) in which it is so."),
        (
            "Half of the answers within",
            f"The middle one of {timed} asked one at a time: column seconds. Range: by the binomial number of requests "
            "below the true one.",
        ),
        (
            "The first word within, half of the time",
            f"The middle one of the same {timed}: seconds until the answer was begun, looking up and reading included.",
        ),
        *(
            (f"On average {name}", f"The mean over the same {timed} of the seconds spent so: phases in outcomes.jsonl.")
            for name in PHASES
        ),
        ("95 of 100 answers within", f"The 95th percentile of the same {timed}."),
        (
            "Answers a second, in batches",
            f"{rows.capitalize()} ÷ the seconds that one pass over them took: trial.json.",
        ),
        ("Tokens read an answer", f"The mean over {rows}: column tokens_in."),
        ("Tokens written an answer", f"The mean over {rows}: column tokens_out."),
        ("Answers that failed", "The rows with an entry in column error; they score 0."),
        ("Getting ready", "Seconds by the clock from the first row read to ready, by stage: trial.json."),
        ("Most memory used", "The most that the process of this strategy held at once: trial.json."),
        ("Cost of 1,000 answers", f"1,000 × {answer}."),
        (
            "Cost of getting ready, once",
            f"The seconds of getting ready × {price}{_labelling(report)}.",
        ),
        (
            "Cost of getting ready anew, a month",
            "Getting ready × 30.4 ÷ the days until the task changes + indexing × 30.4 ÷ the days until the documents "
            "change.",
        ),
        ("Wrong answers among 1,000, their cost", "1,000 × (1 − score) × the price of a wrong answer."),
        (
            APART,
            "The middle one of some of the same requests, asked once more with the adapter's products added beside "
            "those of the weights: apart_seconds in trial.json. Beside it the middle one of the same requests, merged.",
        ),
        (ODDS, _odds_formula(report)),
        ("Differences", f"{_difference_formula(is_label)} Both on the same rows of outcomes.csv."),
        (
            "Differences that would be shown",
            "(1.96 + 0.84) × the standard deviation of the differences row by row ÷ √rows: then 80 of 100 such ranges "
            "leave out 0.",
        ),
        (
            "Rows that would tell",
            f"(1.96 × the standard deviation of the differences row by row ÷ {_margin(report)})², rounded.",
        ),
        (
            "What would change this",
            "One priority is moved, the others stay, and the rule is asked again, step by step until another strategy "
            "is taken.",
        ),
        (
            "Volume at which two cost the same",
            "Difference of what getting ready and upkeep cost ÷ difference of what an answer costs; its range from "
            "2,000 draws of the timed requests (bootstrap).",
        ),
    ]
    found = [(heading, how) for heading, how in found if _is_shown(heading, report)]
    return [*found, *computed_of_documents(report).items()]


def how_computed(report: dict[str, Any], heading: str) -> str | None:
    """How the figure under a heading of the table was computed; None where nothing is said of it."""
    if heading.startswith("Chance of being"):
        heading = CHANCE
    return dict(computed_of(report)).get(heading)


def _labelling(report: dict[str, Any]) -> str:
    price = report["priorities"].get("labelled_row")
    return f" + the rows it learned from × {money_text(price, report['priorities']['currency'])}" if price else ""


def _range_formula(is_label: bool) -> str:
    if is_label:
        return "Wilson's interval for a share: right answers among all."
    return "Bootstrap (BCa) of the mean, 4,999 resamples; Wilson's interval where fewer than ten scores differ."


def _difference_formula(is_label: bool) -> str:
    if is_label:
        return "Range: adjusted Wald interval of paired shares (Agresti and Min). p: exact McNemar test."
    return "Range: bootstrap (BCa) of the differences row by row. p: paired permutation test, signs flipped."


def _odds_formula(report: dict[str, Any]) -> str:
    near = f"within {_margin(report)} of the best"
    if report["priorities"].get("wrong_answer"):
        near += ", what each costs taken off its score at the price of a wrong answer,"
    return f"The share of the same {DRAWS:,} reweightings in which the choice is {near} and nothing cheaper is."


def _margin(report: dict[str, Any]) -> str:
    return margin_text(report["priorities"]["margin"])


def _is_shown(heading: str, report: dict[str, Any]) -> bool:
    """Some figures are there only where the person asked for them."""
    if heading.startswith("Wrong answers among"):
        return bool(report["priorities"].get("wrong_answer"))
    if heading.startswith("Cost of getting ready anew"):
        return any((one["cost"].get("upkeep_per_month") or 0) > 0 for one in judged(report))
    if heading.startswith("The first word"):
        return any(one.get("first_word_seconds") for one in judged(report))
    if (name := heading.removeprefix("On average ")) in PHASES:
        return any(name in one.get("phase_seconds", {}) for one in judged(report))
    if heading == APART:
        return any(one.get("apart_seconds") for one in judged(report))
    if heading in (ODDS, CHANCE):
        return "probabilities" in report["recommendation"]
    return True
