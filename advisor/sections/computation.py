"""What several sections say about how their figures were computed: intervals, tests and resamples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from advisor.candidates import judged
from advisor.plan import Priorities
from advisor.schema import Comparison, Lost, Report
from advisor.wording import count_text, margin_text, money_text
from eval.scoring.labels import OF_LABELS
from eval.statistics.inference import ADJUSTED_WALD, BOOTSTRAP, MCNEMAR, RESAMPLES, SIGN_FLIPS, STUDENT, WILSON
from eval.statistics.label_statistics import IMAGINED_ROWS_A_LABEL, REWEIGHTED, SWAPS
from eval.statistics.posterior import DRAWS

COST_RESAMPLES = "2,000 bootstrap resamples"
_METHODS = {
    WILSON: "Wilson's interval for a proportion, where scores are 0 or 1 or hardly differ.",
    BOOTSTRAP: f"BCa bootstrap of the mean with {RESAMPLES:,} resamples, where ten scores or more differ.",
    STUDENT: "Student's t interval over groups of rows. Groups of uneven size lower its degrees of freedom (Kish).",
    ADJUSTED_WALD: "Adjusted Wald interval for paired proportions (Agresti and Min), where scores are 0 or 1 or fewer "
    "than ten rows differ.",
    MCNEMAR: "Exact McNemar test, where scores are 0 or 1.",
    SIGN_FLIPS: f"Paired permutation test with every sign flip, or {RESAMPLES:,} random ones.",
    REWEIGHTED: f"The middle 95 % of {DRAWS:,} scores with randomly weighted rows (Bayesian bootstrap). For each "
    f"label we add artificial rows that weigh {IMAGINED_ROWS_A_LABEL:g}.",
    SWAPS: "Paired permutation test that swaps the two answers to a row, in every way or in "
    f"{RESAMPLES:,} random ones.",
}


def tested(report: Report) -> str:
    """ "200 test rows", or "50 to 200 test rows" if some strategies stopped early."""
    answered = [one.score.n for one in judged(report)]
    most = count_text(max(answered), "test row")
    return most if min(answered) == max(answered) else f"{min(answered):,} to {most}"


def counts_labels_alike(report: Report) -> bool:
    """Whether the score counts every label alike, so that it is no mean over rows."""
    return report.task.metric in OF_LABELS


def of_intervals(report: Report) -> str:
    return f"{_methods(one.score.method for one in judged(report))} A group of rows counts as one piece of evidence."


def of_pairs(pairs: Sequence[Comparison | Lost]) -> str:
    ranges, tests = _methods(one.method for one in pairs), _methods(one.test for one in pairs)
    return f"95 % CI: {ranges} p: {tests} The p-values are corrected for all pairs (Holm)."


def of_resamples(report: Report) -> str:
    """What the probabilities of a verdict are counted in."""
    resampled = (
        f"We give the {tested(report)} random weights {DRAWS:,} times (Bayesian bootstrap), as if you had other rows "
        "like these. For each strategy we add one artificial row that only it answers right."
    )
    if not counts_labels_alike(report):
        return resampled
    return (
        f"{resampled} For each label we also add artificial rows that weigh {IMAGINED_ROWS_A_LABEL:g}, since a few "
        "rows can't show how well a label is found."
    )


def margin_of(report: Report) -> str:
    return margin_text(report.priorities.margin)


def machine_price(priorities: Priorities) -> str:
    """ "$0.10 an hour (our default)", so that nobody takes a price that we assumed for a price that was found out."""
    hour = f"{money_text(priorities.machine_per_hour, priorities.currency)} an hour"
    return f"{hour} (our default)" if priorities.has_default_machine_price else hour


def second_price_of(report: Report) -> str:
    """The price of a second of the machine, as a formula."""
    priorities = report.priorities
    return f"{money_text(priorities.machine_per_hour, priorities.currency)} an hour (plan.json) ÷ 3,600"


def _methods(used: Iterable[str]) -> str:
    """How these figures were found, each way once; an earlier version did not note it."""
    return (
        " Otherwise: ".join(_METHODS[name] for name in dict.fromkeys(used) if name in _METHODS)
        or "Not noted by the version that ran it."
    )
