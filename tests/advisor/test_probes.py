"""What is told of less tidy inputs and of what training did besides, from synthetic trials; and a run that measures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.plan import Plan, Setup
from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.runs.experiment import run_experiment
from advisor.schema import NotMeasured
from advisor.sections.robustness import LESS_TIDY, WORDS, less_tidy_of
from advisor.sections.side_effects import SIDE_EFFECTS, _ends, side_effects_of
from advisor.storage.store import Store
from advisor.storage.stored import StoredStep
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import read_trial, write_trial
from advisor.wording import score_text
from eval.outcomes import TRAINED_ON, Knowledge, Outcome, Trial
from eval.task import Kind, Split
from eval.variants import VARIANTS
from strategies.presets import PRESETS
from strategies.workload import foresee
from tests.tiny_strategies import STEADY, tiny_task


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


def by_heart(trial: Trial, right: int, of: int) -> Trial:
    rows = tuple(replace(trial.outcomes[0], example_id=f"t{at}", score=float(at < right)) for at in range(of))
    return replace(trial, probes={**trial.probes, TRAINED_ON: rows})


def test_each_variant_has_words():
    assert list(WORDS) == list(VARIANTS)


def test_points_lost_stand_in_every_form_and_the_worst_is_named(synthetic_report, synthetic_trials):
    prompting, retrieval, finetuning = synthetic_trials()
    trials = [probed(prompting), probed(retrieval, typos=15), probed(finetuning, typos=6, capitals=24)]
    report = synthetic_report(trials=trials, preset="standard")
    found = less_tidy_of(report)
    assert found.names == ("finetuning", "retrieval", "prompting")
    said = found.sentences[0]
    assert said.startswith("Fine-tuning loses most: 40 points to all capitals (") and "on 60 rows)" in said
    assert said.endswith(" No loss is shown of prompting.")
    assert [row.cells[2][0] for row in found.rows] == ["0"] * len(VARIANTS)
    typos, capitals = report.candidates[2].robustness[0], report.candidates[2].robustness[2]
    assert typos.n == 60 and typos.plain - typos.varied == pytest.approx(typos.lost) == pytest.approx(0.1)
    assert capitals.lost == pytest.approx(0.4) and 0 < capitals.low < capitals.lost < capitals.high
    page, text = render_html(report), render_markdown(report)
    assert escaped(said) in text and said in page
    assert page.index("Where answers go wrong") < page.index(LESS_TIDY) < page.index("How it was measured")
    for row in found.rows:
        assert row.heading in page
        assert f"| {' | '.join(f'{lost} ({ends})' for lost, ends in row.cells)} |" in text


def test_a_row_that_a_variant_leaves_alone_does_not_count(synthetic_report, synthetic_trials):
    trial = synthetic_trials()[0]
    few = replace(trial, probes={"typos": spoilt(trial, 2, rows=7)})
    report = synthetic_report(trials=[few, synthetic_trials()[2]], preset="standard")
    assert [each.n for each in report.candidates[0].robustness] == [7]
    found = less_tidy_of(report)
    assert found.rows[0].meaning.endswith(" 7 rows.")
    assert [row.heading for row in found.rows] == ["Typos"] and found.sentences[-1] == "Not measured: fine-tuning."
    assert "no strategy is shown to lose" in found.sentences[0]


def test_a_loss_that_chance_can_make_among_so_many_is_said_to_be_one(synthetic_report, synthetic_trials):
    report = synthetic_report(trials=[probed(synthetic_trials()[2], typos=6)], preset="standard")
    typos = report.candidates[0].robustness[0]
    assert typos.low > 0
    said = less_tidy_of(report).sentences[0]
    assert said.startswith("The clearest loss: fine-tuning scores 10 points less (") and "may be chance" in said


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-24, -12, "12 to 24 fewer"), (-3, 1, "3 fewer to 1 more"), (-2, 0, "2 fewer to as many"), (1, 4, "1 to 4 more")],
)
def test_a_range_of_answers_is_told_in_words(low, high, said):
    assert _ends(low, high) == said


def test_what_the_preset_leaves_out_is_said_once_and_an_older_report_says_nothing(synthetic_report):
    report = synthetic_report()
    beyond = "A quick run does not measure what is lost on less tidy inputs, what else training does, or whether"
    assert all(one.robustness is None and one.side_effects is None for one in report.candidates)
    for said in (render_html(report), render_markdown(report)):
        assert said.count(beyond) == 1 and LESS_TIDY not in said and SIDE_EFFECTS not in said
    assert less_tidy_of(synthetic_report(preset="standard")).sentences == ("Not measured.",)
    assert less_tidy_of(report) is None and not side_effects_of(report)
    assert "does not measure" not in render_html(replace(report, preset=None))


def test_a_gap_between_rows_it_trained_on_and_new_ones_is_a_caveat_where_it_is_large_and_sure(
    synthetic_report, synthetic_trials
):
    finetuning = replace(synthetic_trials()[1], strategy="finetuning")
    report = synthetic_report(trials=[by_heart(finetuning, 60, 60)])
    new = report.candidates[0].score.mean
    gap = report.candidates[0].side_effects.gap
    assert gap.difference == pytest.approx(1 - new) and 0 < gap.low < gap.difference < gap.high
    caveat = next(one for one in report.recommendation.caveats if "by heart" in one)
    assert (
        caveat == "Fine-tuning knows its examples by heart: it scores 1.00 on rows it trained on. "
        f"Expect {score_text(new)}, as on new ones."
    )
    assert "that it trained on and" in side_effects_of(report)[0]
    report = synthetic_report(trials=[by_heart(finetuning, 170, 200)])
    assert any(
        "does better on its examples than on others: it scores .85" in one for one in report.recommendation.caveats
    )
    for right, of in ((round(new * 60) + 1, 60), (2, 2)):
        report = synthetic_report(trials=[by_heart(finetuning, right, of)])
        assert not any("by heart" in one for one in report.recommendation.caveats)


@pytest.mark.parametrize(
    ("nats", "said"),
    [
        (0.1, "is 11 % more surprised (8 to 13 %)"),
        (-0.1, "is 10 % less surprised (8 to 11 %)"),
        (1.0, "is 2.7 times as surprised (2.7 to 2.8)"),
        (0.0, "is about as surprised (−2 to 2 %)"),
    ],
)
def test_what_was_forgotten_is_told_with_its_range(synthetic_report, synthetic_trials, nats, said):
    before = Knowledge(tuple(3 + at / 10 for at in range(24)), tuple(float(at < 30) for at in range(40)))
    surprise = tuple(each + nats + (at % 2 - 0.5) / 10 for at, each in enumerate(before.surprise))
    after = Knowledge(surprise, tuple(float(at < 27) for at in range(40)))
    report = synthetic_report(trials=[replace(synthetic_trials()[2], knowledge=(before, after))], preset="standard")
    sentence, meaning = side_effects_of(report)
    assert said in sentence and "answers 27 of 40 general questions right; before, 30 (" in sentence
    assert "perplexity" in meaning
    for form in (render_html(report), render_markdown(report)):
        assert SIDE_EFFECTS in form
    known = report.candidates[0].side_effects.knowledge
    assert known.right_change.low < -3 / 40 < known.right_change.high
    assert known.perplexity_before == pytest.approx(known.perplexity_after / 2.718281828**nats)


def test_a_trial_keeps_its_probes_and_one_of_an_earlier_version_has_none(synthetic_trials, tmp_path: Path):
    knowledge = (Knowledge((3.1, 2.0), (1.0, 0.0)), Knowledge((3.4, 2.2), (0.0, 0.0)))
    trial = replace(by_heart(probed(synthetic_trials()[2], typos=3), 2, 4), knowledge=knowledge)
    write_trial(tmp_path, trial)
    assert read_trial(tmp_path) == trial
    (tmp_path / "probes.jsonl").write_bytes((tmp_path / "probes.jsonl").read_bytes().replace(b"typos", b"tipos"))
    assert read_trial(tmp_path) is None
    bare = synthetic_trials()[0]
    write_trial(tmp_path, bare)
    assert read_trial(tmp_path) == bare
    facts = json.loads((tmp_path / "trial.json").read_text())
    assert facts.pop("knowledge") is None and "probes" not in facts


def test_a_run_of_the_standard_preset_asks_in_variants_and_a_quick_one_does_not(tmp_path: Path):
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
        measured = report.candidates[0].robustness
        if preset == "quick":
            assert measured is None and "asking in other words" not in stages
        else:
            assert [each.variant for each in measured] == [name for name in VARIANTS if name != "reworded"]
            assert all(each.lost == 0 and each.n == len(rows) for each in measured)
            assert "asking in other words" in stages
        assert all(one.robustness is None for one in report.candidates if isinstance(one, NotMeasured))


def test_the_estimate_foresees_the_probes(synthetic_task, synthetic_split):
    task = synthetic_task(Kind.CLASSIFICATION)
    split, budget = synthetic_split(task), PRESETS["standard"].budget(Kind.CLASSIFICATION)
    for strategy in ("prompting", "finetuning"):
        found, without = (
            foresee(strategy, task.brief, split, (), each) for each in (budget, replace(budget, probe_rows=0))
        )
        assert found.read > without.read and found.read_alone == without.read_alone
        assert (found.write > without.write) == (strategy == "finetuning")
