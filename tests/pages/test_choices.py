"""What a person chose on Compare stays: for the way back and for a reload."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from unittest.mock import patch

import pytest

from advisor.estimate import UNTIMED_CLUSTER
from advisor.pages.draft import setup_of, starting_plan
from advisor.plan import DEFAULT_STRATEGIES, Plan, Setup
from advisor.runs.experiment import prepare
from advisor.runs.fit_key import FitKey, Rows, write_key
from advisor.runs.order import FITTED, StepOrder
from advisor.runs.place import CLUSTER
from advisor.storage.store import Store
from advisor.storage.stored import StoredDataset, StoredRun
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import write_trial
from eval.outcomes import EarlyStop, Outcome, Trial
from strategies.engine.adapter_shape import CONFIG
from tests.app import html_of, open_page
from tests.pages.test_flow import TICKETS


def test_choices_stay_on_the_way_back_from_data_and_after_a_reload(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Compare", dataset=dataset.id)
    app.checkbox(key="include-retrieval").uncheck().run()
    app.number_input(key="margin").set_value(5.0)
    app.number_input(key="volume").set_value(77_000).run()
    app.switch_page("advisor/pages/data.py").run()
    app.switch_page("advisor/pages/compare.py").run()
    for shown in (app, open_page("Compare", dataset=dataset.id)):
        assert not shown.checkbox(key="include-retrieval").value and shown.checkbox(key="include-finetuning").value
        assert (shown.number_input(key="margin").value, shown.number_input(key="volume").value) == (5.0, 77_000)
    app.button(key="run").click().run()
    plan = store.runs()[0].plan
    assert plan.strategies == tuple(one for one in DEFAULT_STRATEGIES if one != "retrieval")
    assert (plan.priorities.margin, plan.priorities.monthly_volume) == (0.05, 77_000)


def test_choices_for_a_run_that_follows_another_are_its_own(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    before = prepare(store, Plan(dataset.id, Setup("message", "label"), strategies=("prompting",)))
    open_page("Compare", dataset=dataset.id).checkbox(key="include-retrieval").uncheck().run()
    following = open_page("Compare", dataset=dataset.id, follows=before.id)
    assert [box.value for box in following.checkbox if str(box.key).startswith("include-")].count(True) == 1


def test_choices_after_a_run_from_elsewhere_never_name_its_server(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    served = "served:m@http://127.0.0.1:1/v1"
    plan = Plan(dataset.id, Setup("message", "label"), model=served, strategies=("prompting",), sends_training=True)
    before = store.add_run(plan, "{}")
    assert starting_plan_after(before, dataset).model == served
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute("UPDATE runs SET origin = 'shared'")
    assert starting_plan_after(before, dataset) == Plan(dataset.id, setup_of(dataset))


def starting_plan_after(run: StoredRun, dataset: StoredDataset) -> Plan:
    with patch("advisor.pages.draft.st.query_params", {"follows": run.id}):
        return starting_plan(dataset)


def test_fine_tuning_can_start_from_an_earlier_run_with_an_adapter_for_the_same_strategy(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    earlier = prepare(store, Plan(dataset.id, Setup("message", "label"), strategies=("finetuning",)))
    store.end_run(earlier.id, "done")
    boxes = {box.label for box in open_page("Compare", dataset=dataset.id).selectbox}
    assert "Start fine-tuning from" not in boxes
    adapter = store.run_folder(earlier.id) / "finetuning" / "fitted" / "adapter"
    adapter.mkdir(parents=True)
    (adapter / CONFIG).write_text(json.dumps({"r": 16}))
    app = open_page("Compare", dataset=dataset.id)
    assert app.selectbox(key="tunes-from").value is None
    app.selectbox(key="tunes-from").select_index(1).run()
    app.button(key="run").click().run()
    run = store.runs()[0]
    assert run.plan.tunes_from == earlier.id
    assert (store.run_folder(run.id) / "start" / "finetuning" / CONFIG).is_file()
    app = open_page("Compare", dataset=dataset.id)
    app.checkbox(key="include-finetuning").uncheck().run()
    assert "Start fine-tuning from" not in {box.label for box in app.selectbox}


def test_all_test_rows_can_be_asked_for_where_strategies_stop_early(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Compare", dataset=dataset.id)
    app.checkbox(key="all-rows").check().run()
    app.button(key="run").click().run()
    assert store.runs()[0].plan.asks_all_rows
    app = open_page("Compare", dataset=dataset.id)
    app.segmented_control(key="preset").set_value("thorough").run()
    assert "all-rows" not in {box.key for box in app.checkbox}


def test_only_who_runs_the_server_names_a_cluster(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    monkeypatch.delenv(CLUSTER, raising=False)
    store.save_draft(Plan(dataset.id, Setup("message", "label"), cluster="10.9.9.9:1"))
    app = open_page("Compare", dataset=dataset.id)
    assert "cluster" not in {box.key for box in app.checkbox}
    app.button(key="run").click().run()
    assert store.runs()[0].plan.cluster == ""
    monkeypatch.setenv(CLUSTER, "10.0.0.5:6379")
    app = open_page("Compare", dataset=dataset.id)
    assert not app.checkbox(key="cluster").value
    app.checkbox(key="cluster").check().run()
    assert UNTIMED_CLUSTER in html_of(app)
    app.button(key="run").click().run()
    assert store.runs()[0].plan.cluster == "10.0.0.5:6379"


def test_a_strategy_that_is_off_says_what_would_make_it_worth_it(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Compare", dataset=dataset.id)
    said = "Worth it if the facts are in documents, or if similar rows have similar answers."
    assert said not in html_of(app)
    app.checkbox(key="include-retrieval").uncheck().run()
    assert said in html_of(app)
    assert "Worth it from about 100 training rows. You have " in html_of(app)  # of 45 rows


def test_what_if_is_reset_to_the_priorities_of_the_report(finished: Callable[..., StoredRun]) -> None:
    app = open_page("Report", run=finished().id)
    was = app.slider(key="if-margin").value
    assert app.button(key="if-reset").disabled
    app.slider(key="if-margin").set_value(20.0).run()
    app.button(key="if-reset").click().run()
    assert app.slider(key="if-margin").value == was and app.button(key="if-reset").disabled


def test_who_stopped_is_told_with_the_priorities_of_its_run(
    finished: Callable[..., StoredRun], synthetic_trials: Callable[..., tuple[Trial, ...]]
) -> None:
    first, *others = synthetic_trials()
    beaten = replace(first, outcomes=first.outcomes[:40], stopped=EarlyStop("behind", 0.001))
    app = open_page("Report", run=finished((beaten, *others)).id)
    told = "by then the probability of being within 2 points of the best was under 0.5 %"
    assert html_of(app).count(told) > 1  # in the report and in the what-if
    app.slider(key="if-margin").set_value(20.0).run()
    assert "the probability of being within 20 points" not in html_of(app)


def test_what_an_earlier_run_has_is_said_before_the_start(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    earlier = prepare(store, Plan(dataset.id, Setup("message", "label"), strategies=("prompting", "finetuning")))
    task, split = read_task(store.run_folder(earlier.id))
    for name, learned in (("prompting", split), ("finetuning", replace(split, train=split.train[1:]))):
        order = StepOrder(store.run_folder(earlier.id), name, "quick", "embedded", 0, pairings=earlier.plan.pairings)
        (order.folder / FITTED).mkdir(parents=True)
        write_key(order.folder, FitKey.of(order, Rows.of(task, learned)))
        answers = tuple(Outcome(row.id, name, "", 0.0, {}, 1, 1) for row in split.test)
        write_trial(order.folder, Trial(name, "done", outcomes=answers))
    store.end_run(earlier.id, "done")
    app = open_page("Compare", dataset=dataset.id)
    kept = f"{len(split.test)} of {len(split.test)} answers"
    assert f"Prompting is taken over from run {earlier.id}, with {kept}." in html_of(app)
    assert "Adapter fine-tuning is set up again, because training rows changed." in html_of(app)
    app.checkbox(key="fresh").check().run()
    assert "taken over" not in html_of(app) and "set up again" not in html_of(app)
    app.button(key="run").click().run()
    assert not store.runs()[0].plan.reuses
