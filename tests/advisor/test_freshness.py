"""What is answered once documents changed, or without them, and refusals: from synthetic trials, and from a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.plan import Plan, Priorities, Setup
from advisor.runs.experiment import run_experiment
from advisor.schema import Report
from advisor.sections.figures import figures_of, how_computed
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import read_trial, write_trial
from eval.outcomes import CHANGED_FACTS, NEW_FACT, OLD_FACT, TAKEN_OUT, Knowledge, Outcome, Trial
from eval.task import Document, Example, Kind, Split, Task
from strategies.presets import PRESETS
from strategies.workload import foresee
from tests.reports import EVERY, candidate_of, changed, heads_of, rows_of, section_names, section_of, sentences_of
from tests.scored import score
from tests.tiny_strategies import STEADY

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]
MakeTask = Callable[..., Task]


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


def three(synthetic_trials: MakeTrials, kind: Kind = Kind.ANSWERING) -> list[Trial]:
    prompting, retrieval, finetuning = synthetic_trials(kind)
    return [prompting, reading(retrieval), replace(finetuning, changes_weights=True)]


def test_who_follows_a_changed_fact_is_told(synthetic_report: MakeReport, synthetic_trials: MakeTrials) -> None:
    prompting, retrieval, finetuning = three(synthetic_trials)
    trials = [followed(prompting, 0, 1), followed(retrieval, 14, 2, seconds=0.8), followed(finetuning, 0, 9)]
    report = synthetic_report(Kind.ANSWERING, trials=trials, preset="standard")
    section = section_of(report, "freshness")
    assert section.summary == "Retrieval gives the new fact in 14 of 20 answers and the old one in 2."
    assert sentences_of(section)[1:5] == [
        "Adapter fine-tuning gives the new fact in 0 of 20 answers and the old one in 9, until it is trained again.",
        "Prompting gives the new fact in 0 of 20 answers and the old one in 1.",
        "Example: “Question number 161, asked in its own words”. The documents changed from “14 days” to “30 days”. "
        "The answers: adapter fine-tuning “14 days”, retrieval “30 days”, prompting “the third floor”.",
        "Indexing what had changed took 0.80 s for retrieval.",
    ]
    assert heads_of(section) == ["Adapter fine-tuning", "Retrieval", "Prompting"]
    right = sum(outcome.score >= 0.5 for outcome in retrieval.outcomes[:20])
    of_retrieval = [cells[1] for cells in rows_of(section).values()]
    assert [cell.split(" (")[0] for cell in of_retrieval] == [f"{right} of 20", "14 of 20", "2 of 20", "4 of 20"]
    assert of_retrieval[1] == "14 of 20 (48 to 85 %)"
    known = candidate_of(report, "retrieval").freshness
    assert known is not None and known.n == 20 and known.new.low < 0.7 < known.new.high
    assert "without-documents" not in section_names(report)


def test_facts_that_share_words_are_told_apart_by_the_nearer_one(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    report = synthetic_report(Kind.ANSWERING, trials=[followed(synthetic_trials(Kind.ANSWERING)[0], 3, 4)])
    known = candidate_of(report, "prompting").freshness
    assert known is not None
    assert [round(20 * share.mean) for share in (known.new, known.old, known.neither)] == [3, 4, 13]


@pytest.mark.parametrize(
    ("trial", "new", "old", "seconds", "days", "is_told"),
    [(2, 0, 9, None, 30, True), (1, 3, 5, 0.8, 30, True), (1, 14, 2, 0.8, 30, False), (2, 0, 9, None, None, False)],
    ids=["fine-tuning", "retrieval that misses them", "retrieval that follows", "documents that never change"],
)
def test_a_choice_that_does_not_follow_documents_that_change_is_a_caveat(
    synthetic_report: MakeReport,
    synthetic_trials: MakeTrials,
    trial: int,
    new: int,
    old: int,
    seconds: float | None,
    days: int | None,
    is_told: bool,
) -> None:
    chosen = followed(three(synthetic_trials)[trial], new, old, seconds=seconds)
    report = synthetic_report(Kind.ANSWERING, trials=[chosen], priorities=Priorities(reindex_days=days))
    found = [one for one in report.recommendation.caveats if "documents change" in one]
    assert bool(found) == is_told
    assert not found or ("30 days" in found[0] and f"{new}" in found[0] and "20" in found[0])


@pytest.mark.parametrize(("new", "agreement"), [(14, "agrees"), (2, "cannot tell"), (None, "cannot tell")])
def test_the_rule_on_facts_that_change_is_held_against_changed_facts(
    synthetic_report: MakeReport,
    synthetic_trials: MakeTrials,
    synthetic_task: MakeTask,
    new: int | None,
    agreement: str,
) -> None:
    prompting, retrieval, finetuning = three(synthetic_trials)
    if new is not None:
        finetuning, retrieval = followed(finetuning, 1, 9), followed(retrieval, new, 2, seconds=0.8)
    task = replace(synthetic_task(Kind.ANSWERING), documents=(Document("d1", "", "The desk is on the third floor."),))
    report = synthetic_report(
        Kind.ANSWERING, trials=[prompting, retrieval, finetuning], task=task, priorities=Priorities(reindex_days=30)
    )
    held = {rule.id: rule for rule in report.rules or ()}["fresh-facts"]
    assert held.agreement == agreement
    assert (f"{new} of 20" in held.measured and "1 of 20" in held.measured) == (new is not None)
    never = synthetic_report(Kind.ANSWERING, trials=[prompting, retrieval, finetuning], task=task)
    assert "fresh-facts" not in {rule.id for rule in never.rules or ()}


def test_what_is_answered_without_the_documents_is_told(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    prompting, retrieval, finetuning = three(synthetic_trials)
    trials = [taken_out(prompting, 1, 0), taken_out(retrieval, 2, 3), taken_out(finetuning, 0, 8)]
    section = section_of(synthetic_report(Kind.ANSWERING, trials=trials), "without-documents")
    assert section.summary == (
        "Retrieval says that it doesn't know in 2 of 40 answers. It is wrong in 35 and right anyway in 3."
    )
    assert sentences_of(section)[1:4] == [
        "An answer that sounds sure may still be in none of your documents.",
        "Adapter fine-tuning reads no documents, so its answers to the same test questions count.",
        "Prompting reads no documents, so its answers to the same test questions count.",
    ]
    counts = [cells[1].split(" (")[0] for cells in rows_of(section).values()]
    assert counts == ["2 of 40", "3 of 40", "35 of 40"]


def test_a_text_written_without_the_documents_is_neither_right_nor_made_up(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    report = synthetic_report(Kind.WRITING, trials=[taken_out(three(synthetic_trials, Kind.WRITING)[1], 0, 0)])
    section = section_of(report, "without-documents")
    assert section.summary == (
        "Retrieval says that it doesn't know in 0 of 40 answers. It writes an answer anyway in 40."
    )
    assert [cell.split(" (")[0] for (cell,) in rows_of(section).values()] == ["0 of 40", "40 of 40"]


def refusing(trial: Trial, count: int) -> Trial:
    said = [
        replace(one, text="I'm not sure.", score=0.0) if at < count else one for at, one in enumerate(trial.outcomes)
    ]
    return replace(trial, outcomes=tuple(said))


def test_answers_that_refuse_are_counted_and_are_a_category_of_wrong_ones(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials
) -> None:
    trials = [refusing(trial, 5 * at) for at, trial in enumerate(three(synthetic_trials))]
    report = synthetic_report(Kind.ANSWERING, trials=trials)
    shares = [candidate_of(report, trial.strategy).refusals for trial in trials]
    assert [share.count for share in shares if share] == [0, 5, 10]
    assert shares[2] is not None and shares[2].low < 10 / 80 < shares[2].high
    assert sorted(dict(figures_of(report))["Refusals"]) == ["0", "10", "5"]
    assert "eval/failures/refusals.py" in how_computed(report)["Refusals"]
    assert "Refuses" in rows_of(section_of(report, "failures"))
    labels = synthetic_report()
    assert "Refusals" not in dict(figures_of(labels)) and candidate_of(labels, "prompting").refusals is None


def test_a_report_or_trial_of_an_earlier_version_has_none_of_it(
    synthetic_report: MakeReport, synthetic_trials: MakeTrials, tmp_path: Path
) -> None:
    knowledge = (Knowledge((3.1, 2.0), (1.0, 0.0), (0.0, 1.0), (1.0,)), Knowledge((3.4, 2.2), (0.0, 0.0)))
    trial = replace(followed(synthetic_trials()[2], 3, 4, seconds=0.5), knowledge=knowledge)
    write_trial(tmp_path, trial)
    assert read_trial(tmp_path) == trial
    report = synthetic_report(
        Kind.ANSWERING, trials=[replace(synthetic_trials(Kind.ANSWERING)[2], knowledge=knowledge)]
    )
    nothing = {"admitted": None, "refused": None}
    old = changed(report, candidates={EVERY: {"refusals": None, "side_effects": {"knowledge": nothing}}})
    for each in (report, old):  # perplexity, general questions, and what perplexity is
        assert len(sentences_of(section_of(each, "side-effects"))) == 3
    assert not {"freshness", "without-documents"} & set(section_names(old))
    assert "Refusals" not in dict(figures_of(old))


def test_a_run_over_documents_asks_again_after_they_changed(tmp_path: Path) -> None:
    rows = tuple(Example(f"r{at}", f"When does ferry {at} sail?", f"{at % 24:02}:30") for at in range(60))
    documents = tuple(Document(row.id, row.id, f"Ferry {row.id} sails at {row.target}.") for row in rows[:30])
    task = Task("ferries", Kind.ANSWERING, "", rows, documents)
    store = Store(tmp_path)
    dataset = store.add_dataset("ferries.csv", b"question,answer\na,b\n")
    plan = Plan(dataset.id, Setup("question", "answer"), preset="standard", strategies=("prompting",))
    run = store.add_run(plan, task_to_json(task, Split(rows[30:50], rows[50:], rows[:20])))
    report = run_experiment(store, run.id, lambda _: None, lambda: False, STEADY)
    assert report is not None
    known = candidate_of(report, "prompting")
    assert known.freshness is not None and known.freshness.n > 0 and not known.notes
    assert known.without_documents is not None and known.without_documents.n == 20
    trial = read_trial(store.run_folder(run.id) / "prompting")
    assert trial is not None
    asked: tuple[Outcome, ...] = trial.probes[CHANGED_FACTS]
    texts = {outcome.example_id: outcome.text for outcome in trial.outcomes}
    assert all(texts[outcome.example_id] == outcome.text for outcome in asked)


def test_the_estimate_foresees_what_is_asked_of_documents(
    synthetic_task: MakeTask, synthetic_split: Callable[[Task], Split]
) -> None:
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
        varied = 5 * 11 * budget.probe_rows  # ten passages are reranked with each, on average
        assert reads["prompting"] == [0, 0]
        assert (reads["retrieval"][0] - reads["retrieval"][1] > varied) == asked
