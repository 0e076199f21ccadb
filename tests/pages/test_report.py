"""Report over runs whose trials were made without a model."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import altair as alt
import pytest
from streamlit.testing.v1 import AppTest

from advisor.candidates import judged
from advisor.hosted import hosted_prices
from advisor.pages.changed_data import take_changed_file
from advisor.plan import Plan, Setup
from advisor.render.pdf import find_browser
from advisor.runs.report_files import write_report
from advisor.samples import zipped
from advisor.sections.contents import sections_of
from advisor.storage.seals import write_sealed
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import curve_folder, write_trial
from eval.outcomes import Outcome, Trial
from eval.task import Kind, Split, Task
from tests.app import html_of, open_answers, open_page, primaries

MakeTask = Callable[..., Task]
MakeSplit = Callable[[Task], Split]
MakeTrials = Callable[..., tuple[Trial, ...]]
Finish = Callable[..., StoredRun]


def folds_of(app: AppTest) -> list[str]:
    """The titles of a report's folded parts, in their order."""
    labels = (fold.label.replace("\\", "") for fold in app.expander)
    return [match[1] for label in labels if (match := re.match(r"\*\*(.+?):?\*\* ", label))]


def test_a_finished_run_shows_verdict_evidence_answers_and_method(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_page("Report", run=run.id)
    said = html_of(app)
    report = store.report(run.id)
    assert report is not None and report.recommendation.headline in said
    folds = folds_of(app)
    beside: list[str] = []
    titles: list[str] = []
    for section in sections_of(report):
        (beside if section.place == "beside the chart" else titles).append(section.title)
    assert beside and all(f">{title}</h2>" in said for title in beside)
    assert [title for title in folds if title in titles] == titles
    assert folds[folds.index("Where answers go wrong") - 1 :][:3] == [
        "Check the score yourself", "Where answers go wrong", "Answers side by side",
    ]  # fmt: skip
    assert not any(fold.proto.expanded for fold in app.expander)
    assert primaries(app) == ["Run again with changed data"]
    assert [button.label for button in app.download_button] == [
        *(["Document (PDF)"] if find_browser() else []),
        "Page (HTML)", "Text (Markdown)", "Data (JSON)", "Answers (CSV)",
    ]  # fmt: skip
    assert len(app.get("vega_lite_chart")) == 4
    assert '<tr><th scope="row">delivery</th><td>20</td><td>' in said  # precision and recall of a label


def test_charts_are_drawn_once_for_all_clicks(finished: Finish, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[alt.LayerChart] = []
    to_dict = alt.LayerChart.to_dict

    def counted(chart: alt.LayerChart) -> dict[str, Any]:
        drawn.append(chart)
        return to_dict(chart)

    monkeypatch.setattr(alt.LayerChart, "to_dict", counted)
    app = open_page("Report", run=finished().id)
    charts = app.get("vega_lite_chart")
    once = len(drawn)
    assert once >= len(charts) > 0
    assert all(chart.proto.datasets and chart.proto.alt for chart in charts)
    app.run()
    assert len(drawn) == once and len(app.get("vega_lite_chart")) == len(charts)


def test_without_a_browser_the_page_says_how_to_get_a_pdf(finished: Finish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROME", "/no/such/browser")
    app = open_page("Report", run=finished().id)
    assert "Document (PDF)" not in [button.label for button in app.download_button]
    assert "To get a PDF, download the page (HTML) and print it." in html_of(app)


def test_whether_more_data_would_help_is_drawn_and_said(
    store: Store, synthetic_trials: MakeTrials, finished: Finish
) -> None:
    trials = synthetic_trials()
    run = finished(trials)
    assert "Learning curve" not in folds_of(open_page("Report", run=run.id))
    for rows in (15, 30, 60):
        folder = curve_folder(store.run_folder(run.id), "retrieval", rows)
        folder.mkdir(parents=True)
        write_trial(folder, trials[1])
    write_report(store.run_folder(run.id), run, trials, store.steps(run.id))
    app = open_page("Report", run=run.id)
    said = html_of(app)
    assert len(app.get("vega_lite_chart")) == 5 and "Learning curve" in folds_of(app)
    assert any("hardly help retrieval" in fold.label for fold in app.expander)
    assert "Adapter fine-tuning has no learning curve" in said
    path = store.run_folder(run.id) / "report.json"
    older = {name: value for name, value in json.loads(path.read_text()).items() if name != "curves"}
    write_sealed(path, json.dumps(older))
    assert "Learning curve" not in folds_of(open_page("Report", run=run.id))


def test_answers_are_shown_also_of_a_report_that_sorted_no_failures(store: Store, finished: Finish) -> None:
    run = finished()
    path = store.run_folder(run.id) / "report.json"
    older = json.loads(path.read_text())
    for candidate in older["candidates"]:
        candidate["failures"] = None
    write_sealed(path, json.dumps(older))
    folds = folds_of(open_page("Report", run=run.id))
    assert "Answers side by side" in folds and "Where answers go wrong" not in folds


def test_a_chip_leaves_only_its_rows(finished: Finish) -> None:
    run = finished()
    app = open_answers(run=run.id)
    app.pills(key="answers").set_value("All wrong").run()
    shown = [body for element in app.get("html") if 'answered-part given"><header>' in (body := element.proto.body)]
    assert len(shown) == 3 and all("judged wrong" in one and "judged right" not in one for one in shown)


def test_answers_and_reasons_are_escaped(synthetic_trials: MakeTrials, finished: Finish) -> None:
    bad = "<script>alert(1)</script> ![x](http://x.test/p.png)"
    trials = tuple(
        replace(trial, outcomes=tuple(replace(outcome, text=bad, score=0.0) for outcome in trial.outcomes))
        for trial in synthetic_trials()
    )
    run = finished(trials)
    app = open_page("Report", run=run.id)
    assert "<script>" not in html_of(app) and "&lt;script&gt;" in html_of(app)
    assert not any("x.test" in element.value for element in app.markdown)


def test_wrong_answers_are_sorted_with_mixups_the_whole_table_and_examples(
    store: Store, synthetic_trials: MakeTrials, finished: Finish
) -> None:
    trials = [replace(trial, outcomes=tuple(shown_examples(trial))) for trial in synthetic_trials()]
    run = finished(trials)
    report = store.report(run.id)
    assert report is not None
    app = open_page("Report", run=run.id)
    said = html_of(app)
    for one in judged(report):
        assert one.failures is not None and f"is wrong on {one.failures.wrong} of 80 rows" in said
    assert "Labels most often mixed up" in said and "refund → delivery" in said
    assert said.count('<table class="confusion"') == 3
    without_marks = said.replace("<mark>", "").replace("</mark>", "")
    assert "Not retrieved: 3 of" in said
    assert "<b>Example</b> Question number 0, asked in its own words → " in without_marks
    assert said.count("which label for which, and examples</summary>") == 3


def test_a_free_text_is_not_sorted(finished: Finish) -> None:
    run = finished(kind=Kind.WRITING)
    said = html_of(open_page("Report", run=run.id))
    assert "A free text isn&#x27;t simply right or wrong" in said and "Retrieval answered all 80 rows." in said
    assert 'class="failures"' not in said and "examples</summary>" not in said


def shown_examples(trial: Trial) -> list[Outcome]:
    """The outcomes of a trial whose every answer was made from two training rows."""
    if trial.strategy != "retrieval":
        return list(trial.outcomes)
    return [replace(outcome, sources=("train:row-0", "train:row-1")) for outcome in trial.outcomes]


def test_a_failed_strategy_says_why_and_can_be_tried_again(
    store: Store, synthetic_trials: MakeTrials, finished: Finish
) -> None:
    prompting, retrieval, _ = synthetic_trials()
    failed = Trial("finetuning", "failed", reason="The machine ran out of memory.")
    run = finished((prompting, retrieval, failed))
    app = open_page("Report", run=run.id)
    assert "ran out of memory" in html_of(app)
    app.button(key="finetuning").click().run()
    assert store.run(run.id).state == "queued"
    assert [step.state for step in store.steps(run.id)] == ["done", "done", "done", "waiting"]


def test_a_waiting_run_shows_its_place_and_can_be_cancelled(
    store: Store, synthetic_task: MakeTask, synthetic_split: MakeSplit
) -> None:
    run_id = queued(store, synthetic_task(), synthetic_split)
    app = open_page("Report", run=run_id)
    assert "This run is next." in html_of(app)
    app.button(key="cancel").click().run()
    assert store.run(run_id).state == "cancelled"
    assert primaries(open_page("Report", run=run_id)) == ["Compare again"]


def test_a_retry_that_was_cancelled_leaves_the_report_and_can_be_taken_up(
    store: Store, synthetic_trials: MakeTrials, finished: Finish
) -> None:
    prompting, retrieval, _ = synthetic_trials()
    failed = Trial("finetuning", "failed", reason="The machine ran out of memory.")
    run = finished((prompting, retrieval, failed))
    store.retry_step(run.id, "finetuning")
    store.cancel(run.id)
    app = open_page("Report", run=run.id)
    assert 'class="verdict"' in html_of(app) and "What was measured before stands." in html_of(app)
    app.button(key="finetuning").click().run()
    assert store.run(run.id).state == "queued"


@pytest.mark.parametrize("address", [{}, {"run": "nothing"}])
def test_an_unknown_run_is_a_sentence_and_a_way_back(store: Store, address: dict[str, str]) -> None:
    app = open_page("Report", **address)
    assert 'class="stop"' in html_of(app)
    assert primaries(app) == ["Open History"]


def test_a_changed_file_keeps_the_columns_and_the_plan_of_its_run(
    store: Store, synthetic_task: MakeTask, finished: Finish
) -> None:
    task = synthetic_task()
    run = finished()
    rows = "".join(f'"{example.input}","{example.target}"\n' for example in task.examples[5:])
    changed = take_changed_file(run, "changed.csv", f"question,label\n{rows}".encode())
    app = open_page("Data", dataset=changed.id, follows=run.id)
    assert "Rows: 5 removed, 235 unchanged." in html_of(app)
    app.button(key="choose").click().run()
    assert app.query_params["follows"] == run.id
    open_page("Compare", dataset=changed.id, follows=run.id).button(key="run").click().run()
    assert store.runs()[0].plan == replace(run.plan, dataset_id=changed.id, follows=run.id)


def test_changed_documents_are_told_and_without_any_the_old_ones_are_kept(
    store: Store, synthetic_task: MakeTask, synthetic_split: MakeSplit
) -> None:
    task = synthetic_task()
    rows = "question,label\n" + "".join(f'"{one.input}","{one.target}"\n' for one in task.examples)
    documents = zipped([("one.md", b"# One\nFirst text."), ("two.md", b"# Two\nSecond text.")])
    dataset = store.add_dataset("rows.csv", rows.encode(), "documents.zip", documents)
    plan = Plan(dataset.id, Setup("question", "label"))
    run = store.add_run(plan, task_to_json(task, synthetic_split(task)))
    assert take_changed_file(run, "rows.csv", rows.encode()).id == dataset.id
    changed = take_changed_file(run, "rows.csv", rows.encode(), ("one.md", b"# One\nOther text."))
    said = html_of(open_page("Data", dataset=changed.id, follows=run.id))
    assert "Documents: 1 removed (Two), 1 changed (One)." in said


def test_a_run_of_another_version_is_a_sentence(
    store: Store, synthetic_task: MakeTask, synthetic_split: MakeSplit
) -> None:
    run_id = queued(store, synthetic_task(), synthetic_split)
    write_sealed(store.run_folder(run_id) / "report.json", '{"schema": 99}')
    store.end_run(run_id, "done")
    assert "Another version of Threeways" in html_of(open_page("Report", run=run_id))


def queued(store: Store, task: Task, split: MakeSplit) -> str:
    dataset = store.add_dataset("rows.csv", b"question,label\n" + b"a,b\n" * 3)
    return store.add_run(Plan(dataset.id, Setup("question", "label")), task_to_json(task, split(task))).id


def test_a_baseline_that_is_as_good_under_other_priorities_is_news(
    store: Store, synthetic_trials: MakeTrials, finished: Finish
) -> None:
    run = finished()
    level = replace(synthetic_trials()[2], strategy="tfidf_linear")
    folder = store.run_folder(run.id) / "baselines" / "tfidf_linear"
    folder.mkdir(parents=True)
    write_trial(folder, level)
    assert "New verdict: You may not need this language model." in html_of(open_page("Report", run=run.id))


def test_other_priorities_judge_the_same_answers_anew(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_page("Report", run=run.id)
    before = (store.run_folder(run.id) / "report.json").read_bytes()
    said = html_of(app)
    assert "Same verdict: Use adapter fine-tuning." in said
    app.select_slider(key="if-seconds").set_value(0.2).run()
    said = html_of(app)
    assert "New verdict: No strategy meets your limits." in said
    app.select_slider(key="if-seconds").set_value(math.inf).run()
    app.slider(key="if-margin").set_value(20.0).run()
    said = html_of(app)
    assert "no other strategy is more than 20 points better." in said
    app.button_group(key="if-place").set_value("At a provider").run()
    name = next(one for one in hosted_prices() if one.startswith("Groq: "))
    app.selectbox(key="if-hosted").set_value(name).run()
    assert "Retrieval is cheaper, but" in html_of(app)
    app.number_input(key=f"if-read-{name}").set_value(5000.0).run()
    assert "The rank of adapter fine-tuning by cost stays the same" in html_of(app)
    app.button(key="if-reset").click().run()
    assert app.button_group(key="if-place").value == "On this machine"
    assert "Same verdict: Use adapter fine-tuning." in html_of(app)
    assert app.button(key="if-reset").disabled
    app.select_slider(key="if-volume").set_value(100_000).run()
    app.switch_page("advisor/pages/compare.py").run()
    app.switch_page("advisor/pages/report.py").run()
    assert app.select_slider(key="if-volume").value == 100_000
    assert (store.run_folder(run.id) / "report.json").read_bytes() == before
