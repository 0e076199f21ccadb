"""The prices of a run's served models, and what the run may spend."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from advisor.hosted import prices_from
from advisor.plan import PLAN, FurtherModel, ModelPrice, Plan, Priorities, Setup, read_plan
from advisor.spending import allowance_of, price_in, unpriced, with_prices
from eval.money.tokens import Price
from eval.task import BadInput
from strategies.served.budget import Limit

LISTED, OWN = "served:gpt-4o-mini@https://api.openai.com", "served:org/model=8b@http://gpu:8000/v1"
PLAN_OF_TWO = Plan("data", Setup("a", "b"), model="embedded", further=(FurtherModel(LISTED, ("prompting",)),))


def test_a_price_is_the_persons_else_the_listed_one_else_unknown() -> None:
    plan = PLAN_OF_TWO.with_chosen([(LISTED, ("prompting",)), (OWN, ("prompting",)), ("embedded", ("prompting",))])
    found = with_prices(plan, [])
    assert found.prices == (ModelPrice(LISTED, 0.15, 0.6, prices_from()),) and unpriced(found) == (OWN,)
    found = with_prices(plan, [price_in("gpt-4o-mini=0.1/0.4", plan.models), price_in(f"{OWN}=1/0", plan.models)])
    assert found.prices == (ModelPrice(LISTED, 0.1, 0.4), ModelPrice(OWN, 1.0, 0.0)) and unpriced(found) == ()
    euros = Plan("data", Setup("a", "b"), model=LISTED, priorities=Priorities(currency="EUR"))
    assert with_prices(euros, []).prices == ()  # the table is in dollars


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gpt-4o-mini", "isn't the price of a model: write it as MODEL=0.15/0.60"),
        ("gpt-4o-mini=cheap/0.6", "isn't the price of a model"),
        ("gpt-5=1/2", "“gpt-5” in “gpt-5=1/2” is none of the models on a server: name one of served:gpt-4o-mini@"),
        ("gpt-4o-mini=1/9000000", "per million output tokens must be from 0 to 1,000,000, not 9,000,000"),
    ],
)
def test_a_price_that_cannot_be_meant_is_refused(text: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        price_in(text, PLAN_OF_TWO.models)


def test_a_run_may_spend_what_its_plan_says() -> None:
    plan = with_prices(PLAN_OF_TWO, [])
    allowance = allowance_of("run-1", replace(plan, limit=Limit(money=2.5)), "prompting")
    assert (allowance.account, allowance.step, allowance.limit.money) == ("run-1", "prompting", 2.5)
    assert allowance.prices == {f"{LISTED}/v1": Price(0.15, 0.6)} and allowance.currency == "$"


def test_plans_keep_prices_and_limits_and_earlier_plans_have_none() -> None:
    plan = with_prices(PLAN_OF_TWO, [])
    assert read_plan(PLAN.write(plan)) == plan
    stored = json.loads(PLAN.write(plan))
    del stored["prices"], stored["limit"]
    assert read_plan(json.dumps(stored)) == PLAN_OF_TWO
