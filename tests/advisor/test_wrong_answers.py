"""Where answers go wrong, in words, from reports of synthetic trials."""

from __future__ import annotations

from dataclasses import replace

from advisor.sections.wrong_answers import WORDS, wrong_answers_of

from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.schema import Candidate
from eval.failures import Failure
from eval.outcomes import Trial
from eval.task import Kind
from tests.scored import score


def test_every_category_has_words():
    assert list(WORDS) == list(Failure)


def test_sentences_and_counts_stand_in_every_form(synthetic_report):
    for kind in (Kind.CLASSIFICATION, Kind.EXTRACTION, Kind.ANSWERING):
        report = synthetic_report(kind)
        wrong = wrong_answers_of(report)
        page, text = render_html(report), render_markdown(report)
        assert wrong.names == ("finetuning", "retrieval", "prompting") and wrong.rows
        assert wrong.rows[0].counts == {one.id: one.failures.wrong for one in report.candidates}
        for sentence in wrong.sentences:
            assert escaped(sentence) in text
        for row in wrong.rows:
            assert f"| {escaped(f'{row.heading}: {row.meaning}')} | {' | '.join(row.cells)} |" in text
            assert row.heading in page
        assert page.index("All figures") < page.index("Where answers go wrong") < page.index("How it was measured")


def test_a_strategy_without_a_wrong_answer_is_said_to_be_right(synthetic_report, synthetic_trials):
    right = answered(synthetic_trials(n=12)[0], lambda target, row: target)
    assert sentence(synthetic_report(n=12, trials=[right])) == "Prompting is right on all 12 rows."
    one_wrong = answered(synthetic_trials(n=12)[0], lambda target, row: "weather" if row == 0 else target)
    said = sentence(synthetic_report(n=12, trials=[one_wrong]))
    assert said == "Prompting is wrong on 1 of 12 rows: the answer is none of your labels."


def test_the_mixup_that_stands_out_is_named(synthetic_report, synthetic_trials):
    always = answered(synthetic_trials()[0], lambda target, row: "refund" if target == "delivery" else target)
    said = sentence(synthetic_report(trials=[always]))
    times = said.split("(")[1]
    assert "Most often it says “refund” where “delivery” is right" in said and times.endswith(" times).")


def test_labels_taken_for_one_another_both_ways_may_overlap(synthetic_report, synthetic_trials):
    swap = {"refund": "delivery", "delivery": "refund"}
    one_way = {"refund": "delivery"}

    def mixed(ways, trial):
        return answered(trial, lambda target, row: ways.get(target, target) if row // 4 % 2 else target)

    prompting, retrieval, _ = synthetic_trials()
    both = wrong_answers_of(synthetic_report(trials=[mixed(swap, prompting), mixed(swap, retrieval)]))
    assert "take “delivery” and “refund” for one another" in both.sentences[-1]
    assert "look at their rows" in both.sentences[-1]
    for ways in ((one_way, one_way), (swap, {})):
        trials = [mixed(each, trial) for each, trial in zip(ways, (prompting, retrieval), strict=True)]
        assert len(wrong_answers_of(synthetic_report(trials=trials)).sentences) == 2


def test_labels_are_shown_escaped(synthetic_report, synthetic_trials):
    bad = answered(synthetic_trials()[0], lambda target, row: "<b>|x</b>")
    report = synthetic_report(trials=[bad])
    assert "<b>|x" not in render_html(report) and "“<b>|x" not in render_markdown(report)


def test_a_strategy_that_was_not_judged_has_no_failures(synthetic_report, synthetic_trials):
    failed = Trial("retrieval", "failed", reason="It ran out of memory.")
    report = synthetic_report(trials=[synthetic_trials()[0], failed])
    assert [isinstance(one, Candidate) and bool(one.failures) for one in report.candidates] == [True, False]
    assert wrong_answers_of(report).names == ("prompting",)
    assert wrong_answers_of(synthetic_report(trials=[failed])) is None


def sentence(report) -> str:
    return wrong_answers_of(report).sentences[0]


def answered(trial: Trial, answer) -> Trial:
    """The trial with other answers, scored anew: `answer` gets the expected label and the number of the row."""
    targets = ("refund", "delivery", "account", "invoice")
    outcomes = []
    for row, outcome in enumerate(trial.outcomes):
        target = targets[int(outcome.example_id.split("-")[1]) % len(targets)]
        text = answer(target, row)
        outcomes.append(replace(outcome, text=text, score=score(Kind.CLASSIFICATION, text, target).value))
    return replace(trial, outcomes=tuple(outcomes))
