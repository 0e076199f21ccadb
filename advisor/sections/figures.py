"""Every figure of every strategy in one table, and how each was computed.

What was not measured is said to be so, never left blank and never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from advisor.candidates import baselines, judged, near_best, preferred_baseline
from advisor.decision.baseline import FALSE_CLAIMS
from advisor.schema import ApartSeconds, Candidate, Judgement, Report
from advisor.sections import computation, early_stops, verdict
from advisor.sections.blocks import Block, Cell, Definitions, Folded, Row, Section, Table, of_strategies, small
from advisor.wording import (
    PHASE_NAMES,
    count_text,
    in_milliseconds,
    in_sentence,
    list_text,
    memory_text,
    money_text,
    name_of,
    number_text,
    probability_text,
    score_text,
    seconds_text,
    share_text,
    taken_text,
)
from eval.measuring.phases import PHASES, WRITING
from eval.scoring import formula_of
from eval.statistics.inference import Percentiles
from eval.statistics.posterior import DRAWS as RESAMPLES
from eval.statistics.reweighted import DRAWS as DRAWS_OF_AVERAGES
from eval.statistics.reweighted import Average
from eval.task import Kind
from strategies.registry import TRAINED

NOT_MEASURED = "not measured"
SCORE, COST = "Score", "Cost per 1,000 requests"
MEDIAN, P95 = "Median latency", "95th percentile latency"
PROCESSOR = "Processor time per answer"
BASELINES, FIRST_TOKEN, PROBABILITY = "Baselines", "Median time to first token", "Probability of being"
MICRO, MACRO, ERROR, EXACT = "Micro-F1", "Macro-F1", "Mean absolute error", "Exactly right"
_REWEIGHTED = f"the middle 95 % under {DRAWS_OF_AVERAGES:,} random weightings of the rows (Bayesian bootstrap)."
_TRAININGS = "Score of each training"
_MEANING = (
    "Brackets hold 95 % CIs. Setup is choosing settings, indexing documents and examples, and training. A token is a "
    "word or a part of one."
)

# Of the score, by name: what is shown of them, as a share, and how it was computed.
PARTS = {
    "recall": ("Expected facts stated", "Of each answer: the weight of the expected facts it states ÷ that of all."),
    "distorted": (
        "Expected facts distorted",
        "Of each answer: the weight of what it states instead of expected facts ÷ that of all expected facts.",
    ),
    "invented": (
        "Answers with something invented",
        "An answer counts if it states a number, date or name found nowhere in the task's inputs, expected answers or "
        "documents.",
    ),
    "found": (
        "Expected labels found",
        "Of each row: expected labels that were given ÷ expected labels (1 if none is expected).",
    ),
    "correct": (
        "Given labels that are right",
        "Of each row: given labels that are expected ÷ given labels (1 if none is given).",
    ),
    "within_one": (
        "Within one rating",
        "A row counts if the rating nearest to its answer is the expected one or next to it.",
    ),
    "form": (
        "Similarity to the expected wording (chrF)",
        "Of each answer: chrF of sacrebleu ÷ 100, times the share of required phrases it holds.",
    ),
}

Number = TypeVar("Number", int, float)
Time = tuple[float, tuple[float | None, float | None]]  # seconds, and their 95 % CI


def section(report: Report) -> Section | None:
    if not (shown := judged(report)):
        return None
    how = how_computed(report)
    rows = tuple(Row(heading, tuple(map(Cell, cells)), how=how.get(heading)) for heading, cells in figures_of(report))
    table = Table(of_strategies([one.id for one in columns_of(report)], name_of), rows)
    formulas = Folded(
        "How we computed each metric", (Definitions((("Files", _files(report)), *verdict.hows(report), *how.items())),)
    )
    summary = f"{count_text(len(rows), 'metric')} of {_strategies(len(shown))}, and how we computed each."
    blocks: tuple[Block, ...] = (
        table,
        *small(_MEANING, *early_stops.sentences(report), baselines_of(report) or ""),
        formulas,
    )
    heading = f"All metrics: {count_text(len(rows), 'figure')} of {_strategies(len(shown))}"
    return Section("figures", "All metrics", summary, blocks, heading=heading)


def columns_of(report: Judgement) -> list[Candidate]:
    """Whose figures the table shows: the strategies, best first, then the baseline that the headline prefers."""
    preferred = preferred_baseline(report)
    return [*judged(report), *([preferred] if preferred else [])]


def figures_of(report: Judgement) -> list[tuple[str, list[str]]]:
    """A heading, and its figure for each of `columns_of(report)`, in that order."""
    shown = columns_of(report)
    longest = max((one.fit_seconds or 0.0 for one in shown), default=0.0)
    largest = max((one.peak_memory_bytes or 0 for one in shown), default=0)

    def row(heading: str, tell: Callable[[Candidate], str | None]) -> tuple[str, list[str]]:
        return heading, [tell(one) or NOT_MEASURED for one in shown]

    def if_any(heading: str, tell: Callable[[Candidate], str | None]) -> list[tuple[str, list[str]]]:
        return [row(heading, tell)] if any(map(tell, shown)) else []

    return [
        row(SCORE, lambda one: score_text(one.score.mean)),
        row("95 % CI", lambda one: f"{score_text(one.score.low)} to {score_text(one.score.high)}"),
        *([row(_TRAININGS, _each_training)] if any(one.score_of_each_training for one in shown) else []),
        *_probabilities(report, [one.id for one in shown]),
        *(each for part, (heading, _) in PARTS.items() for each in if_any(heading, partial(_part, part))),
        *if_any(MICRO, lambda one: _average(one.label_averages.micro) if one.label_averages else None),
        *if_any(MACRO, lambda one: _average(one.label_averages.macro) if one.label_averages else None),
        *if_any(ERROR, lambda one: _error(one.error) if one.error else None),
        *if_any(EXACT, lambda one: _exact(report, one)),
        _seconds(MEDIAN, [_median(one.latency_seconds) for one in shown]),
        _seconds(P95, [_p95(one.latency_seconds) for one in shown]),
        *(
            [_seconds(FIRST_TOKEN, [_median(one.first_word_seconds) for one in shown])]
            if any(one.first_word_seconds for one in shown)
            else []
        ),
        *(_phase(name, shown) for name in PHASES if any(one.phase_seconds.get(name) for one in shown)),
        *if_any(PROCESSOR, lambda one: _if_known(seconds_text, one.processor_seconds)),
        row("Throughput (answers per second)", lambda one: _if_known(number_text, one.requests_per_second)),
        row("Prompt tokens per request", lambda one: _if_known(_tokens, one.tokens_in_mean)),
        row("Output tokens per request", lambda one: _if_known(_tokens, one.tokens_out_mean)),
        row("Failed answers", lambda one: _if_known(_count, one.failed_answers)),
        *if_any("Answers cut off", lambda one: _count(one.cut_off) if one.cut_off else None),
        *if_any("Refusals", lambda one: _count(one.refusals.count) if one.refusals else None),
        row("Setup time", lambda one: _if_known(partial(taken_text, longest=longest), one.fit_seconds)),
        row("Peak memory", lambda one: _if_known(partial(memory_text, largest=largest), one.peak_memory_bytes)),
        row(COST, lambda one: _price(one, one.cost.per_1000, one.per_1000_range)),
        row("Setup cost", lambda one: _price(one, one.cost.one_off)),
        *(
            [row("Cost of repeated setup, per month", lambda one: _price(one, one.cost.upkeep_per_month))]
            if any((one.cost.upkeep_per_month or 0) > 0 for one in shown)
            else []
        ),
        *(
            [row("Cost of wrong answers per 1,000 requests", lambda one: _price(one, one.cost.errors_per_1000))]
            if report.priorities.wrong_answer
            else []
        ),
    ]


def how_computed(report: Report) -> dict[str, str]:
    """By the heading of each figure in the table, and of the baselines, how it was computed."""
    rows, shown = computation.tested(report), judged(report)
    timed = count_text(shown[0].latency_seconds.n if shown[0].latency_seconds else 0, "answer")
    found = {
        SCORE: _how_score(report),
        "95 % CI": computation.of_intervals(report),
        _TRAININGS: _how_each_training(report),
        **{
            heading: f"{computation.of_resamples(report)} The probability is the fraction of these resamples in which "
            "this holds."
            for heading, _ in _probabilities(report, [])
        },
        **{
            heading: f"The mean over {rows} of column {part} of outcomes.csv. {how}"
            for part, (heading, how) in PARTS.items()
        },
        MICRO: "2 × TP ÷ (2 × TP + FP + FN), counted over all labels of all test rows: columns expected and answer of "
        f"outcomes.csv. CI: {_REWEIGHTED}",
        MACRO: f"The same for each label that a test row expects, then the mean over labels. CI: {_REWEIGHTED}",
        ERROR: "The mean of |answer − expected| over the test rows whose answer holds a number: columns expected and "
        f"answer of outcomes.csv. CI: {_REWEIGHTED}",
        EXACT: "The fraction of test rows that are right as a whole: all labels and no others, the nearest rating, or "
        "an amount at most 5 % off.",
        MEDIAN: f"The median of {timed} requested one at a time: column seconds. CI: by the binomial number of answers "
        "below the true median.",
        P95: f"The 95th percentile of the same {timed}. With so few answers, its CI often has no upper end.",
        FIRST_TOKEN: f"The median of the same {timed}: column seconds, less the generation time (phases in "
        "outcomes.jsonl).",
        **{_phase_heading(name): f"The mean over the same {timed}: phases in outcomes.jsonl." for name in PHASES},
        PROCESSOR: f"The mean over the same {timed}, all cores together: column processor_seconds of outcomes.csv. "
        "Other programs hardly change it.",
        "Throughput (answers per second)": f"{rows.capitalize()} ÷ the seconds of one batched pass over them: "
        "requests_per_second in trial.json.",
        "Prompt tokens per request": f"The mean over {rows}: column tokens_in. The part that all prompts share counts "
        "each time, though it is read once.",
        "Output tokens per request": f"The mean over {rows}: column tokens_out.",
        "Failed answers": "The rows with an entry in column error. They score 0.",
        "Answers cut off": "The test rows whose answer reached the limit of tokens before its end: column cut_off.",
        "Refusals": "The test rows whose answer matches a list of refusals while the expected answer does not: "
        "column answer of outcomes.csv, eval/failures/refusals.py of the program.",
        "Setup time": "Seconds from reading the first row until the strategy is ready: fit_seconds in trial.json, by "
        "stage in stage_seconds.",
        "Peak memory": "The most RAM that the strategy's process held, without GPU memory: peak_memory_bytes in "
        "trial.json. 1 GB is 1,000,000,000 bytes.",
        COST: _how_cost(report),
        "Setup cost": _how_setup_cost(report),
        "Cost of repeated setup, per month": "Setup cost × 30.4 ÷ the days until the task changes, + the cost of "
        "indexing × 30.4 ÷ the days until the documents change.",
        "Cost of wrong answers per 1,000 requests": _how_wrong_answers_cost(report),
    }
    in_table = {heading: found[heading] for heading, _ in figures_of(report)}
    return in_table | ({BASELINES: _how_baselines(report)} if baselines(report) else {})


def baselines_of(report: Judgement) -> str | None:
    """What baselines score, best first, in a sentence; None for a run that measured none."""
    scored = [f"{in_sentence(one.id)} {score_text(one.score.mean)}" for one in baselines(report)]
    return f"{BASELINES}: {', '.join(scored)}." if scored else None


def _strategies(count: int) -> str:
    return f"{count} strategies" if count > 1 else "1 strategy"


def _files(report: Report) -> str:
    return (
        f"All files are in runs/{report.run_id} of your Threeways folder (by default .threeways in your home folder). "
        "Each strategy has its own folder there. Baselines are in baselines/ and learning curves in curves/."
    )


def _how_score(report: Report) -> str:
    rows, metric = computation.tested(report), report.task.metric
    if computation.counts_labels_alike(report):
        return (
            f"From the expected and the given labels of {rows}: columns expected and answer of outcomes.csv. "
            f"{formula_of(metric)}"
        )
    return f"The mean score of {rows}: column score of outcomes.csv. Each row: {formula_of(metric)}"


def _how_each_training(report: Report) -> str:
    rows = computation.tested(report)
    score = f"The {report.task.metric} of" if computation.counts_labels_alike(report) else "The mean score of"
    return (
        f"{score} {rows}, then of the lines trained_again of probes.jsonl: same settings, other seeds. The "
        "probabilities allow for how much one training differs from another."
    )


def _how_cost(report: Report) -> str:
    priorities, shown = report.priorities, judged(report)
    if priorities.hosted:
        return (
            "1,000 × the mean tokens read and written (columns tokens_in and tokens_out) × the price of each "
            "(plan.json)."
        )
    if by_token := [one for one in shown if one.by_token]:
        names = list_text([in_sentence(one.id) for one in by_token])
        of_tokens = (
            f"For {names}: 1,000 × the mean tokens read and written (columns tokens_in and tokens_out) × the price of "
            "each (plan.json)."
        )
        others = [one for one in shown if not one.by_token]
        return f"{of_tokens} Otherwise: {_how_seconds(report, others)}" if others else of_tokens
    return _how_seconds(report, shown)


def _how_seconds(report: Report, shown: Sequence[Candidate]) -> str:
    """How the cost of machine time was computed for these."""
    price = computation.second_price_of(report)
    if report.priorities.together:
        return f"1,000 ÷ throughput (requests_per_second in trial.json) × {price}."
    timed = count_text(shown[0].latency_seconds.n if shown[0].latency_seconds else 0, "answer")
    alike = [one for one in shown if one.timed_alike]
    sentences = [
        f"1,000 × the mean seconds of {timed} requested one at a time (column {_cost_column(shown)}) × {price}."
    ]
    if alike:
        names = list_text([in_sentence(one.id) for one in alike])
        sentences.append(f"A request is the same work for {names}, so their timed answers count together.")
    if any(WRITING in one.phase_seconds for one in shown):
        sentences.append(
            f"The generation time is scaled to the mean output tokens of all {computation.tested(report)} (ratio "
            "estimator)."
        )
    if shown[0].per_1000_range:
        sentences.append(f"CI: {computation.COST_RESAMPLES} of these answers and of the tokens of all rows.")
    return " ".join(sentences)


def _cost_column(shown: Sequence[Candidate]) -> str:
    if all(one.processor_seconds is None for one in shown):
        return "seconds"
    return "undisturbed_seconds, which leaves out what other programs took of the processor"


def _how_setup_cost(report: Report) -> str:
    price, labelled = computation.second_price_of(report), report.priorities.labelled_row
    rows = f" + training rows × {money_text(labelled, report.priorities.currency)}" if labelled else ""
    seconds = f"The seconds of setup (trial.json) × {price}{rows}."
    shown = judged(report)
    if not (by_token := [one for one in shown if one.by_token]):
        return seconds
    names, training = list_text([in_sentence(one.id) for one in by_token]), ""
    if any(one.trained is not None for one in report.served):
        training = ", and the tokens of training × their price"
    of_tokens = (
        f"For {names}: the tokens that setup took (fit_tokens in trial.json) × the price of each{training}{rows}."
    )
    return of_tokens if len(by_token) == len(shown) else f"{of_tokens} Otherwise: {seconds}"


def _how_wrong_answers_cost(report: Report) -> str:
    if computation.counts_labels_alike(report):
        return "1,000 × the fraction of test rows with a wrong label × the price of a wrong answer."
    return "1,000 × (1 − score) × the price of a wrong answer."


def _how_baselines(report: Report) -> str:
    rows = count_text(baselines(report)[0].score.n, "test row")
    scored = f"The mean score of {rows}: outcomes.csv, by column strategy."
    if computation.counts_labels_alike(report):
        scored = f"The {report.task.metric} of {rows}: outcomes.csv, by column strategy."
    if not report.recommendation.baseline:
        return scored
    return (
        f"{scored} We compare the best baseline with the best strategy as under “Differences between strategies”. The "
        f"probability is the fraction of {RESAMPLES:,} resamples in which the claim holds. For “You don't need a "
        f"language model”, each strategy may be more than {computation.margin_of(report)} better in at most "
        f"{100 * FALSE_CLAIMS:.0f} % of resamples, divided by the number of baselines."
    )


def _probabilities(report: Judgement, names: list[str]) -> list[tuple[str, list[str]]]:
    """How probable it is that each is near the best."""
    found = report.recommendation.probabilities
    if len(found) < 2:
        return []  # nothing to compare
    strategies = {one.id for one in judged(report)}
    told = [
        probability_text(found[one]) if one in found else "beyond a limit" if one in strategies else "–"
        for one in names
    ]
    return [(f"{PROBABILITY} {near_best(report)}", told)]


def _each_training(one: Candidate) -> str | None:
    """A dash for what is never trained."""
    scores = ", ".join(map(score_text, one.score_of_each_training or ()))
    return scores if one.strategy in TRAINED else scores or "–"


def _average(one: Average) -> str:
    return f"{score_text(one.mean)} ({score_text(one.low)} to {score_text(one.high)})"


def _error(one: Average) -> str:
    return f"{number_text(one.mean)} ({number_text(one.low)} to {number_text(one.high)})"


def _exact(report: Judgement, one: Candidate) -> str | None:
    kind = report.task.kind if isinstance(report, Report) else None
    return share_text(one.parts["exact"]) if kind in (Kind.MULTI_LABEL, Kind.NUMBER) and "exact" in one.parts else None


def _part(part: str, one: Candidate) -> str | None:
    return share_text(one.parts[part]) if part in one.parts else None


def _if_known(tell: Callable[[Number], str], value: Number | None) -> str | None:
    return None if value is None else tell(value)


def _count(count: int) -> str:
    return f"{count:,}"


def _phase(name: str, shown: Sequence[Candidate]) -> tuple[str, list[str]]:
    """A dash for what a strategy does not do."""
    in_ms = in_milliseconds(*(one.phase_seconds.get(name) for one in shown))

    def cell(seconds: dict[str, float]) -> str:
        return NOT_MEASURED if not seconds else seconds_text(seconds[name], in_ms) if name in seconds else "–"

    return _phase_heading(name), [cell(one.phase_seconds) for one in shown]


def _phase_heading(name: str) -> str:
    return f"Mean {PHASE_NAMES[name]} time"


def _seconds(heading: str, times: Sequence[Time | None]) -> tuple[str, list[str]]:
    """A row of times in one unit."""
    in_ms = in_milliseconds(*(time[0] for time in times if time))
    return heading, [ranged(*time, in_ms) if time else NOT_MEASURED for time in times]


def _median(timed: Percentiles | ApartSeconds | None) -> Time | None:
    return (timed.p50, timed.p50_range) if timed else None


def _p95(timed: Percentiles | None) -> Time | None:
    return (timed.p95, timed.p95_range) if timed else None


def ranged(seconds: float, ends: tuple[float | None, float | None], in_ms: bool | None = None) -> str:
    """Seconds with the CI of the percentile, in one unit; a run of an earlier version has none."""
    in_ms = in_milliseconds(seconds) if in_ms is None else in_ms
    told = seconds_text(seconds, in_ms)
    low, high = (None if end is None else seconds_text(end, in_ms).split()[0] for end in ends)
    if low is None:
        return told
    return f"{told} ({low} to {high})" if high is not None else f"{told} ({low} or more)"


def _price(one: Candidate, price: float | None, ends: tuple[float, float] | None = None) -> str:
    """With its CI, if there is one."""
    currency = one.cost.currency
    told = money_text(price, currency)
    return f"{told} ({' to '.join(money_text(end, currency) for end in ends)})" if ends else told


def _tokens(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= 10 else f"{mean:.1f}"
