"""Learning curves: what the run measured with fewer rows, and what more rows would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from advisor.decision.choice import PROBABLE
from advisor.measurement import is_judged, of_whole_race, paired_scores
from advisor.pairing import strategy_of
from advisor.schema import Ahead, Curve, CurvePoint, NoCurve, Report
from advisor.wording import in_sentence, margin_text, name_of, number_text, points_text, probability_text
from eval.outcomes import Trial
from eval.scoring.labels import LabelAnswers
from eval.statistics.inference import Interval
from eval.statistics.learning_curve import (
    FEWEST_POINTS,
    MOST_TIMES,
    LearningCurve,
    Range,
    fit_curves,
    probability_ahead,
    range_of,
)
from eval.statistics.scored import Scored
from strategies.registry import LEARNS_FROM_NO_ROWS, TRAINED

_STEPS = 30  # of a line, each more rows by the same factor
_LOOKS = 25  # from the rows there are to the most, for the first at which a strategy is ahead


def curves_from(
    trials: Sequence[Trial], fewer: Mapping[str, Mapping[int, Trial]], train_rows: int
) -> tuple[Curve | NoCurve, ...]:
    """For each judged strategy its points (95 % ranges; `n` test rows answered, None for all), its line (80 % ranges),
    what it gains from the most rows, and from how many on it is ahead of which other. `fewer` holds, by strategy and by
    rows learned from, the trials beside `trials`, which learned from all. Empty where there are none."""
    whole = [trial for trial in trials if is_judged(trial)]
    if not any(fewer.get(trial.strategy) for trial in whole):
        return ()
    paired = paired_scores(of_whole_race(whole))
    of_all = next(iter(paired.scores.values()))
    sizes = {
        trial.strategy: {
            rows: _scores(one, paired.rows, of_all)
            for rows, one in {**fewer.get(trial.strategy, {}), train_rows: trial}.items()
            if is_judged(one)
        }
        for trial in whole
    }
    enough = {
        name: each
        for name, each in sizes.items()
        if strategy_of(name) in LEARNS_FROM_NO_ROWS or len(each) >= FEWEST_POINTS
    }
    curves = fit_curves(enough, paired.groups) if enough else {}
    fewest = min(min(each) for each in sizes.values())
    return tuple(_curve(name, curves, fewer.get(name, {}), fewest, train_rows) for name in sizes)


def _scores(trial: Trial, rows: Sequence[str], whole: Scored) -> Scored:
    """Not-a-number, or no label, where a row was not answered; `whole` is what another did on all rows."""
    outcomes = {outcome.example_id: outcome for outcome in trial.outcomes}
    if not isinstance(whole, LabelAnswers):
        return np.array([outcomes[row].score if row in outcomes else np.nan for row in rows])
    labels = LabelAnswers.of_outcomes(whole.metric, list(outcomes.values()))
    given = dict(zip(outcomes, labels.given, strict=True))
    return LabelAnswers(whole.metric, whole.expected, tuple(map(given.get, rows)))


def _curve(
    name: str, curves: Mapping[str, LearningCurve], fewer: Mapping[int, Trial], fewest: int, train_rows: int
) -> Curve | NoCurve:
    failed = next((trial for trial in fewer.values() if not is_judged(trial)), None)
    reason = failed.reason if failed else None
    if name not in curves:
        return NoCurve(name, strategy_of(name), reason or "it was not measured.")
    curve, most = curves[name], MOST_TIMES * train_rows
    start = max(fewest, curve.fewest)
    steps = {round(rows) for rows in np.geomspace(start, most, _STEPS)} | {train_rows, 2 * train_rows}
    return Curve(
        id=name,
        strategy=strategy_of(name),
        points=tuple(
            _point(rows, point, len(fewer[rows].outcomes) if rows in fewer else None)
            for rows, point in curve.points.items()
        ),
        line=tuple(_point(rows, range_of(curve.at(rows))) for rows in sorted(steps)),
        gain=_point(most, range_of(curve.gain_at(most))),
        ahead=tuple(_ahead(curve, other, of, train_rows) for of, other in curves.items() if of != name),
        reason=reason,
    )


def _point(rows: int, found: Range | Interval, n: int | None = None) -> CurvePoint:
    return CurvePoint(rows, found.mean, found.low, found.high, n)


def _ahead(one: LearningCurve, other: LearningCurve, of: str, train_rows: int) -> Ahead:
    """The fewest rows with which one is probably ahead of the other, None where it never is; and `by` how much it
    probably is at least, with so many rows."""
    looks = [round(rows) for rows in np.geomspace(train_rows, MOST_TIMES * train_rows, _LOOKS)]
    found = [probability_ahead(one, other, rows) for rows in looks]
    first = next((rows for rows, probability in zip(looks, found, strict=True) if probability >= PROBABLE), None)
    by = tuple((rows, float(np.quantile(one.at(rows) - other.at(rows), 1 - PROBABLE))) for rows in looks)
    return Ahead(of, found[0], found[-1], first, by)


def turning_sentences(report: Report) -> list[str]:
    """With how many more training rows another strategy would probably be ahead of the choice by more than the margin,
    so that it would be chosen whatever it costs. A run of an earlier version says nothing of that."""
    margin, sentences = report.priorities.margin, []
    more = f"more than {margin_text(margin)} " if margin else ""
    for name, each in met(report):
        rows = next((rows for rows, by in each.by if by > margin), None)
        if rows is not None and rows > report.task.train:
            sentences.append(
                f"With about {number_text(rows - report.task.train)} more training rows, {in_sentence(name)} would "
                f"probably be {more}ahead of {in_sentence(each.of)} ({probability_text(PROBABLE)} probability)."
            )
    return sentences


def training_caveats(report: Report) -> list[str]:
    """The caveat where a strategy that trains scored less than its curve says. A run of an earlier version has no
    curves."""
    return [
        f"{name_of(one.id)} scored {points_text(by)} less with all rows than its learning curve predicts, so its "
        "training may have gone badly. Run again with another seed."
        for one in drawn(report)
        if one.strategy in TRAINED and (by := off_by(one, report)) < 0
    ]


def drawn(report: Report) -> list[Curve]:
    return [one for one in report.curves or () if isinstance(one, Curve)]


def undrawn(report: Report) -> list[NoCurve]:
    return [one for one in report.curves or () if isinstance(one, NoCurve)]


def met(report: Report) -> list[tuple[str, Ahead]]:
    """The strategies beside the one taken, and when they would be ahead of it."""
    choice = report.recommendation.choice
    return [(one.id, each) for one in drawn(report) for each in one.ahead if each.of == choice]


def off_by(one: Curve, report: Report) -> float:
    """How much more was measured with all rows than the curve says, where it passes outside of that range; else 0."""
    measured, said = (at_all_rows(points, report) for points in (one.points, one.line))
    return 0.0 if measured.low <= said.mean <= measured.high else float(measured.mean - said.mean)


def at_all_rows(points: Sequence[CurvePoint], report: Report) -> CurvePoint:
    """With all rows."""
    return next(each for each in points if each.rows == report.task.train)
