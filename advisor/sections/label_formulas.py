"""How figures are computed where the score counts every label alike and so is no mean over rows, in words."""

from __future__ import annotations

from advisor.schema import Report
from advisor.sections import formulas
from advisor.wording import margin_text
from eval.label_statistics import IMAGINED_ROWS_A_LABEL
from eval.scoring import formula_of

_SPREAD = "the standard deviation of the difference under random weightings of the rows"


def instead(report: Report, found: dict[str, str | None]) -> dict[str, str]:
    """What to say in place of what `found` says of the same figures."""
    rows, metric = formulas.tested(report), report.task.metric
    said = {
        "Score": f"From the expected and the given labels of {rows}: columns expected and answer of outcomes.csv. "
        f"{formula_of(metric)}",
        "Score of each training": f"The {metric} of {rows}, then that of the lines trained_again of probes.jsonl: "
        "trained with the same settings and other seeds. The chances allow for which one would be had.",
        "Cost of the wrong among 1,000 answers": "1,000 × the share of test rows with a wrong label × the price of a "
        "wrong answer.",
        "Without a language model": f"The {metric} of the same rows: outcomes.csv, by column strategy.",
        "Differences": "The first score less the second, on the same rows: outcomes.csv. "
        f"{formulas.of_a_pair(report.comparisons)}",
        "Differences that would be shown": f"(1.96 + 0.84) × {_SPREAD}: then 80 of 100 such ranges leave out 0.",
        formulas.ROWS_THAT_WOULD_TELL: f"Test rows × (1.96 × {_SPREAD} ÷ {margin_text(report.priorities.margin)})"
        "², rounded.",
    }
    weighted = {
        heading: f"{found[heading]} Each label also gets imagined rows that weigh {IMAGINED_ROWS_A_LABEL:g} and turn "
        "out as a row drawn at random did, because a few rows of a label cannot show how well it is found."
        for heading in ("Chance of being near the best", "Odds of the verdict")
    }
    return {heading: how for heading, how in (said | weighted).items() if found.get(heading)}
