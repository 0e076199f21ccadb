"""What a report shows of several labels and of numbers, beside the score: of strategies and baselines alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from advisor.schema import Report
from advisor.sections.figures import figures_of
from advisor.wording import score_text
from eval.outcomes import Trial
from eval.scoring.label_sets import label_averages
from eval.task import Kind

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]


def with_baseline(make: MakeReport, trials: tuple[Trial, ...], kind: Kind) -> Report:
    """A report whose best baseline is as good as its best strategy."""
    *others, best = trials
    return make(kind, trials=others, baselines=(replace(best, strategy="embedding_linear"),))


def test_labels_of_all_rows_are_averaged(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    trials = synthetic_trials(Kind.MULTI_LABEL)
    figures = dict(figures_of(with_baseline(synthetic_report, trials, Kind.MULTI_LABEL)))
    averages = label_averages(trials[-1].outcomes)
    assert figures["Micro-F1"][-1].startswith(f"{score_text(averages.micro.mean)} (")
    assert figures["Macro-F1"][-1].startswith(f"{score_text(averages.macro.mean)} (")
    assert {"Expected labels found", "Given labels that are right", "Exactly right"} <= figures.keys()
    assert "not measured" not in figures["Micro-F1"]


def test_the_error_of_a_number_is_in_its_own_unit(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    trials = synthetic_trials(Kind.NUMBER)
    figures = dict(figures_of(with_baseline(synthetic_report, trials, Kind.NUMBER)))
    errors = [abs(float(one.text) - float(one.expected or "")) for one in trials[-1].outcomes]
    assert float(figures["Mean absolute error"][-1].split()[0]) == float(f"{sum(errors) / len(errors):.1e}")
    assert "Micro-F1" not in figures
    assert "Mean absolute error" not in dict(figures_of(synthetic_report(Kind.CLASSIFICATION)))
