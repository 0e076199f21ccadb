"""A hard limit on what a run's requests may cost: in money where all prices are known, else in requests and tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from eval.money.tokens import Price, Spent
from eval.task import BadInput

RESUMED = "Raise the limit and continue the run: answers that are here already are not paid for again."


class LimitReachedError(BadInput):
    """The run has spent what it may. The message says how much that is and what to do."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that one account may spend; None is no limit. Money needs the price of every model of the account."""

    money: float | None = None
    requests: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a run may spend on the models it asks, for all its processes.

    What they spend is counted under the name `account`, apart for each `step`. The `limit` holds for the whole account.
    `prices` are those of its served models by their full name ("served:MODEL@URL"), as far as they are known, in the
    currency with this sign.
    """

    account: str = ""
    step: str = ""
    limit: Limit = field(default_factory=Limit)
    prices: Mapping[str, Price] = field(default_factory=dict)
    currency: str = "$"


NO_LIMIT = Allowance()


def training_of(model: str) -> str:
    """The name under which an account counts the training of a served model, by its full name. Its tokens are read."""
    return f"{model} (training)"


def is_training(name: str) -> bool:
    return name == training_of(name.removesuffix(" (training)"))


def tuned_from(model: str) -> str:
    """The name under which an account counts the answers of what was fine-tuned from a served model: what that is
    called is only known afterwards, and the prices before."""
    return f"{model} (fine-tuned)"


class Account(Protocol):
    """Where what was spent is kept, for all processes of a run, one after the other."""

    def spent(self) -> Mapping[str, Spent]:
        """What the whole account has spent on each model, by its full name."""
        ...

    def add(self, spent: Spent) -> None:
        """Spent on the model that is being asked."""
        ...


class Spending:
    """What may still be spent on one model. A request is only sent while the limit isn't reached, so the limit can be
    exceeded by the requests in flight, and by nothing else."""

    def __init__(self, account: Account, model: str = "", allowance: Allowance = NO_LIMIT) -> None:
        self._account, self._model, self._allowance = account, model, allowance
        self._spent = dict(account.spent())

    def add(self, requests: int, read: int = 0, written: int = 0) -> None:
        added = Spent(requests, read, written)
        self._spent[self._model] = self._spent.get(self._model, Spent()) + added
        self._account.add(added)

    def spent(self) -> Spent:
        """On all models of the account."""
        return sum(self._spent.values(), Spent())

    def money(self) -> float | None:
        """What all of that cost; None if one of the prices is unknown."""
        return money_of(self._spent, self._allowance.prices)

    def refusal_of_training(self, model: str, tokens: int) -> str | None:
        """Why a served model mustn't be trained on so many tokens, in a sentence; None if it may."""
        limit, sign = self._allowance.limit, self._allowance.currency
        key = training_of(model)
        after = {**self._spent, key: self._spent.get(key, Spent()) + Spent(1, tokens)}
        before, total = self.money(), money_of(after, self._allowance.prices)
        if limit.money is not None and (total is None or total > limit.money):
            costs = "an unknown sum" if total is None or before is None else f"up to {sign}{total - before:,.2f}"
            return (
                f"Training would cost {costs}, which passes the run's limit of {sign}{limit.money:,.2f}, so it wasn't "
                f"started. {RESUMED}"
            )
        spent = sum(after.values(), Spent())
        if limit.tokens is not None and spent.read + spent.written > limit.tokens:
            return (
                f"Training may take up to {tokens:,} tokens, which passes the run's limit of {limit.tokens:,} tokens, "
                f"so it wasn't started. {RESUMED}"
            )
        return None

    def reached(self) -> str | None:
        """Why no further request may be sent, in a sentence; None if one may."""
        limit, spent, sign = self._allowance.limit, self.spent(), self._allowance.currency
        money = self.money() if limit.money is not None else None
        if limit.money is not None and money is not None and money >= limit.money:
            return (
                f"The run stopped at its limit of {sign}{limit.money:,.2f}: its requests cost {sign}{money:,.2f} so "
                f"far. {RESUMED}"
            )
        if limit.requests is not None and spent.requests >= limit.requests:
            return f"The run stopped at its limit of {limit.requests:,} requests. {RESUMED}"
        tokens = spent.read + spent.written
        if limit.tokens is not None and tokens >= limit.tokens:
            return f"The run stopped at its limit of {limit.tokens:,} tokens: {tokens:,} were used so far. {RESUMED}"
        return None


def money_of(spent: Mapping[str, Spent], prices: Mapping[str, Price]) -> float | None:
    """What was spent on each model, in money; None if tokens were spent on one whose price is unknown."""
    known = [prices[model].of(one.read, one.written) if model in prices else None for model, one in spent.items()]
    return None if None in known else sum(one for one in known if one is not None)
