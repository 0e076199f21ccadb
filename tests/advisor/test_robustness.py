"""What messier inputs cost each strategy, from synthetic trials; and a run that measures it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.runs.experiment import run_experiment
from advisor.schema import NotMeasured, Report
from advisor.sections.robustness import WORDS
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from eval.measuring.robustness import VARIANTS
from eval.outcomes import Outcome, Trial
from eval.task import Kind, Split, Task
from strategies.presets import PRESETS
from strategies.workload import foresee
from tests.reports import candidate_of, heads_of, rows_of, section_names, section_of, sentences_of
from tests.tiny_strategies import STEADY, tiny_task

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]


def spoilt(trial: Trial, lost: int, rows: int = 60) -> tuple[Outcome, ...]:
    """The first outcomes, as many of the right ones wrong."""
    found = []
    for outcome in trial.outcomes[:rows]:
        if lost and outcome.score:
            outcome, lost = replace(outcome, score=0.0), lost - 1
        found.append(outcome)
    return tuple(found)


def probed(trial: Trial, **lost: int) -> Trial:
    return replace(trial, probes={name: spoilt(trial, lost.get(name, 0)) for name in VARIANTS})


def test_each_variant_has_words() -> None:
    assert list(WORDS) == list(VARIANTS)


def test_points_lost_stand_in_the_table_and_the_worst_is_named(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    prompting, retrieval, finetuning = synthetic_trials()
    trials = [probed(prompting), probed(retrieval, typos=15), probed(finetuning, typos=6, capitals=24)]
    report = synthetic_report(trials=trials, preset="standard")
    typos, _, capitals, *_ = candidate_of(report, "finetuning").robustness or ()
    assert typos.n == 60 and typos.plain - typos.varied == pytest.approx(typos.lost) == pytest.approx(0.1)
    assert capitals.lost == pytest.approx(0.4) and 0 < capitals.low < capitals.lost < capitals.high
    section = section_of(report, "robustness")
    ends = f"{100 * capitals.low:.0f} to {100 * capitals.high:.0f}"
    assert section.summary == (
        f"Adapter fine-tuning loses most: 40 points to all capitals (95 % CI {ends}). We see no sure loss for "
        "prompting."
    )
    assert heads_of(section) == ["Adapter fine-tuning", "Retrieval", "Prompting"]
    rows = rows_of(section)
    assert rows["All capitals"][0] == f"40 ({ends})" and len(rows) == len(VARIANTS)
    assert {cells[2].split()[0] for cells in rows.values()} == {"0"}


def test_a_row_that_a_variant_leaves_alone_does_not_count(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    trial = synthetic_trials()[0]
    few = replace(trial, probes={"typos": spoilt(trial, 2, rows=7)})
    report = synthetic_report(trials=[few, synthetic_trials()[2]], preset="standard")
    assert [each.n for each in candidate_of(report, "prompting").robustness or ()] == [7]
    section = section_of(report, "robustness")
    assert list(rows_of(section)) == ["Typos"] and sentences_of(section)[-1] == "Not measured: adapter fine-tuning."
    assert section.summary == "We see no sure loss for any strategy on up to 7 rows per variant."


def test_a_loss_that_chance_can_make_among_so_many_is_said_to_be_one(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    report = synthetic_report(trials=[probed(synthetic_trials()[2], typos=6)], preset="standard")
    typos, *_ = candidate_of(report, "finetuning").robustness or ()
    said = section_of(report, "robustness").summary
    assert typos.low > 0 and "may lose 10 points to typos" in said and "may be chance (p = " in said


def test_what_the_preset_leaves_out_is_said_once_and_an_older_report_says_nothing(
    synthetic_report: MakeReport,
) -> None:
    quick = synthetic_report()
    assert not {"robustness", "side-effects", "learning-curve"} & set(section_names(quick))
    assert "quick run leaves out robustness" in section_of(quick, "not-measured").summary
    standard = synthetic_report(preset="standard")
    assert "robustness" not in section_names(standard)
    assert "Robustness to messy inputs: this run didn't measure it." in sentences_of(
        section_of(standard, "not-measured")
    )
    assert "not-measured" not in section_names(replace(quick, preset=None))


def test_a_run_of_the_standard_preset_asks_in_variants_and_a_quick_one_does_not(tmp_path: Path) -> None:
    store = Store(tmp_path)
    dataset = store.add_dataset("tickets.csv", b"message,label\na,b\n")
    task, split = tiny_task()
    rows = [replace(row, input=f"Please tell me where {row.input} is") for row in split.test]
    content = task_to_json(task, Split(split.train, split.dev, tuple(rows)))
    for preset in ("standard", "quick"):
        plan = Plan(dataset.id, Setup("message", "label"), preset=preset, strategies=("prompting",))
        run = store.add_run(plan, content)
        told: list[StoredStep] = []
        report = run_experiment(store, run.id, told.append, lambda: False, STEADY)
        stages = {step.stage for step in told}
        assert report is not None
        measured = candidate_of(report, "prompting").robustness
        if preset == "quick":
            assert measured is None and "asking in other words" not in stages
        else:
            assert measured is not None
            assert [each.variant for each in measured] == [name for name in VARIANTS if name != "reworded"]
            assert all(each.lost == 0 and each.n == len(rows) for each in measured)
            assert "asking in other words" in stages
        assert not any(isinstance(one, NotMeasured) for one in report.candidates)


def test_the_estimate_foresees_the_probes(
    synthetic_task: Callable[..., Task], synthetic_split: Callable[[Task], Split]
) -> None:
    task = synthetic_task(Kind.CLASSIFICATION)
    split, budget = synthetic_split(task), PRESETS["standard"].budget(Kind.CLASSIFICATION)
    for strategy in ("prompting", "finetuning"):
        found, without = (
            foresee(strategy, task.brief, split, (), each) for each in (budget, replace(budget, probe_rows=0))
        )
        assert found.read > without.read and found.read_alone == without.read_alone
        assert (found.write > without.write) == (strategy == "finetuning")
