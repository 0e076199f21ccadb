"""What training did besides the task, as sentences and caveats, from synthetic trials; and how it is stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.schema import Report
from advisor.storage.trial_files import read_trial, write_trial
from advisor.wording import score_text
from eval.measuring.robustness import VARIANTS
from eval.outcomes import TRAINED_ON, Knowledge, Trial
from tests.reports import candidate_of, heads_of, rows_of, section_names, section_of, sentences_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]
SOME_TEXTS = tuple(3 + at / 10 for at in range(24))
QUESTIONS = tuple(float(at < 30) for at in range(40))


def by_heart(trial: Trial, right: int, of: int) -> Trial:
    rows = tuple(replace(trial.outcomes[0], example_id=f"t{at}", score=float(at < right)) for at in range(of))
    return replace(trial, probes={**trial.probes, TRAINED_ON: rows})


def overfitted(report: Report) -> list[str]:
    """The caveats on scores on training rows."""
    return [one for one in report.recommendation.caveats if "training rows" in one or "rows it trained on" in one]


def test_a_gap_between_training_and_test_rows_is_a_caveat_where_it_is_large_and_sure(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    finetuning = replace(synthetic_trials()[1], strategy="finetuning")
    report = synthetic_report(trials=[by_heart(finetuning, 60, 60)])
    measured = candidate_of(report, "finetuning")
    assert measured.side_effects is not None and (gap := measured.side_effects.gap) is not None
    new = measured.score.mean
    assert gap.difference == pytest.approx(1 - new) and 0 < gap.low < gap.difference < gap.high
    (caveat,) = overfitted(report)
    assert "1.00" in caveat and score_text(new) in caveat
    said = section_of(report, "side-effects").summary
    assert said == (
        f"Adapter fine-tuning scores 1.00 on 60 training rows and {score_text(new)} on 80 test rows: a gap of "
        f"{100 * gap.difference:.1f} points (95 % CI {100 * gap.low:.0f} to {100 * gap.high:.0f})."
    )
    (milder,) = overfitted(synthetic_report(trials=[by_heart(finetuning, 170, 200)]))
    assert ".85" in milder
    for right, of in ((round(new * 60) + 1, 60), (2, 2)):
        assert overfitted(synthetic_report(trials=[by_heart(finetuning, right, of)])) == []


@pytest.mark.parametrize(
    ("nats", "said"),
    [
        (0.1, "has 11 % higher perplexity than the base model on general text (95 % CI 8 to 13)"),
        (-0.1, "has 10 % lower perplexity than the base model on general text (95 % CI 8 to 11)"),
        (1.0, "has 2.7 times the perplexity of the base model on general text (95 % CI 2.7 to 2.8)"),
        (0.0, "has about the base model's perplexity on general text (95 % CI −2 to 2 %)"),
    ],
)
def test_what_was_forgotten_is_told_with_its_interval(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials, nats: float, said: str
) -> None:
    surprise = tuple(each + nats + (at % 2 - 0.5) / 10 for at, each in enumerate(SOME_TEXTS))
    after = Knowledge(surprise, tuple(float(at < 27) for at in range(40)))
    knowledge = (Knowledge(SOME_TEXTS, QUESTIONS), after)
    report = synthetic_report(trials=[replace(synthetic_trials()[2], knowledge=knowledge)], preset="standard")
    questions, perplexity, meaning = sentences_of(section_of(report, "side-effects"))
    assert (
        said in perplexity
        and "answers 27 of 40 general questions correctly; the base model answers 30 (change −3, 95 % CI −" in questions
    )
    assert "Perplexity" in meaning
    effects = candidate_of(report, "finetuning").side_effects
    assert effects is not None and (known := effects.knowledge) is not None
    assert known.right_change.low < -3 / 40 < known.right_change.high
    assert known.perplexity_before == pytest.approx(known.perplexity_after / 2.718281828**nats)


def test_made_up_answers_and_refusals_are_told_before_and_after_training(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    before = Knowledge(SOME_TEXTS, QUESTIONS, (0.0,) * 40, tuple(float(at < 8) for at in range(30)))
    refused, admitted = tuple(float(at < 3) for at in range(40)), tuple(float(at < 2) for at in range(30))
    after = Knowledge(SOME_TEXTS, QUESTIONS, refused, admitted)
    report = synthetic_report(trials=[replace(synthetic_trials()[2], knowledge=(before, after))])
    section = section_of(report, "side-effects")
    _, _, unanswerable, refusals, _ = sentences_of(section)
    assert (
        "declines 2 of 30 questions that nobody can answer; the base model declines 8 (change −6, 95 % CI "
        in unanswerable
    )
    assert refusals == "Adapter fine-tuning refuses 3 of 40 general questions, the base model 0."
    assert "Questions that nobody can answer" in (section.how or "")
    effects = candidate_of(report, "finetuning").side_effects
    assert effects is not None and effects.knowledge is not None and effects.knowledge.admitted is not None
    change = effects.knowledge.admitted.change
    assert change.difference == pytest.approx(-0.2) and change.low < -0.2 < change.high < 0


def test_several_trained_strategies_stand_side_by_side(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    before = Knowledge(SOME_TEXTS, QUESTIONS, (0.0,) * 40, tuple(float(at < 8) for at in range(30)))
    after = Knowledge(tuple(each + 0.5 for each in SOME_TEXTS), (0.0,) * 40, (1.0,) * 40, (0.0,) * 30)
    prompting, _, best = synthetic_trials()
    trained = by_heart(replace(best, knowledge=(before, after)), 60, 60)
    other = replace(prompting, strategy="last_layers", knowledge=(before, before))
    section = section_of(synthetic_report(trials=[trained, other]), "side-effects")
    rows = rows_of(section)
    assert heads_of(section) == ["Adapter fine-tuning", "Last-layer fine-tuning"]
    assert all(sentence.startswith("Adapter fine-tuning") for sentence in sentences_of(section)[:-1])
    assert rows["Score on training rows"] == ["1.00", "–"] and rows["Perplexity on general text"][0].startswith(
        "1.65 ("
    )
    assert [cell.split(" (")[0] for cell in rows["General questions right"]] == ["30 → 0 of 40", "30 → 30 of 40"]
    assert rows["Made-up answers"] == ["22 → 30 of 30", "22 → 22 of 30"]
    assert rows["Refusals"] == ["0 → 40 of 40", "0 → 0 of 40"]


def test_a_report_in_which_nothing_was_trained_has_no_side_effects(synthetic_report: MakeReport) -> None:
    assert "side-effects" not in section_names(synthetic_report(preset="standard"))


def test_a_trial_keeps_its_probes_and_one_of_an_earlier_version_has_none(
    synthetic_trials: MakeTrials, tmp_path: Path
) -> None:
    finetuning = synthetic_trials()[2]
    knowledge = (Knowledge((3.1, 2.0), (1.0, 0.0)), Knowledge((3.4, 2.2), (0.0, 0.0)))
    trial = by_heart(replace(finetuning, probes=dict.fromkeys(VARIANTS, finetuning.outcomes[:9])), 2, 4)
    trial = replace(trial, knowledge=knowledge)
    write_trial(tmp_path, trial)
    assert read_trial(tmp_path) == trial
    (tmp_path / "probes.jsonl").write_bytes((tmp_path / "probes.jsonl").read_bytes().replace(b"typos", b"tipos"))
    assert read_trial(tmp_path) is None
    bare = synthetic_trials()[0]
    write_trial(tmp_path, bare)
    assert read_trial(tmp_path) == bare
    facts = json.loads((tmp_path / "trial.json").read_text())
    assert facts.pop("knowledge") is None and "probes" not in facts


def test_where_all_that_were_trained_forgot_one_sentence_says_so(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    forgot = (Knowledge(SOME_TEXTS, QUESTIONS, (0.0,) * 40), Knowledge(SOME_TEXTS, (0.0,) * 40, (0.0,) * 40))
    trial = replace(synthetic_trials()[2], knowledge=forgot)
    report = synthetic_report(trials=[trial, replace(trial, strategy="full_finetuning")])
    assert section_of(report, "side-effects").summary == (
        "Both trained models forgot: they answer 0 of 40 general questions correctly; the base model answers "
        f"{round(sum(QUESTIONS))}."
    )
