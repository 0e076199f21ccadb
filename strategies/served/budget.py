"""A hard limit on what requests may cost: in money where the price is known, else in requests and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

RESUMED = "Raise the limit and continue the run: answers that are here already are not paid for again."


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens, read and written, and its `currency` for sentences."""

    read: float
    written: float
    currency: str = "$"

    def of(self, read: int, written: int) -> float:
        return (read * self.read + written * self.written) / 1e6


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that one account may spend; None is no limit. Money needs a price."""

    money: float | None = None
    requests: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What an account has spent so far. Requests that failed count too."""

    requests: int = 0
    read: int = 0
    written: int = 0


class Account(Protocol):
    """Where what was spent is kept, for all processes of a run, one after the other."""

    def spent(self) -> Spent: ...

    def add(self, requests: int, read: int, written: int) -> None: ...


class Spending:
    """What may still be spent. A request is only sent while the limit isn't reached, so the limit can be exceeded by
    the requests in flight, and by nothing else."""

    def __init__(self, account: Account, limit: Limit | None = None, price: Price | None = None) -> None:
        self._account, self.limit, self.price = account, limit or Limit(), price
        self._spent = account.spent()

    def add(self, requests: int, read: int = 0, written: int = 0) -> None:
        before = self._spent
        self._spent = Spent(before.requests + requests, before.read + read, before.written + written)
        self._account.add(requests, read, written)

    def spent(self) -> Spent:
        return self._spent

    def reached(self) -> str | None:
        """Why no further request may be sent, in a sentence; None if one may."""
        limit, spent = self.limit, self._spent
        if limit.money is not None and self.price is not None:
            money = self.price.of(spent.read, spent.written)
            if money >= limit.money:
                return (
                    f"The run stopped at its limit of {self.price.currency}{limit.money:,.2f}: its requests cost "
                    f"{self.price.currency}{money:,.2f} so far. {RESUMED}"
                )
        if limit.requests is not None and spent.requests >= limit.requests:
            return f"The run stopped at its limit of {limit.requests:,} requests. {RESUMED}"
        tokens = spent.read + spent.written
        if limit.tokens is not None and tokens >= limit.tokens:
            return f"The run stopped at its limit of {limit.tokens:,} tokens: {tokens:,} were used so far. {RESUMED}"
        return None
