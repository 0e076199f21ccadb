"""Several runs side by side, in words. Runs are called A, B, C, as in the heads of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from string import ascii_uppercase

from advisor import charts
from advisor.candidates import baselines, judged
from advisor.charts.over_time import FEWEST_RUNS
from advisor.report.compared import (
    Compared,
    FinishedRun,
    FlippedRow,
    Obstacle,
    differences,
    differing_settings,
    moved_by_seed,
    scored_otherwise,
    strategies_of,
)
from advisor.schema import Candidate
from advisor.sections.blocks import Block, Cell, Chart, Folded, Head, Row, Table, Text, small
from advisor.sections.run_list import confidence_text
from advisor.wording import (
    count_text,
    in_milliseconds,
    in_sentence,
    interval_text,
    list_text,
    money_text,
    name_of,
    points_text,
    score_text,
    seconds_text,
)
from eval.mapping.steps import shortened
from eval.statistics.inference import Difference

_MOST_SENTENCES = 3
_LONGEST_VALUE = 300  # characters of an instruction
_MISSING = Cell("not measured")


def lead_of(compared: Compared) -> str:
    """The largest differences from the first run that are more than chance."""
    found = [
        (name, letter, one)
        for name in strategies_of(compared)
        for letter, one in zip(ascii_uppercase[1:], differences(compared, name), strict=False)
        if one is not None
    ]
    clear = sorted((each for each in found if not _may_be_chance(each[2])), key=lambda each: -abs(each[2].difference))
    if not found:
        return "These runs have no strategy in common."
    if not any(one.difference for _, _, one in found):
        return "Each strategy scores the same in all these runs."
    if not clear:
        return "Every difference in score between these runs may be chance."
    told = [_sentence(*each) for each in clear[:_MOST_SENTENCES]]
    left = len(clear) - len(told)
    return " ".join([*told, *([f"{count_text(left, 'smaller difference')} also exceeded chance."] if left else [])])


def _sentence(strategy: str, letter: str, one: Difference) -> str:
    way = "higher" if one.difference > 0 else "lower"
    interval = interval_text(one.difference, one.low, one.high)
    return f"{name_of(strategy)} scores {points_text(one.difference)} {way} in {letter} than in A ({interval})."


def _may_be_chance(one: Difference) -> bool:
    return one.low <= 0 <= one.high


def left_out(run: FinishedRun, title: str, reason: Obstacle, than: FinishedRun) -> str:
    """Why the scores of `run` aren't shown next to those of another."""
    match reason:
        case "rows":
            why = "it is on other data, with no test rows in common"
        case "metric":
            why = f"it was scored by {run.report.task.metric} and the others by {than.report.task.metric}"
        case "version of the score":
            why = "another version of Threeways scored its answers; run it again to compare"
    return f"We left out {title}: {why}."


def nothing_to_compare(compared: Compared) -> str:
    """Why no two of these runs can be compared."""
    reasons = {reason for _, reason in compared.left_out}
    if "rows" in reasons:
        names = dict.fromkeys(run.report.task.name for run in (*compared.runs, *(run for run, _ in compared.left_out)))
        named = f" ({list_text(list(names))})" if len(names) > 1 else ""
        return f"These runs are on different data{named} with no test rows in common, so we don't compare their scores."
    if "metric" in reasons:
        return "These runs were scored by different metrics, so we don't compare their scores."
    return (
        "Different versions of Threeways scored the answers of these runs, so we don't compare their scores. Run the "
        "earlier one again with the same settings."
    )


def rows_of(compared: Compared) -> str:
    """On which rows the runs are compared."""
    shared = len(compared.rows)
    if all(run.report.task.test == shared for run in compared.runs):
        return f"All runs answered the same {count_text(shared, 'test row')}."
    least = "" if len(compared.runs) == 2 else "at least "
    return f"Each difference is on the test rows shared with A ({least}{shared:,})."


def blocks_of(compared: Compared) -> tuple[Block, ...]:
    strategies = strategies_of(compared)
    scores = Table(
        _heads(compared.runs),
        (*_facts(compared), *(_scores(compared, name) for name in strategies), *_baselines(compared)),
    )
    reports = tuple(run.report for run in compared.runs)
    over_time = Chart(lead_of(compared), partial(charts.over_time_chart, reports), "The score of each strategy by run.")
    return (
        *([over_time] if len(reports) >= FEWEST_RUNS else []),
        scores,
        Text(f"Scores are {compared.runs[0].report.task.metric}, with 95 % CIs. {rows_of(compared)}", "small"),
        *small(_care(compared)),
        *small(_seeds(compared)),
        *_settings(compared.runs),
        Folded("Latency and cost", (_times(compared, strategies), _costs(compared, strategies))),
    )


def _heads(runs: Sequence[FinishedRun]) -> tuple[Head, ...]:
    return tuple(map(Head, ascii_uppercase[: len(runs)]))


def _settings(runs: Sequence[FinishedRun]) -> tuple[Block, ...]:
    """Only the settings that differ."""
    settings = differing_settings([run.report for run in runs])
    if not settings:
        return (Text("All settings are the same."),)
    rows = (
        Row(one.name, tuple(Cell(shortened(value or "unknown", _LONGEST_VALUE)) for value in one.values))
        for one in settings
    )
    return (Table(_heads(runs), tuple(rows), "Settings that differ"),)


def _facts(compared: Compared) -> tuple[Row, ...]:
    reports = [run.report for run in compared.runs]
    verdicts = [report.recommendation for report in reports]
    return (
        Row("Verdict", tuple(Cell(one.headline, confidence_text(one.confidence)) for one in verdicts)),
        Row("Test rows", tuple(Cell(f"{report.task.test:,}") for report in reports)),
    )


def _of_run(run: FinishedRun, strategy: str) -> Candidate | None:
    return next((one for one in judged(run.report) if one.id == strategy), None)


def _scores(compared: Compared, strategy: str) -> Row:
    first, *others = (_score(_of_run(run, strategy)) for run in compared.runs)
    changes = zip(others, differences(compared, strategy), strict=True)
    return Row(name_of(strategy), (first, *(Cell(one.text, _with_change(one.note, change)) for one, change in changes)))


def _baselines(compared: Compared) -> tuple[Row, ...]:
    """The best baseline of each run."""
    best = [next(iter(baselines(run.report)), None) for run in compared.runs]
    if not any(best):
        return ()
    return (Row("Best baseline", tuple(Cell(_score(one).text, name_of(one.id)) if one else _MISSING for one in best)),)


def _score(one: Candidate | None) -> Cell:
    if one is None:
        return _MISSING
    return Cell(score_text(one.score.mean), f"{score_text(one.score.low)} to {score_text(one.score.high)}")


def _with_change(score_range: str, one: Difference | None) -> str:
    """The range of a score with, on a line of its own, its difference from the first run."""
    if one is None:
        return score_range
    interval = interval_text(one.difference, one.low, one.high)
    if not one.difference:
        return f"{score_range}\nthe same as A ({interval})"
    way, chance = "higher" if one.difference > 0 else "lower", ", may be chance" if _may_be_chance(one) else ""
    return f"{score_range}\n{points_text(one.difference)} {way} than A ({interval}){chance}"


def _care(compared: Compared) -> str:
    """A warning if equal answers have different scores."""
    count = scored_otherwise(compared.runs)
    if not count:
        return ""
    return (
        f"{count_text(count, 'answer')} got another score than the same answer in A, because the score learns from the "
        "data. Read small differences with care."
    )


def _seeds(compared: Compared) -> str:
    """How much of a difference may come from another seed alone."""
    moved = moved_by_seed(compared)
    if not moved:
        return (
            "How far another seed alone would move the scores wasn't measured: run the same data again with another "
            "seed, or with the largest effort."
        )
    told = list_text([f"{in_sentence(name)} by {points_text(by)}" for name, by in moved.items()])
    return f"With nothing changed but the seed, scores moved: {told}."


def _times(compared: Compared, strategies: Sequence[str]) -> Table:
    found = [[_p50(_of_run(run, name)) for run in compared.runs] for name in strategies]
    in_ms = in_milliseconds(*(one for each in found for one in each))
    rows = zip(strategies, found, strict=True)
    return Table(
        _heads(compared.runs),
        tuple(Row(name_of(name), tuple(Cell(seconds_text(one, in_ms)) for one in each)) for name, each in rows),
        "Median latency",
    )


def _p50(one: Candidate | None) -> float | None:
    return one.latency_seconds.p50 if one and one.latency_seconds else None


def _costs(compared: Compared, strategies: Sequence[str]) -> Table:
    def cost(one: Candidate | None) -> Cell:
        return Cell(money_text(one.cost.per_1000, one.cost.currency)) if one else _MISSING

    return Table(
        _heads(compared.runs),
        tuple(Row(name_of(name), tuple(cost(_of_run(run, name)) for run in compared.runs)) for name in strategies),
        "Cost per 1,000 requests",
    )


def flips_sentence(flips: Sequence[FlippedRow], rows: int, strategy: str) -> str:
    if not flips:
        return f"No row flipped: {in_sentence(strategy)} did equally well on each in all runs."
    if any(row.right for row in flips):
        return f"{count_text(len(flips), 'row')} of {rows:,} flipped: right in one run, wrong in another."
    return (
        f"{name_of(strategy)} scores differently on {count_text(len(flips), 'row')} of {rows:,}. The "
        "largest differences come first."
    )


def flip_filters(flips: Sequence[FlippedRow], letters: Mapping[str, str]) -> dict[str, list[FlippedRow]]:
    """The flipped rows by the runs that got them right; of answers without right or wrong, by the run that is best. Of
    three runs or more, only rows on which one run stands alone have a filter: there would be too many."""
    found: dict[str, list[FlippedRow]] = {"All": list(flips)}
    for row in flips:
        if label := _standing_out(row, letters):
            found.setdefault(label, []).append(row)
    return {label: found[label] for label in sorted(found, key=lambda label: (label != "All", label))}


def _standing_out(row: FlippedRow, letters: Mapping[str, str]) -> str | None:
    """What the filter of a row is called; None if it has none."""
    if not row.right:
        best = max(outcome.score for outcome in row.outcomes.values())
        first = [letters[name] for name, outcome in row.outcomes.items() if outcome.score == best]
        return f"Best in {first[0]}" if len(first) == 1 else None
    right = [letters[name] for name, is_right in row.right.items() if is_right]
    wrong = [letters[name] for name, is_right in row.right.items() if not is_right]
    if len(row.right) == 2:
        return f"Right in {right[0]}"
    if len(right) == 1:
        return f"Only {right[0]} is right"
    return f"Only {wrong[0]} is wrong" if len(wrong) == 1 else None
