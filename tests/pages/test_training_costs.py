"""Compare with hosted fine-tuning: what is sent where, for how much, and the person's yes."""

from __future__ import annotations

import pytest

from advisor.pages.marks import plain
from advisor.plan import Plan, Setup, TuningPrice
from advisor.runs.experiment import prepare
from advisor.storage.store import Store
from eval.task import BadInput
from tests.app import html_of, open_page
from tests.pages.test_flow import TICKETS

HOSTED = "served:gpt-4o-mini@https://api.openai.com/v1"


def test_nothing_is_sent_to_be_trained_on_without_a_tick(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    plan = Plan(dataset.id, Setup("message", "label"), "quick", ("hosted_finetuning",), model=HOSTED)
    with pytest.raises(BadInput, match="Nothing was sent: agree with --send-training-data, or tick the box"):
        prepare(store, plan)
    store.save_draft(plan)
    app = open_page("Compare", dataset=dataset.id)
    assert not app.exception
    said = html_of(app)
    assert "Hosted fine-tuning" in said and "It gets your training rows." in said
    assert "dev rows to api.openai.com and trains gpt-4o-mini at api.openai.com on" in said
    assert "at an unknown price" in said and "only with a server of our own, not with a paid service" in said
    (box,) = (one for one in app.checkbox if str(one.key).startswith("send-training-"))
    assert (
        box.label.startswith("Send ")
        and f"dev rows to {plain('api.openai.com')}, and pay for training there" in box.label
    )
    kept = store.draft(dataset.id)
    assert not box.value and (kept is None or not kept.sends_training)

    app.number_input(key=f"training-price-USD-{HOSTED}").set_value(25.0).run()
    assert "for under $0.01 to" in html_of(app) or "for $" in html_of(app)
    next(one for one in app.checkbox if one.key == box.key).check().run()
    kept = store.draft(dataset.id)
    assert kept is not None and kept.sends_training and kept.tunings == (TuningPrice(HOSTED, 25.0),)
    again = open_page("Compare", dataset=dataset.id)  # a yes isn't remembered
    assert not next(one for one in again.checkbox if one.key == box.key).value
