"""What is told of changed documents and of refusals, from synthetic trials; and a run that asks after documents
changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from advisor.sections.changed_documents import FRESHNESS, WITHOUT_DOCUMENTS, asked_again_of
from advisor.sections.provenance import computed_of

from advisor.plan import Plan, Priorities, Setup
from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.runs.experiment import run_experiment
from advisor.sections.side_effects import side_effects_of
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import read_trial, write_trial
from eval.outcomes import CHANGED_FACTS, NEW_FACT, OLD_FACT, TAKEN_OUT, Knowledge, Outcome, Trial
from eval.task import Document, Example, Kind, Split, Task
from strategies.presets import PRESETS
from strategies.workload import foresee
from tests.reports import EVERY, changed
from tests.scored import score
from tests.tiny_strategies import STEADY


def followed(trial: Trial, new: int, old: int, of: int = 20, seconds: float | None = None) -> Trial:
    """So many answers with the new fact, "30 days", and with the old one, "14 days"; the rest with neither."""
    texts = [*["30 days"] * new, *["14 days"] * old, *["the third floor"] * (of - new - old)]
    probes = []
    for outcome, text in zip(trial.outcomes, texts, strict=False):
        parts = {
            fact: score(Kind.ANSWERING, text, held).value
            for fact, held in ((NEW_FACT, "30 days"), (OLD_FACT, "14 days"))
        }
        probes.append(replace(outcome, text=text, score=parts[NEW_FACT], parts=parts))
    probes_of_all = {**trial.probes, CHANGED_FACTS: tuple(probes)}
    facts = {outcome.example_id: "30 days" for outcome in probes}
    return replace(trial, probes=probes_of_all, changed_facts=facts, refresh_seconds=seconds)


def taken_out(trial: Trial, admitted: int, right: int, of: int = 40) -> Trial:
    texts = [*["I don't know."] * admitted, *["right"] * right, *["Golden Zeppelin"] * (of - admitted - right)]
    probes = tuple(
        replace(outcome, text=text, score=float(text == "right"), parts={})
        for outcome, text in zip(trial.outcomes, texts, strict=False)
    )
    return replace(trial, probes={**trial.probes, TAKEN_OUT: probes})


def reading(trial: Trial) -> Trial:
    return replace(trial, outcomes=tuple(replace(outcome, sources=("d1",)) for outcome in trial.outcomes))


def three(synthetic_trials, kind: Kind = Kind.ANSWERING) -> list[Trial]:
    prompting, retrieval, finetuning = synthetic_trials(kind)
    return [prompting, reading(retrieval), replace(finetuning, changes_weights=True)]


def test_who_follows_a_changed_fact_is_told_in_every_form(synthetic_report, synthetic_trials):
    prompting, retrieval, finetuning = three(synthetic_trials)
    trials = [followed(prompting, 0, 1), followed(retrieval, 14, 2, seconds=0.8), followed(finetuning, 0, 9)]
    report = synthetic_report(Kind.ANSWERING, trials=trials, preset="standard")
    (found,) = asked_again_of(report)
    assert found.title == FRESHNESS and found.names == ("finetuning", "retrieval", "prompting")
    assert found.sentences == (
        "When a fact in the documents changes, retrieval gives the new one for 14 of 20 and the old one for 2; "
        "fine-tuning gives 0 and 9 until it is trained again; prompting gives 0 and 1.",
        "The answers to 20 test questions were replaced in the documents by those to other rows that have the "
        "same pattern of words, capitals and numbers. Then the same "
        "questions were asked, and nothing was trained.",
        "For example “Question number 161, asked in its own words”: “14 days” became “30 days” in the documents. The "
        "answers: fine-tuning “14 days”, retrieval “30 days”, prompting “the third floor”.",
        "Reading in what had changed took retrieval 0.80 s.",
    )
    right = sum(outcome.score >= 0.5 for outcome in retrieval.outcomes[:20])
    assert [row.cells[1][0] for row in found.rows] == [f"{right} of 20", "14 of 20", "2 of 20", "4 of 20"]
    assert found.rows[1].cells[1][1] == "48 to 85 %"
    known = report.candidates[1].freshness
    assert known.n == 20 and known.new.low < 0.7 < known.new.high
    page, text = render_html(report), render_markdown(report)
    for said in (*found.sentences, found.title):
        assert said in page and escaped(said) in text
    for row in found.rows:
        assert row.heading in page
        assert f"| {' | '.join(f'{cell} ({ends})' for cell, ends in row.cells)} |" in text
    assert WITHOUT_DOCUMENTS not in page + text
    assert page.count(FRESHNESS) == text.count(FRESHNESS) == 2  # and how it was computed


def test_facts_that_share_words_are_told_apart_by_the_nearer_one(synthetic_report, synthetic_trials):
    report = synthetic_report(Kind.ANSWERING, trials=[followed(synthetic_trials(Kind.ANSWERING)[0], 3, 4)])
    known = report.candidates[0].freshness
    assert [round(20 * share.mean) for share in (known.new, known.old, known.neither)] == [3, 4, 13]


@pytest.mark.parametrize(
    ("trial", "new", "old", "seconds", "days", "ends"),
    [
        (
            2,
            0,
            9,
            None,
            30,
            "fine-tuning does not follow them: of 20 changed facts it gives 0, until it is trained again.",
        ),
        (1, 3, 5, 0.8, 30, "retrieval does not follow them: of 20 changed facts it gives 3."),
        (1, 14, 2, 0.8, 30, None),
        (2, 0, 9, None, None, None),
    ],
)
def test_a_choice_that_does_not_follow_documents_that_change_is_a_caveat(
    synthetic_report, synthetic_trials, trial, new, old, seconds, days, ends
):
    chosen = followed(three(synthetic_trials)[trial], new, old, seconds=seconds)
    report = synthetic_report(Kind.ANSWERING, trials=[chosen], priorities=Priorities(reindex_days=days))
    found = [one for one in report.recommendation.caveats if "documents change" in one]
    assert found == ([f"Your documents change every 30 days, and {ends}"] if ends else [])


@pytest.mark.parametrize(("new", "agreement"), [(14, "agrees"), (2, "cannot tell"), (None, "cannot tell")])
def test_the_rule_on_facts_that_change_is_held_against_changed_facts(
    synthetic_report, synthetic_trials, synthetic_task, new, agreement
):
    prompting, retrieval, finetuning = three(synthetic_trials)
    if new is not None:
        finetuning, retrieval = followed(finetuning, 1, 9), followed(retrieval, new, 2, seconds=0.8)
    task = replace(synthetic_task(Kind.ANSWERING), documents=(Document("d1", "", "The desk is on the third floor."),))
    report = synthetic_report(
        Kind.ANSWERING, trials=[prompting, retrieval, finetuning], task=task, priorities=Priorities(reindex_days=30)
    )
    held = {rule.id: rule for rule in report.rules}
    assert held["fresh-facts"].agreement == agreement
    assert held["fresh-facts"].measured == (
        "Measured: when a fact in the documents changes, retrieval gives the new fact for "
        f"{new} of 20; fine-tuning gives the new fact for 1 of 20."
        if new is not None
        else "Not measured: standard and thorough runs ask again after facts in the documents have changed."
    )
    never = synthetic_report(Kind.ANSWERING, trials=[prompting, retrieval, finetuning], task=task)
    assert "fresh-facts" not in {rule.id for rule in never.rules}


def test_what_is_answered_without_the_documents_is_told(synthetic_report, synthetic_trials):
    prompting, retrieval, finetuning = three(synthetic_trials)
    trials = [taken_out(prompting, 1, 0), taken_out(retrieval, 2, 3), taken_out(finetuning, 0, 8)]
    (found,) = asked_again_of(synthetic_report(Kind.ANSWERING, trials=trials))
    assert found.title == WITHOUT_DOCUMENTS
    assert found.sentences == (
        "Asked 40 test questions without the documents that hold the answer, retrieval says twice that it does not "
        "know; it answers wrongly 35 times, and is right all the same 3 times.",
        "That an answer sounds sure is no sign that it stands in your documents.",
        "Fine-tuning and prompting read no documents, so the answers to the same test questions are counted.",
    )
    assert [row.cells[1][0] for row in found.rows] == ["2 of 40", "3 of 40", "35 of 40"]


def test_a_text_written_without_the_documents_is_neither_right_nor_made_up(synthetic_report, synthetic_trials):
    report = synthetic_report(Kind.WRITING, trials=[taken_out(three(synthetic_trials, Kind.WRITING)[1], 0, 0)])
    (found,) = asked_again_of(report)
    assert found.sentences == (
        "Asked 40 test questions without the documents that hold the answer, retrieval never says that it does not "
        "know and writes an answer to 40 all the same.",
    )
    assert [row.cells[0][0] for row in found.rows] == ["0 of 40", "40 of 40"]


def refusing(trial: Trial, count: int) -> Trial:
    said = [
        replace(one, text="I'm not sure.", score=0.0) if at < count else one for at, one in enumerate(trial.outcomes)
    ]
    return replace(trial, outcomes=tuple(said))


def test_answers_that_refuse_are_counted_and_are_a_category_of_wrong_ones(synthetic_report, synthetic_trials):
    trials = [refusing(trial, 5 * at) for at, trial in enumerate(three(synthetic_trials))]
    report = synthetic_report(Kind.ANSWERING, trials=trials)
    assert [one.refusals.count for one in report.candidates] == [0, 5, 10]
    assert report.candidates[2].refusals.low < 10 / 80 < report.candidates[2].refusals.high
    page, text = render_html(report), render_markdown(report)
    for said in ("Refusals", "it refuses or says that it does not know", "eval/refusals.py"):
        assert said in page and said in text
    labels = synthetic_report()
    assert all(one.refusals is None for one in labels.candidates)
    assert "Refusals" not in render_html(labels)


def test_what_nobody_can_know_is_told_before_and_after_training(synthetic_report, synthetic_trials):
    plain = tuple(3 + at / 10 for at in range(24)), tuple(float(at < 30) for at in range(40))
    before = Knowledge(*plain, (0.0,) * 40, tuple(float(at < 8) for at in range(30)))
    after = Knowledge(*plain, tuple(float(at < 3) for at in range(40)), tuple(float(at < 2) for at in range(30)))
    report = synthetic_report(trials=[replace(synthetic_trials()[2], knowledge=(before, after))])
    _, unknowable, refused, _ = side_effects_of(report)
    assert unknowable.startswith("Of 30 questions that nobody can answer, it makes up an answer to 28; before, to 22 (")
    assert unknowable.endswith(" more). To the others it says that it does not know.")
    assert refused == "It refuses 3 of the 40 general questions; before, none."
    change = report.candidates[0].side_effects.knowledge.admitted.change
    assert "Questions that nobody can answer" in dict(computed_of(report))
    assert change.difference == pytest.approx(-0.2) and change.low < -0.2 < change.high < 0


def test_a_report_or_trial_of_an_earlier_version_has_none_of_it(synthetic_report, synthetic_trials, tmp_path: Path):
    knowledge = (Knowledge((3.1, 2.0), (1.0, 0.0), (0.0, 1.0), (1.0,)), Knowledge((3.4, 2.2), (0.0, 0.0)))
    trial = replace(followed(synthetic_trials()[2], 3, 4, seconds=0.5), knowledge=knowledge)
    write_trial(tmp_path, trial)
    assert read_trial(tmp_path) == trial
    report = synthetic_report(
        Kind.ANSWERING, trials=[replace(synthetic_trials(Kind.ANSWERING)[2], knowledge=knowledge)]
    )
    assert len(side_effects_of(report)) == 2
    knowledge = {"admitted": None, "refused": None}
    report = changed(report, candidates={EVERY: {"refusals": None, "side_effects": {"knowledge": knowledge}}})
    assert not asked_again_of(report) and len(side_effects_of(report)) == 2
    assert "Refusals" not in render_html(report) + render_markdown(report)


def test_a_run_over_documents_asks_again_after_they_changed(tmp_path: Path):
    rows = tuple(Example(f"r{at}", f"When does ferry {at} sail?", f"{at % 24:02}:30") for at in range(60))
    documents = tuple(Document(row.id, row.id, f"Ferry {row.id} sails at {row.target}.") for row in rows[:30])
    task = Task("ferries", Kind.ANSWERING, "", rows, documents)
    store = Store(tmp_path)
    dataset = store.add_dataset("ferries.csv", b"question,answer\na,b\n")
    plan = Plan(dataset.id, Setup("question", "answer"), preset="standard", strategies=("prompting",))
    run = store.add_run(plan, task_to_json(task, Split(rows[30:50], rows[50:], rows[:20])))
    report = run_experiment(store, run.id, lambda _: None, lambda: False, STEADY)
    known = report.candidates[0]
    assert known.freshness.n > 0 and known.without_documents.n == 20 and not known.notes
    trial = read_trial(store.run_folder(run.id) / "prompting")
    asked: tuple[Outcome, ...] = trial.probes[CHANGED_FACTS]
    texts = {outcome.example_id: outcome.text for outcome in trial.outcomes}
    assert all(texts[outcome.example_id] == outcome.text for outcome in asked)


def test_the_estimate_foresees_what_is_asked_of_documents(synthetic_task, synthetic_split):
    documents = tuple(Document(f"d{at}", "", f"The desk is on floor {at}.") for at in range(20))
    for kind, asked in ((Kind.CLASSIFICATION, False), (Kind.WRITING, True), (Kind.ANSWERING, True)):
        task = synthetic_task(kind)
        budget = PRESETS["standard"].budget(kind)
        reads = {
            strategy: [
                foresee(strategy, task.brief, synthetic_split(task), documents, replace(budget, probe_rows=rows)).embed
                for rows in (budget.probe_rows, 0)
            ]
            for strategy in ("prompting", "retrieval")
        }
        varied = 5 * budget.probe_rows
        assert reads["prompting"] == [0, 0]
        assert (reads["retrieval"][0] - reads["retrieval"][1] > varied) == asked
