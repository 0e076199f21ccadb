"""Compare with models on servers: their prices, a limit, and how a stopped run goes on."""

from __future__ import annotations

from dataclasses import replace

from advisor.hosted import prices_from
from advisor.plan import FurtherModel, ModelPrice, Plan, Setup
from advisor.storage.store import Store
from strategies.served.budget import Limit
from tests.app import html_of, open_page
from tests.pages.test_flow import TICKETS

LISTED, OWN = "served:gpt-4o-mini@https://api.openai.com/v1", "served:own@http://gpu:8000/v1"


def plan_with(store: Store, *models: str) -> Plan:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    further = tuple(FurtherModel(model, ("prompting",)) for model in models)
    return Plan(dataset.id, Setup("message", "label"), "quick", ("prompting",), further=further)


def test_listed_prices_are_filled_in_and_money_can_be_limited_once_all_are_known(store: Store) -> None:
    plan = plan_with(store, LISTED, OWN)
    store.save_draft(plan)
    app = open_page("Compare", dataset=plan.dataset_id)
    assert not app.exception
    prices = {one.key: one.value for one in app.number_input if "-price-" in str(one.key)}
    assert prices == {
        f"input-price-USD-{LISTED}": 0.15,
        f"output-price-USD-{LISTED}": 0.6,
        f"input-price-USD-{OWN}": None,
        f"output-price-USD-{OWN}": None,
    }
    assert "what own at gpu:8000 costs stays unknown" in html_of(app) and "at an unknown price" in html_of(app)
    app.number_input(key="max-requests").set_value(900).run()
    app.number_input(key="max-tokens").set_value(50_000).run()
    kept = store.draft(plan.dataset_id)
    assert kept is not None and kept.limit == Limit(requests=900, tokens=50_000)

    app.number_input(key=f"input-price-USD-{OWN}").set_value(1.0).run()
    app.number_input(key=f"output-price-USD-{OWN}").set_value(0.0).run()
    app.number_input(key="max-money").set_value(2.5).run()
    said = html_of(app)
    assert "gpt-4o-mini will be shut down on" in said or "was to be shut down on" in said
    assert "gpt-4o-mini at api.openai.com: about " in said and "These are estimates." in said
    assert "at an unknown price" not in said
    kept = store.draft(plan.dataset_id)
    assert kept is not None and kept.limit == Limit(money=2.5)
    assert kept.prices == (ModelPrice(LISTED, 0.15, 0.6, prices_from()), ModelPrice(OWN, 1.0, 0.0))


def test_nothing_is_asked_about_costs_where_no_model_is_on_a_server(store: Store) -> None:
    plan = plan_with(store)
    app = open_page("Compare", dataset=plan.dataset_id)
    assert not app.exception and not any(
        "price-USD" in str(one.key) or one.key == "max-money" for one in app.number_input
    )


def test_a_run_that_stopped_at_its_limit_goes_on_with_a_higher_one(store: Store) -> None:
    plan = replace(plan_with(store, OWN), limit=Limit(requests=100))
    run = store.add_run(plan, "{}")
    store.start_run(run.id)
    store.end_run(run.id, "stopped", "The run stopped at its limit of 100 requests.")
    app = open_page("Report", run=run.id)
    assert not app.exception and "Stopped at its limit" in html_of(app)
    assert app.button(key="continue-with-limit").disabled
    app.number_input(key="new-max-requests").set_value(500).run()
    app.button(key="continue-with-limit").click().run()
    assert store.run(run.id).state == "queued" and store.run(run.id).plan.limit == Limit(requests=500)
    assert {step.state for step in store.steps(run.id)} == {"waiting"}
