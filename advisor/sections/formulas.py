"""The longer formulas behind the figures of a report, in words: with their numbers, and the file that holds the values
raw. None where a report has no such figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from advisor.candidates import baselines, judged
from advisor.decision.baseline import FALSE_CLAIMS
from advisor.decision.choice import PROBABLE, SAME_COST, WEAK
from advisor.schema import Comparison, Curve, Lost, Report
from advisor.sections.learning_curve import LEAST_GAIN
from advisor.wording import count_text, margin_text, money_text, probability_text
from eval.label_statistics import IMAGINED_ROWS_A_LABEL, REWEIGHTED, SWAPS
from eval.learning_curve import DRAWS as CURVE_DRAWS
from eval.phases import WRITING
from eval.posterior import DRAWS
from eval.statistics import ADJUSTED_WALD, BOOTSTRAP, MCNEMAR, RESAMPLES, SIGN_FLIPS, STUDENT, WILSON
from eval.task import Kind

_METHODS = {
    WILSON: "Wilson's interval of a share, where scores are 0 or 1 or hardly differ.",
    BOOTSTRAP: f"Bootstrap (BCa) of the mean, {RESAMPLES:,} resamples, where ten scores or more differ.",
    STUDENT: "Student's interval over groups of rows, with fewer degrees of freedom where some are far larger (Kish).",
    ADJUSTED_WALD: "Adjusted Wald interval of paired shares (Agresti and Min), where scores are 0 or 1 or fewer than "
    "ten rows differ.",
    MCNEMAR: "Exact McNemar test, where scores are 0 or 1.",
    SIGN_FLIPS: f"Paired permutation test, with all ways to flip the signs or {RESAMPLES:,} of them.",
    REWEIGHTED: f"The middle 95 % of {DRAWS:,} scores, each with the rows weighted at random (Bayesian bootstrap) and "
    f"imagined rows that weigh {IMAGINED_ROWS_A_LABEL:g} for each label.",
    SWAPS: f"Paired permutation test, with all ways to swap the two answers to a row or {RESAMPLES:,} of them.",
}
ROWS_THAT_WOULD_TELL = "Test rows needed"
_COST_DRAWS = "2,000 draws"


def tested(report: Report) -> str:
    """ "200 test rows"."""
    return count_text(judged(report)[0].score.n, "test row")


def of_a_range(report: Report) -> str:
    return f"{_methods(one.score.method for one in judged(report))} Rows of one group are one piece of evidence."


def of_chances(report: Report) -> str | None:
    if not report.recommendation.probabilities:
        return None
    return f"{_drawn(report)} The chance is the share of these draws in which it is so."


def of_odds(report: Report) -> str | None:
    if not report.recommendation.probabilities:
        return None
    near = f"within {_margin(report)} of the best strategy"
    if report.priorities.wrong_answer:
        near += ", what each costs taken off its score at the price of a wrong answer,"
    return (
        f"How often the choice would hold with other rows. {_drawn(report)} The odds are the share of these draws in "
        f"which the choice is {near} and nothing cheaper, or simpler at about the same cost (up to "
        f"{100 * (SAME_COST - 1):.0f} % more), is."
    )


def _drawn(report: Report) -> str:
    return (
        f"The {tested(report)} are weighted at random {DRAWS:,} times, as if other rows of the same sort had come "
        "(Bayesian bootstrap), and with them an imagined row for each strategy, that it alone gets right."
    )


def of_answers(report: Report, price: str) -> str:
    """`price` is that of a second of the machine."""
    priorities, shown = report.priorities, judged(report)
    if priorities.hosted:
        return (
            "1,000 × the mean tokens read and written (columns tokens_in, tokens_out) × the price of each (plan.json)."
        )
    if priorities.together:
        return f"1,000 × 1 ÷ answers a second, many together (requests_per_second in trial.json) × {price}."
    timed = count_text(shown[0].latency_seconds.n if shown[0].latency_seconds else 0, "answer")
    written = (
        " The time for writing among them (phases in outcomes.jsonl) is scaled to the tokens that all "
        f"{tested(report)} have on average (ratio estimator)."
        if any(WRITING in one.phase_seconds for one in shown)
        else ""
    )
    drawn = f"{_COST_DRAWS} of these answers, and of the tokens of all rows"
    ranged = f" Range: {drawn} (bootstrap)." if shown[0].per_1000_range else ""
    cost = f"1,000 × the mean seconds of {timed} asked for one at a time (column seconds) × {price}."
    return f"{cost}{written}{ranged} A month: × answers a month ÷ 1,000."


def of_getting_ready(report: Report, price: str) -> str:
    labelled = report.priorities.labelled_row
    rows = f" + the rows it learned from × {money_text(labelled, report.priorities.currency)}" if labelled else ""
    return f"The seconds of getting ready (trial.json) × {price}{rows}."


def of_baselines(report: Report) -> str | None:
    if not (low := baselines(report)):
        return None
    scored = f"The mean of the scores of {count_text(low[0].score.n, 'test row')}: outcomes.csv, by column strategy."
    if not report.recommendation.baseline:
        return scored
    return (
        f"{scored} The best baseline is compared with the best strategy as two strategies are (Differences). Its odds: "
        f"the share of {DRAWS:,} draws, as for the chances above, in which the claim holds. To call it as good, "
        "“strong” and “moderate” also ask that each strategy alone is better by more than "
        f"{_margin(report)} in at most {100 * FALSE_CLAIMS:.0f} of 100 draws, divided by the number of baselines."
    )


def of_changes(report: Report) -> str:
    """The rule that is asked again; where a wrong answer has a price, nearness is that of money."""
    return (
        "One priority is moved, the others stay, and the rule is asked again on the same rows and draws, step by step "
        "until another strategy is taken. The rule: of those that are probably near the best (chance "
        f"{probability_text(PROBABLE)}, as in the table) what costs least over the months, the simplest of what costs "
        f"about the same; where its odds are below {probability_text(WEAK)}, the simplest that may be near (chance "
        f"over {probability_text(1 - PROBABLE)})."
    )


def of_caveats(report: Report) -> str | None:
    if not report.recommendation.caveats:
        return None
    shown = judged(report)
    columns = [
        "score",
        "error",
        *(["valid"] if any("valid" in one.parts for one in shown) else []),
        *(["found_gold"] if any(one.hit_rate is not None for one in shown) else []),
    ]
    counted = f"Counted in outcomes.csv: columns {', '.join(columns[:-1])} and {columns[-1]}."
    if any(one.side_effects for one in shown):
        counted += " Scores on rows that it trained on: probes.jsonl; general questions: knowledge in trial.json."
    return f"{counted} What a process said when it failed: log.txt."


def of_pairs(report: Report) -> dict[str, str]:
    """By figure; none for a single strategy."""
    if not report.comparisons:
        return {}
    spread = (
        "the standard deviation of the differences row by row, two imagined rows among them (half a one won, half a "
        "one lost, one level)"
    )
    pair = of_a_pair(report.comparisons)
    found = {
        "Differences": f"The mean of the differences row by row, on the same rows: outcomes.csv. {pair}",
        "Differences that would be shown": f"(1.96 + 0.84) × {spread} ÷ √rows: then 80 of 100 such ranges leave out 0.",
    }
    if tells_of_rows(report):
        found[ROWS_THAT_WOULD_TELL] = f"(1.96 × {spread} ÷ {_margin(report)})², rounded."
    wrong = " and of the scored rows" if report.priorities.wrong_answer else ""
    found["Volume at which two cost the same"] = (
        "Difference of what getting ready and upkeep cost over the months ÷ (months × difference of what an answer "
        f"costs); its range from {_COST_DRAWS} of the timed answers and of the tokens of all rows{wrong}, the same for "
        "both (bootstrap)."
    )
    return found


def of_volume(report: Report) -> str:
    wrong = " + wrong answers × the price of one" if report.priorities.wrong_answer else ""
    months = count_text(report.priorities.months, "month")
    return (
        f"Getting ready + {months} × (getting ready again + answers a month × the cost of one{wrong}), as in the table."
    )


def of_adapters_apart(report: Report) -> str | None:
    timed = next((one.apart_seconds for one in judged(report) if one.apart_seconds), None)
    if timed is None:
        return None
    return (
        f"The middle one of {count_text(timed.n, 'answer')}, some of those timed above, asked for once more with "
        "the adapter computed separately from the weights: apart_seconds in trial.json. Range: as above. "
        "For comparison the middle one of the same answers, merged; that of all timed answers is another."
    )


def of_wrong_answers(report: Report) -> str | None:
    partly = {Kind.EXTRACTION: ": one whose fields do not all match", Kind.ANSWERING: ": one that scores below .5"}
    counted = [one.failures.of for one in judged(report) if one.failures]
    if not counted:
        return None
    copied = (
        " A field counts as copied where 95 of 100 expected values stand in their inputs; capitals, and numbers "
        "written as words, make no difference there."
        if report.task.kind == Kind.EXTRACTION
        else ""
    )
    return (
        f"Each wrong answer among {count_text(counted[0], 'test row')}"
        f"{partly.get(Kind(report.task.kind), '')} counts in the first kind of the table that fits. Its words "
        "are held against the expected answer, your documents and what was looked up: columns answer, expected and "
        f"sources of outcomes.csv, documents in task.json.{copied} No model is asked."
    )


def of_less_tidy_inputs(report: Report) -> str | None:
    every = [each for one in judged(report) for each in one.robustness or ()]
    if not every:
        return None
    asked = [each.n for each in every]
    return (
        "100 × (the score of rows as they are − that of the same rows varied), on those of up to "
        f"{max(asked):,} rows that a variant changes: probes.jsonl of each strategy. A loss is sure where p < .05, all "
        f"{len(every)} comparisons allowed for (Holm); the clearest has the smallest p. {of_a_pair(every)}"
    )


def of_side_effects(report: Report) -> str | None:
    measured = [effects for one in judged(report) if (effects := one.side_effects)]
    gap = next((one.gap for one in measured if one.gap), None)
    known = next((one.knowledge for one in measured if one.knowledge), None)
    found = []
    if gap:
        found.append(
            f"Gap: 100 × (the score of {count_text(gap.seen.n, 'row')} trained on, in probes.jsonl, − that "
            f"of {count_text(gap.new.n, 'test row')}); its range from both ranges (Newcombe)."
        )
    if known:
        refused = " Refusals: answers to them that match a wording of eval/refusals.py." if known.refused else ""
        found.append(
            f"Surprise: e to the power of the mean change, over {count_text(known.texts, 'text')}, of the negative "
            "logarithm of a token's probability; range: Student's. General questions: right answers after − before, of "
            f"{known.questions:,}; range: adjusted Wald. All of it: knowledge in trial.json, first before, then "
            f"after training.{refused}"
        )
    return " ".join(found) or None


def of_curves(report: Report) -> str | None:
    points = [n for one in report.curves or () if isinstance(one, Curve) for each in one.points if (n := each.n)]
    if not points:
        return None
    least = max(report.priorities.margin, LEAST_GAIN)
    return (
        f"A point: the score with all rows + the difference to it on {count_text(max(points), 'test row')} "
        "(outcomes.jsonl in curves/, by strategy and rows), its range by the Bayesian bootstrap, two imagined rows "
        "among the test rows, half of them right, so it can differ a little from the range above. The line: score = a "
        f"− b ÷ rows^c, a at most 1, the mean of {CURVE_DRAWS:,} lines drawn by Bayesian regression through the points "
        "of as many reweightings: eval/learning_curve.py of the program, with what it assumes of luck and usual gains. "
        "Its range holds the middle 80 of 100. A gain: the line there − the line now; it should, may or "
        f"would hardly be had as all of its range, a part or none reaches {margin_text(least)}. A chance of being "
        "ahead: the share of these lines in which it is so."
    )


def of_rules(report: Report) -> str | None:
    if not report.rules:
        return None
    return (
        "What holds of your data is counted in task.json. A rule agrees where its strategy, or the best of its sort "
        "(that looks up, that trains), is near the best with "
        f"{probability_text(PROBABLE)} and nothing simpler is, or is ahead of all others with p < .05; it does not "
        f"where that chance is below {probability_text(1 - PROBABLE)} or it is behind by more than "
        f"{_margin(report)} for sure. One about costs agrees "
        f"where the costs over the months differ by more than {100 * (SAME_COST - 1):.0f} % its way."
    )


def of_the_work(report: Report) -> str:
    """Effort, and the seconds expected and taken."""
    is_foreseen = any(one.estimated_seconds is not None for one in report.candidates)
    expected = (
        "; expected are the tokens to read, write and train on ÷ tokens a second in a timing of this machine before "
        "the run: estimate.json, from the timing in speed.json"
    )
    return (
        "Rows are counted in task.json; settings tried, and on how many rows, in trial.json of each strategy (effort, "
        "choices; a look at how training goes is no setting); sources that held the right document in column "
        "found_gold of outcomes.csv. All its work: seconds by the clock from the start of its process to its end: "
        f"steps.json{expected if is_foreseen else ''}."
    )


def of_a_pair(pairs: Sequence[Comparison | Lost]) -> str:
    ranges, tests = _methods(one.method for one in pairs), _methods(one.test for one in pairs)
    return f"Range: {ranges} p: {tests} All tests are allowed for (Holm)."


def _methods(used: Iterable[str]) -> str:
    """How these figures were found, each way once; an earlier version did not note it."""
    return (
        " Or: ".join(_METHODS[name] for name in dict.fromkeys(used) if name in _METHODS)
        or "Not noted by the version that ran it."
    )


def tells_of_rows(report: Report) -> bool:
    return report.recommendation.rows_needed is not None


def _margin(report: Report) -> str:
    return margin_text(report.priorities.margin)
