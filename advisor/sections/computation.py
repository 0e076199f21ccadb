"""What several sections say about how their figures were computed: intervals, tests and random draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from advisor.candidates import judged
from advisor.schema import Comparison, Lost, Report
from advisor.wording import count_text, margin_text, money_text
from eval.label_statistics import IMAGINED_ROWS_A_LABEL, REWEIGHTED, SWAPS
from eval.posterior import DRAWS
from eval.scoring.labels import OF_LABELS
from eval.statistics import ADJUSTED_WALD, BOOTSTRAP, MCNEMAR, RESAMPLES, SIGN_FLIPS, STUDENT, WILSON

COST_DRAWS = "2,000 bootstrap draws"
_METHODS = {
    WILSON: "Wilson's interval for a share, where scores are 0 or 1 or hardly differ.",
    BOOTSTRAP: f"BCa bootstrap of the mean with {RESAMPLES:,} resamples, where ten scores or more differ.",
    STUDENT: "Student's t interval over groups of rows. Groups of uneven size lower its degrees of freedom (Kish).",
    ADJUSTED_WALD: "Adjusted Wald interval for paired shares (Agresti and Min), where scores are 0 or 1 or fewer than "
    "ten rows differ.",
    MCNEMAR: "Exact McNemar test, where scores are 0 or 1.",
    SIGN_FLIPS: f"Paired permutation test with every sign flip, or {RESAMPLES:,} random ones.",
    REWEIGHTED: f"The middle 95 % of {DRAWS:,} scores with randomly weighted rows (Bayesian bootstrap). Each label "
    f"also gets imagined rows that weigh {IMAGINED_ROWS_A_LABEL:g}.",
    SWAPS: "Paired permutation test that swaps the two answers to a row, in every way or in "
    f"{RESAMPLES:,} random ones.",
}


def tested(report: Report) -> str:
    """ "200 test rows"."""
    return count_text(judged(report)[0].score.n, "test row")


def counts_labels_alike(report: Report) -> bool:
    """Whether the score counts every label alike, so that it is no mean over rows."""
    return report.task.metric in OF_LABELS


def of_intervals(report: Report) -> str:
    return f"{_methods(one.score.method for one in judged(report))} A group of rows counts as one piece of evidence."


def of_pairs(pairs: Sequence[Comparison | Lost]) -> str:
    ranges, tests = _methods(one.method for one in pairs), _methods(one.test for one in pairs)
    return f"95 % CI: {ranges} p: {tests} The p-values are corrected for all pairs (Holm)."


def of_draws(report: Report) -> str:
    """What the chances of a verdict are counted in."""
    drawn = (
        f"The {tested(report)} are weighted at random {DRAWS:,} times (Bayesian bootstrap), as if other such rows had "
        "come. Each strategy also gets an imagined row that only it answers right."
    )
    if not counts_labels_alike(report):
        return drawn
    return (
        f"{drawn} Each label also gets imagined rows that weigh {IMAGINED_ROWS_A_LABEL:g}, since a few rows cannot "
        "show how well a label is found."
    )


def margin_of(report: Report) -> str:
    return margin_text(report.priorities.margin)


def second_price_of(report: Report) -> str:
    """The price of a second of the machine, as a formula."""
    priorities = report.priorities
    return f"{money_text(priorities.machine_per_hour, priorities.currency)} an hour (plan.json) ÷ 3,600"


def _methods(used: Iterable[str]) -> str:
    """How these figures were found, each way once; an earlier version did not note it."""
    return (
        " Or: ".join(_METHODS[name] for name in dict.fromkeys(used) if name in _METHODS)
        or "Not noted by the version that ran it."
    )
