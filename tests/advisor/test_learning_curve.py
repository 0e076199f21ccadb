"""Learning curves of a run: measured in a step of their own, taken up where they stopped, and told in every form."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from advisor import charts
from advisor.estimate import estimate_seconds
from advisor.palette import LIGHT
from advisor.plan import BASELINES_STEP, CURVES_STEP, Plan, Priorities, Setup
from advisor.report.build import under_priorities
from advisor.report.learned import turning_sentences
from advisor.runs.experiment import run_experiment
from advisor.schema import Curve, Report
from advisor.sections.blocks import Chart
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import curve_folder, read_curves, read_trial, write_trial
from advisor.wording import score_text
from eval.outcomes import EarlyStop, Trial
from eval.task import Kind
from strategies.presets import PRESETS
from strategies.registry import baselines_for
from tests.reports import candidate_of, changed, heads_of, rows_of, section_names, section_of, sentences_of
from tests.tiny_strategies import PRACTISED, SHORT, SPEED, STALLED, STALLED_ROWS, STEADY, tiny_task

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., Sequence[Trial]]
TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def add_run(
    store: Store, train: int = 96, preset: str = "standard", strategies: tuple[str, ...] = ("retrieval", "finetuning")
) -> str:
    """A run whose baselines are done: they would load models."""
    dataset = store.add_dataset("tickets.csv", TABLE)
    plan = Plan(dataset.id, Setup("message", "label"), preset=preset, strategies=strategies)
    run_id = store.add_run(plan, task_to_json(*tiny_task(train, 100))).id
    for baseline in baselines_for(Kind.CLASSIFICATION, has_documents=False):
        folder = store.run_folder(run_id) / BASELINES_STEP / baseline
        folder.mkdir(parents=True)
        write_trial(folder, Trial(baseline, "excluded", "Not in this test."))
    return run_id


def run(store: Store, run_id: str, build_strategy: str) -> list[StoredStep]:
    told: list[StoredStep] = []
    run_experiment(store, run_id, told.append, lambda: store.cancel_requested(run_id), build_strategy)
    return told


def answer_of(report: Report) -> str:
    return section_of(report, "learning-curve").summary


def missed_by(report: Report) -> list[str]:
    return sentences_of(section_of(report, "not-measured"))


def said_by(report: Report) -> list[str]:
    return sentences_of(section_of(report, "learning-curve"))


def curve(report: Report | None, name: str) -> Curve:
    assert report is not None
    return next(one for one in report.curves or () if isinstance(one, Curve) and one.id == name)


def test_each_strategy_learns_anew_from_fewer_rows_and_answers_some_test_rows(store: Store) -> None:
    run_id = add_run(store)
    told = run(store, run_id, PRACTISED)
    assert store.run(run_id).state == "done"
    assert [step.strategy for step in store.steps(run_id)] == [BASELINES_STEP, "retrieval", "finetuning", CURVES_STEP]
    assert "Adapter fine-tuning on 24 rows: practising" in {step.stage for step in told}
    folder = store.run_folder(run_id)
    trials = read_curves(folder)
    assert {name: sorted(sizes) for name, sizes in trials.items()} == {
        "retrieval": [12, 24, 48],
        "finetuning": [12, 24, 48],
    }
    assert trials["finetuning"][24].settings == {"rows": 24}
    assert all(outcome.seconds is None for outcome in trials["finetuning"][24].outcomes)
    assert not (curve_folder(folder, "finetuning", 24) / "fitted").exists()
    report = store.report(run_id)
    growing, still = curve(report, "finetuning"), curve(report, "retrieval")
    assert [point.rows for point in growing.points] == [12, 24, 48, 96]
    assert growing.points[0].mean < growing.points[1].mean < growing.points[3].mean
    assert growing.gain.low > 0.02 > still.gain.high
    assert (growing.line[0].rows, growing.line[-1].rows) == (12, 384)
    assert report is not None and candidate_of(report, "finetuning").score.mean == growing.points[3].mean


def test_curves_that_stopped_go_on_where_they_were_and_the_verdict_stands(store: Store) -> None:
    run_id = add_run(store, strategies=("finetuning",))

    def is_computing(step: StoredStep) -> bool:
        return f"{STALLED_ROWS} rows: computing" in step.stage

    def interrupt(step: StoredStep) -> None:
        if is_computing(step):
            raise KeyboardInterrupt

    def cancel(step: StoredStep) -> None:
        if is_computing(step):
            store.cancel(run_id)

    with pytest.raises(KeyboardInterrupt):
        run_experiment(store, run_id, interrupt, lambda: False, STALLED)
    assert store.run(run_id).state == "interrupted"
    report = store.report(run_id)
    assert report is not None and report.recommendation.choice == "finetuning"
    assert "Learning curve: the run ended before this part." in missed_by(report)
    kept = curve_folder(store.run_folder(run_id), "finetuning", 12) / "manifest.json"
    written_at = kept.stat().st_mtime_ns
    assert read_trial(curve_folder(store.run_folder(run_id), "finetuning", STALLED_ROWS)) is None

    run_experiment(store, run_id, cancel, lambda: store.cancel_requested(run_id), STALLED)
    assert store.run(run_id).state == "cancelled" and store.report(run_id) is not None
    store.retry_step(run_id, CURVES_STEP)
    run(store, run_id, PRACTISED)
    assert store.run(run_id).state == "done" and kept.stat().st_mtime_ns == written_at
    assert len(curve(store.report(run_id), "finetuning").points) == 4


def test_a_point_that_fails_leaves_the_report_and_the_other_points(store: Store) -> None:
    run_id = add_run(store, strategies=("finetuning",))
    run(store, run_id, SHORT)
    (*others, last) = store.steps(run_id)
    assert store.run(run_id).state == "done" and [step.state for step in others[1:]] == ["done"]
    assert last.state == "failed" and (last.reason or "").startswith(
        "Adapter fine-tuning: It stopped with an error during"
    )
    report = store.report(run_id)
    assert report is not None and report.recommendation.choice == "finetuning"
    assert [point.rows for point in curve(report, "finetuning").points] == [24, 48, 96]
    store.retry_step(run_id, CURVES_STEP)
    run(store, run_id, PRACTISED)
    assert len(curve(store.report(run_id), "finetuning").points) == 4


def test_too_few_rows_give_no_curve_and_a_quick_run_has_no_such_step(store: Store) -> None:
    run_id = add_run(store, train=20, strategies=("finetuning",))
    run(store, run_id, STEADY)
    assert (store.run(run_id).state, store.steps(run_id)[-1].state) == ("done", "excluded")
    report = store.report(run_id)
    assert report is not None and report.curves == ()
    assert "Learning curve: there are too few training rows." in missed_by(report)
    assert CURVES_STEP not in Plan("", Setup("a", "b")).steps
    assert Plan("", Setup("a", "b"), preset="thorough").steps[-1] == CURVES_STEP


def test_curves_are_foreseen_and_cost_less_than_the_run() -> None:
    task, split = tiny_task(96, 100)
    steps = (BASELINES_STEP, "prompting", "retrieval", "finetuning", CURVES_STEP, "retrieval_finetuning")
    seconds = estimate_seconds(task, split, PRESETS["standard"], steps, SPEED)
    compared = sum(seconds[step] for step in steps[1:4])
    assert 3 * SPEED.load_seconds < seconds[CURVES_STEP] < compared
    without = estimate_seconds(task, split, PRESETS["standard"], (BASELINES_STEP, "prompting", CURVES_STEP), SPEED)
    assert without[CURVES_STEP] < 10  # prompting has no curve


def test_settings_that_are_settled_are_kept_and_training_is_scaled() -> None:
    budget = (
        PRESETS["standard"]
        .for_fewer(Kind.CLASSIFICATION, 1 / 4, {"examples": 8, "draw": 1})
        .budget(Kind.CLASSIFICATION)
    )
    assert budget.left_to_try(((4, 0), (8, 0)), "examples", "draw") == [(8, 1)]
    assert budget.left_to_try(((1, 8), (3, 4)), "passages", "examples") == ((1, 8), (3, 4))
    whole = PRESETS["standard"].budget(Kind.CLASSIFICATION)
    assert (budget.training_tokens, budget.latency_rows) == (whole.training_tokens // 4, 0)
    assert (budget.epochs, budget.trials) == (whole.epochs, whole.trials)


def with_curves(
    synthetic_report: MakeReport,
    synthetic_trials: Callable[..., Sequence[Trial]],
    growth: tuple[float, ...] = (0.3, 0.55, 0.8),
    **overrides: object,
) -> Report:
    """A report whose fine-tuning is right on these shares of what it is right on with all rows; retrieval never
    changes."""
    trials = {trial.strategy: trial for trial in synthetic_trials(n=400)}
    sizes = (75, 150, 300)

    def less(trial: Trial, share: float) -> Trial:
        chance = random.Random(7)
        return replace(
            trial,
            outcomes=tuple(
                replace(outcome, score=outcome.score if chance.random() < share else 0.0)
                for outcome in trial.outcomes[:200]
            ),
        )

    fewer = {
        "retrieval": {size: less(trials["retrieval"], 1.0) for size in sizes},
        "finetuning": {size: less(trials["finetuning"], share) for size, share in zip(sizes, growth, strict=True)},
    }
    return synthetic_report(n=400, fewer=fewer, preset="standard", **overrides)


def test_whether_more_rows_would_help_is_answered(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    report = with_curves(synthetic_report, synthetic_trials)
    section, said = section_of(report, "learning-curve"), said_by(report)
    assert section.summary == "More data would help adapter fine-tuning."
    assert "Prompting uses none of your training rows, so more of them change nothing." in said
    assert any(sentence.startswith("Retrieval would hardly gain") for sentence in said)
    assert any("nothing else reaches 80 % probability of being ahead" in sentence for sentence in said)
    assert heads_of(section) == [
        "75 rows", "150 rows", "300 rows", "600 rows", "1,200, extrapolated", "2,400, extrapolated",
    ]  # fmt: skip
    shown = curve(report, "finetuning")
    extrapolated = [point for point in shown.line if point.rows in (1200, 2400)]
    assert rows_of(section)["Adapter fine-tuning"] == [
        f"{score_text(point.mean)} ({score_text(point.low)} to {score_text(point.high)})"
        for point in (*shown.points, *extrapolated)
    ]
    assert rows_of(section)["Prompting"][:3] == ["–"] * 3 and isinstance(section.blocks[0], Chart)
    drawn = charts.curve_chart(report, LIGHT)
    assert drawn is not None
    spec = drawn.to_dict(validate=True)
    assert '"type": "log"' in str(spec).replace("'", '"')
    lines = [layer for layer in spec["layer"] if layer["mark"]["type"] in ("line", "area")]
    assert len(lines) == 5 and all(layer["encoding"]["detail"]["field"] == "strategy" for layer in lines)
    assert turning_sentences(report) == []


def test_it_is_told_how_many_test_rows_the_points_come_from(
    synthetic_report: MakeReport, synthetic_trials: Callable[..., Sequence[Trial]]
) -> None:
    def told(report: Report) -> str:
        return " ".join(sentences_of(section_of(report, "learning-curve")))

    assert "each answered 200 of the 400 test rows; with all rows, all of them." in told(
        with_curves(synthetic_report, synthetic_trials)
    )
    first, *others = synthetic_trials(n=400)
    stopped = replace(first, outcomes=first.outcomes[:100], stopped=EarlyStop("behind", 0.001))
    report = with_curves(synthetic_report, synthetic_trials, trials=(stopped, *others))
    assert "each answered 200 of the 400 test rows; with all rows, 100 to 400 test rows." in told(report)


@pytest.mark.parametrize(("high", "said"), [(0.0161, "to 1.6)"), (0.0199, "to 1.9)"), (0.012, "to 1)")])
def test_a_gain_that_is_too_small_is_not_told_as_one_that_would_do(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials, high: float, said: str
) -> None:
    report = with_curves(synthetic_report, synthetic_trials)
    at = [one.id for one in report.curves or ()].index("retrieval")
    report = changed(report, curves={at: {"gain": {"low": 0.001, "mean": 0.007, "high": high}}})
    (told,) = (one for one in said_by(report) if one.startswith("Retrieval would hardly gain"))
    assert f"0.7 points (80 % range 0.1 {said}" in told


def test_a_strategy_that_would_pass_the_chosen_one_would_change_the_verdict(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    _, retrieval, dear = synthetic_trials(n=400)
    weak = (
        replace(one, strategy="finetuning", score=one.score * (at % 24 > 0))
        for at, one in enumerate(retrieval.outcomes)
    )
    trials = [retrieval, replace(dear, outcomes=tuple(weak))]
    report = with_curves(
        synthetic_report, lambda n: trials, growth=(0.3, 0.6, 0.82), trials=trials, priorities=Priorities(margin=0.005)
    )
    assert report.recommendation.choice == "retrieval"
    assert "adapter fine-tuning would probably be ahead of retrieval (80 % probability, " in " ".join(said_by(report))
    (sentence,) = turning_sentences(report)
    assert "0.5 points" in sentence and "80 % probability" in sentence
    assert sentence in report.recommendation.changes
    _, split = tiny_task()
    seldom = under_priorities(report, Priorities(monthly_volume=1, margin=0.005), trials, [], split)
    assert sentence in seldom.recommendation.changes
    for margin, is_told in ((0.0, True), (0.02, False)):  # so far it will not get
        other = under_priorities(report, Priorities(margin=margin), trials, [], split)
        assert bool(turning_sentences(other)) == is_told


def test_a_curve_that_misses_the_score_with_all_rows_is_said_to(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    report = with_curves(synthetic_report, synthetic_trials, growth=(0.55, 0.5, 0.6))
    assert "Adapter fine-tuning scored off its curve with all rows, so trust that curve less." in said_by(report)
    (now,) = (point for point in curve(report, "finetuning").line if point.rows == 600)
    (gain,) = (one for one in said_by(report) if one.startswith("Adapter fine-tuning should gain"))
    assert f"Its curve is at {score_text(now.mean)} now" in gain


def test_training_that_scores_less_than_its_curve_foretells_is_a_caveat(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    prompting, retrieval, trained = synthetic_trials(n=400)
    spoilt = tuple(replace(one, score=one.score * (at % 5 > 0)) for at, one in enumerate(trained.outcomes))
    badly = [prompting, retrieval, replace(trained, outcomes=spoilt)]
    for trials, is_told in ((badly, True), ([prompting, retrieval, trained], False)):
        report = with_curves(synthetic_report, synthetic_trials, growth=(0.9, 0.95, 1.0), trials=trials)
        told = [one for one in report.recommendation.caveats if "may have gone badly" in one]
        assert [one.startswith("Adapter fine-tuning scored ") for one in told] == [True] * is_told
    above = with_curves(synthetic_report, synthetic_trials, growth=(0.55, 0.5, 0.6))
    assert not any("gone badly" in one for one in above.recommendation.caveats)


def test_where_nothing_gains_it_is_said_in_a_word(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    report = with_curves(synthetic_report, synthetic_trials, growth=(1.0, 1.0, 1.0))
    assert answer_of(report) == (
        "More data would hardly help: four times the training rows would probably add under 2 points to any strategy."
    )


def test_reports_without_curves_are_shown_as_before(synthetic_report: MakeReport) -> None:
    quick = synthetic_report()
    older = replace(quick, curves=None)
    assert charts.curve_chart(quick, LIGHT) is None and turning_sentences(older) == []
    for report in (quick, older):
        assert "learning-curve" not in section_names(report)


def test_a_chosen_strategy_without_a_curve_has_its_reason_told(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    failed = Trial("finetuning", "failed", "It ran out of memory.")
    retrieval = synthetic_trials()[1]
    fewer = {"finetuning": {30: failed}, "retrieval": {15: retrieval, 30: retrieval, 60: retrieval}}
    report = synthetic_report(fewer=fewer, preset="standard")
    assert "Adapter fine-tuning has no learning curve: It ran out of memory." in said_by(report)
    assert not any("no other strategy would" in sentence for sentence in said_by(report))
    assert "retrieval" in answer_of(report) and "any strategy" not in answer_of(report)
    alone = synthetic_report(fewer={"finetuning": {30: failed}}, preset="standard")
    assert answer_of(alone) == "We can't tell whether more data would help."
    assert report.recommendation.choice == "finetuning" and turning_sentences(report) == []
