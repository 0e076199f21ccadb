"""Whole cases of advice, and rules held against measured reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from advisor.advice.agreement import hold_against, rule_groups
from advisor.advice.first_advice import advise
from advisor.plan import Priorities
from advisor.schema import Circumstances, Report
from advisor.sections.blocks import Definitions
from eval.outcomes import Trial
from eval.statistics.inference import margin_shown, rows_to_show
from eval.task import Kind
from tests.reports import EVERY, candidate_of, changed, section_names, section_of

MakeReport = Callable[..., Report]


def test_nothing_known_gives_no_advice() -> None:
    advice = advise(Circumstances())
    assert (advice.steps, advice.first, advice.collect, advice.cautions) == ((), (), (), ())
    assert advice.headline == "Answer the questions you can." and len(advice.open) == 18
    assert advise(Circumstances(knowledge="general")).headline == "No rule favours a strategy yet."


def test_a_policy_that_changes_monthly_is_looked_up_after_a_prompt() -> None:
    advice = advise(Circumstances(knowledge="changing", tried="no"))
    assert advice.headline == "Start with a good prompt, then retrieval."
    assert [rule.id for rule in advice.speaking_for] == ["ladder", "fresh-facts", "private-knowledge"]
    assert not advice.speaking_otherwise
    assert "documents the answers come from" in advice.collect[0]
    assert "50 to 100 very good examples" in advice.collect[1]


def test_many_examples_of_own_categories_at_high_volume_lean_to_training() -> None:
    known = Circumstances(volume=10_000, form="categories", examples=2_000, job="simple")
    advice = advise(known)
    assert (advice.headline, advice.steps) == ("Try adapter fine-tuning.", ("finetuning",))
    assert {"forgetting", "overfitting", "private-data"} <= {one.id for one in advice.cautions}
    assert "Try a good prompt" in advice.first[0]  # whether one was tried is not known
    does_well = advise(replace(known, tried="well"))
    assert does_well.headline == "Stay with your prompt."
    assert {rule.id for rule in does_well.speaking_otherwise} == {"own-categories", "repeated", "enough-simple"}


def test_twenty_messy_examples_are_mended_and_not_trained_on() -> None:
    advice = advise(Circumstances(form="categories", examples=20, test=8, flawed=6, tried="misses"))
    assert advice.steps == ("prompting",) and "Fine-tuning has to wait." in advice.standing
    assert [rule.id for rule in advice.speaking_otherwise] == ["prompt-limit"]
    assert advice.first[0].startswith("Fix 6 examples")
    assert "50 to 100" in advice.collect[0] and "Your 8 test rows" in advice.collect[1]


def test_facts_and_style_lead_up_the_whole_ladder() -> None:
    advice = advise(Circumstances(knowledge="documents", form="style", tried="no"))
    assert advice.headline == "Start with a good prompt, then retrieval, then adapter fine-tuning on top of it."
    assert "combine" in {rule.id for rule in advice.speaking_for}


def test_a_job_done_once_takes_no_collecting() -> None:
    advice = advise(Circumstances(volume=0, form="structure"))
    assert advice.headline == "A good prompt is enough." and advice.collect == ("A few examples for the prompt.",)
    assert [rule.id for rule in advice.speaking_otherwise] == ["format"]


def test_the_rows_a_test_takes_follow_from_the_margin() -> None:
    assert rows_to_show(0.05) == 1537 and rows_to_show(0.05, 0.25) == 385
    assert margin_shown(rows_to_show(0.05, 0.25), 0.25) == pytest.approx(0.05, abs=1e-4)
    said = advise(Circumstances(tried="no")).collect[-1]
    assert "About 380 to 1,500" in said and "rough" in said
    assert "You need" not in advise(Circumstances(tried="no", test=2_000)).collect[-1]


def told(report: Report) -> dict[str, tuple[str, str]]:
    return {rule.id: (rule.agreement, rule.measured) for rule in hold_against(report)}


def test_a_rule_whose_strategy_is_shown_best_agrees(synthetic_report: MakeReport) -> None:
    report = synthetic_report(n=80)  # 120 examples to learn from, four labels; fine-tuning is far ahead
    assert report.rules == hold_against(report)
    agreement, measured = told(report)["own-categories"]
    assert agreement == "agrees" and measured.startswith("Measured: adapter fine-tuning is ")
    facts = {rule.id: rule.fact for rule in report.rules}
    assert facts["own-categories"] == "120 examples of your own 4 categories favour fine-tuning."


def test_a_rule_whose_strategy_is_shown_behind_does_not_agree(synthetic_report: MakeReport) -> None:
    report = synthetic_report(n=80)
    report = changed(report, circumstances={"knowledge": "documents", "examples": 40})
    held = told(report)
    assert held["private-knowledge"][0] == "disagrees"
    assert (
        "adapter fine-tuning is" in held["private-knowledge"][1]
        and "ahead of retrieval" in held["private-knowledge"][1]
    )
    assert held["too-few"][0] == "disagrees"  # fine-tuning was near the best all the same


def test_a_close_result_cannot_tell(synthetic_report: MakeReport) -> None:
    report = synthetic_report(n=80)
    report = changed(
        report,
        comparisons={EVERY: {"difference": 0.01, "low": -0.05, "high": 0.07, "p_value_holm": 0.6}},
        recommendation={"probabilities": {"prompting": 0.5, "retrieval": 0.5, "finetuning": 0.5}},
    )
    assert told(report)["own-categories"][0] == "cannot tell"
    report = changed(report, recommendation={"probabilities": {"finetuning": 0.19}})
    assert told(report)["own-categories"][0] == "disagrees"


def test_a_rule_leans_to_a_means_and_who_joins_two_uses_both(
    synthetic_report: MakeReport, synthetic_trials: Callable[..., tuple[Trial, ...]]
) -> None:
    prompting, retrieval, best = synthetic_trials()
    joined = replace(
        best,
        strategy="retrieval_finetuning",
        outcomes=tuple(replace(one, strategy="retrieval_finetuning") for one in best.outcomes),
    )
    report = synthetic_report(trials=[prompting, retrieval, joined])
    report = changed(report, circumstances={"knowledge": "documents"})
    held = told(report)
    for rule in ("private-knowledge", "own-categories"):
        assert held[rule][0] == "agrees" and held[rule][1].startswith("Measured: retrieval with fine-tuning is ")
    assert "ahead of prompting" in held["private-knowledge"][1] and "ahead of retrieval" in held["own-categories"][1]


def test_what_something_simpler_does_as_well_does_not_show_a_rule_right(synthetic_report: MakeReport) -> None:
    report = synthetic_report(n=80)
    report = changed(
        report,
        circumstances={"job": "simple"},
        comparisons={EVERY: {"difference": 0.0, "low": -0.01, "high": 0.01, "p_value_holm": 1.0}},
        recommendation={"probabilities": {"prompting": 0.97, "retrieval": 0.97, "finetuning": 0.97}},
    )
    held = told(report)
    agreement, measured = held["own-categories"]
    assert agreement == "cannot tell" and measured.endswith("Prompting, which is simpler, probably is too.")
    assert held["enough-simple"][0] == "agrees"  # it promises no more than that
    report = changed(report, recommendation={"probabilities": {"prompting": 0.1, "retrieval": 0.1}})
    assert told(report)["own-categories"][0] == "agrees"


def test_a_difference_within_the_margin_does_not_show_a_strategy_behind(synthetic_report: MakeReport) -> None:
    report = synthetic_report(n=80)
    behind = {"difference": 0.03, "low": 0.01, "high": 0.05, "p_value_holm": 0.01}
    with_finetuning = [at for at, pair in enumerate(report.comparisons) if pair.b == "finetuning"]
    report = changed(report, recommendation={"probabilities": {}}, comparisons=dict.fromkeys(with_finetuning, behind))
    assert told(report)["own-categories"][0] == "cannot tell"
    report = changed(report, comparisons={at: {"low": 0.021} for at in with_finetuning})
    assert told(report)["own-categories"][0] == "disagrees"


def test_what_a_rule_saves_is_judged_by_cost(synthetic_report: MakeReport) -> None:
    report = synthetic_report(n=80)
    prompting = candidate_of(report, "prompting")
    for one_off, agreement in ((0.0, "agrees"), (500.0, "disagrees")):
        assert told(changed(report, candidates={2: {"cost": {"one_off": one_off}}}))["repeated"][0] == agreement
    same = changed(report, candidates={2: {"cost": asdict(prompting.cost)}})
    assert told(same)["repeated"][0] == "cannot tell"
    unknown = changed(report, candidates={2: {"cost": {"per_1000": None, "per_month": None}}})
    assert told(unknown)["repeated"] == (
        "cannot tell",
        "We don't know the cost of both adapter fine-tuning and prompting.",
    )


def test_saving_with_answers_that_are_far_worse_is_no_saving(synthetic_report: MakeReport) -> None:
    report = changed(synthetic_report(), candidates={2: {"cost": {"one_off": 0.0, "per_1000": 0.0, "per_month": 0.0}}})
    assert told(report)["repeated"][0] == "agrees"
    verdict = replace(report.recommendation, probabilities={**report.recommendation.probabilities, "finetuning": 0.01})
    agreement, measured = told(replace(report, recommendation=verdict))["repeated"]
    assert agreement == "cannot tell" and measured.endswith(
        "But adapter fine-tuning is probably not within 2 points of the best strategy."
    )


def test_a_rule_that_leans_to_what_was_not_measured_cannot_tell(synthetic_report: MakeReport) -> None:
    report = synthetic_report(Kind.WRITING)
    report = changed(report, circumstances={"knowledge": "documents", "form": "style", "flawed": 3})
    held = told(report)
    assert held["combine"] == ("cannot tell", "Retrieval with fine-tuning was not measured.")
    assert held["quality-first"][0] == "cannot tell"
    report = replace(report, candidates=report.candidates[2:])
    assert told(report)["style"] == ("cannot tell", "We measured no other strategy to compare it with.")


def test_the_volume_decides_which_rules_apply(synthetic_report: MakeReport) -> None:
    rare, often = (synthetic_report(priorities=Priorities(monthly_volume=volume)) for volume in (5, 10_000))
    assert "one-off" in told(rare) and "repeated" not in told(rare)
    assert "repeated" in told(often) and "one-off" not in told(often)


def test_each_rule_is_told_with_what_was_measured(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    (pairs,) = (block.pairs for block in section_of(report, "rules").blocks if isinstance(block, Definitions))
    groups = rule_groups(report)
    assert groups and pairs == tuple((one.heading, " ".join((*one.facts, one.measured))) for one in groups)
    assert sum(len(one.facts) for one in groups) == len(report.rules)
    assert groups[0].heading == "Agrees (2 rules)"
    older = replace(report, rules=(), circumstances=None)
    assert hold_against(older) == () and "rules" not in section_names(older)
