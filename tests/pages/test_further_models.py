"""Several models on Compare: chosen, shared among the strategies, measured together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.plan import FurtherModel, Plan, Setup
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from eval.outcomes import Trial
from eval.sent import Part, Piece, SentPrompts
from tests.app import SPEED, html_of, open_answers, open_page, primaries
from tests.pages.test_flow import TICKETS
from tests.tiny_strategies import tiny_model


@pytest.fixture
def model(store: Store, tmp_path: Path) -> str:
    found = tiny_model(tmp_path / "other-model")
    store.save_speed(found, SPEED)
    return found


def test_strategies_are_shared_among_two_models_and_both_are_compared(store: Store, model: str) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    strategies, of_other = ("prompting", "finetuning"), ("prompting", "retrieval")
    store.save_draft(
        Plan(dataset.id, Setup("message", "label"), "quick", strategies, further=(FurtherModel(model, of_other),))
    )
    app = open_page("Compare", dataset=dataset.id)
    assert not app.exception and primaries(app) == ["Compare the four"]
    said = html_of(app)
    assert "Prompting with SmolLM2-135M-Instruct" in said and "Retrieval with other-model" in said
    app.button(key="prompt-and-tune").click().run()
    assert primaries(app) == ["Compare the four"]  # fine-tuning with the first, and three ways to prompt the other
    app.button(key="run").click().run()
    (run,) = store.runs()
    assert run.plan.chosen == (
        ("embedded", ("finetuning",)),
        (model, ("prompting", "prompting_examples", "retrieval")),
    )
    assert html_of(app).count("with other-model") >= 3  # the page of the run


def test_a_further_model_is_offered_preferences_only_where_the_data_has_rejected_answers(
    store: Store, model: str
) -> None:
    head, *rows = TICKETS.splitlines()
    pairs = "\n".join([f"{head},rejected", *(f"{row},no idea" for row in rows)])
    offered = {}
    for name, table in (("plain", TICKETS), ("pairs", pairs)):
        dataset = store.add_dataset(f"{name}.csv", table.encode())
        setup = Setup("message", "label", rejected="rejected" if name == "pairs" else None)
        further = (FurtherModel(model, ("prompting", "preference_tuning")),)  # as a run on other data had it
        store.save_setup(dataset.id, setup)
        store.save_draft(Plan(dataset.id, setup, "quick", ("prompting",), further=further))
        app = open_page("Compare", dataset=dataset.id)
        pills = app.pills(key=f"strategies-with-{model}")
        offered[name] = "Fine-tuning on preferences" in pills.options, "preference_tuning" in (pills.value or ())
        app.button(key="run").click().run()
    assert offered == {"plain": (False, False), "pairs": (True, True)}
    plans = {store.dataset(run.plan.dataset_id).name: run.plan.further[0].strategies for run in store.runs()}
    assert plans == {"plain.csv": ("prompting",), "pairs.csv": ("prompting", "preference_tuning")}


def test_a_model_without_a_strategy_and_too_many_candidates_are_refused(store: Store, model: str) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    plan = Plan(dataset.id, Setup("message", "label"), further=(FurtherModel(model, ()),))
    store.save_draft(plan)
    app = open_page("Compare", dataset=dataset.id)
    assert app.button(key="run").disabled and "Choose at least one strategy for each model." in html_of(app)


def test_one_model_is_all_there_is_until_another_is_added(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Compare", dataset=dataset.id)
    app.button(key="run").click().run()
    assert store.runs()[0].plan.further == ()


def test_the_report_shows_each_candidate_with_its_model_and_what_it_was_sent(
    synthetic_trials: Callable[..., tuple[Trial, ...]], finished: Callable[..., StoredRun]
) -> None:
    trials = []
    for model in ("small", "large"):
        prompting, *_ = synthetic_trials()
        name = f"prompting@{model}"
        prompts = SentPrompts()
        prompts.add(prompting.outcomes[0].example_id, (Piece(Part.WHOLE, f"to the {model} one", (1,)),))
        outcomes = tuple(replace(one, strategy=name) for one in prompting.outcomes)
        trials.append(replace(prompting, strategy=name, outcomes=outcomes, prompts=prompts))
    run = finished(trials)
    app = open_answers(run=run.id)
    said = html_of(app)
    assert "Prompting with small" in said and "Prompting with large" in said and "--prompting@" not in said
    app.pills(key=f"sent-{run.id}-{trials[0].outcomes[0].example_id}").set_value("prompting@large").run()
    assert [code.value for code in app.code] == ["to the large one"]
