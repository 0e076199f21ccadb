"""Who has logged in with a password, and who has tried too often.

Why neither a signed cookie nor the session state: a signed cookie can't be taken back before it expires, and its key
would have to be kept somewhere. Streamlit's session state ends with every reload and every new tab, so people would
type their password for each link that they open. So the browser keeps a random token in a cookie that no script can
read, and this process remembers the hash of it. A log-out, a new password and a removed name end a visit at once, and
nothing that could be stolen lies on the disk. A restart of the server ends all visits.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from advisor.storage.passwords import Account, password_file, read_accounts
from advisor.storage.store import home_at
from eval.task import BadInput

SECONDS_OF_A_VISIT = 24 * 3600
MOST_WRONG, SECONDS_OF_WRONG = 5, 900  # so many wrong tries for a name in so long
_MOST_VISITS, _MOST_OF_ONE = 10_000, 50  # of all people, and of one; then the oldest ends
_MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class _Visit:
    account: Account
    until: float


class Visits:
    """Threads can share it. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._open: dict[str, _Visit] = {}
        self._lock = Lock()

    def begin(self, account: Account) -> str:
        """The token for the browser of somebody who gave the right password."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            now = self._now()
            still = {handle: one for handle, one in self._open.items() if one.until > now}
            own = [handle for handle, one in still.items() if one.account.key == account.key]
            for handle in [*own[: -_MOST_OF_ONE + 1], *list(still)[: -_MOST_VISITS + 1]]:
                still.pop(handle, None)
            self._open = still
            self._open[handle_of(token)] = _Visit(account, now + SECONDS_OF_A_VISIT)
        return token

    def account_of(self, handle: str) -> Account | None:
        """None if there is no such visit, if it is over, or if the name was removed or has another password now."""
        with self._lock:
            visit = self._open.get(handle)
        if visit is None or visit.until <= self._now():
            return None
        try:
            now = read_accounts(password_file(home_at())).get(visit.account.key)
        except BadInput:  # which the door says
            return None
        return now if now == visit.account else None

    def renew(self, old: Account, new: Account) -> None:
        """The same person has the same password, but its hash was computed again."""
        with self._lock:
            for handle, one in self._open.items():
                if one.account == old:
                    self._open[handle] = _Visit(new, one.until)

    def end(self, handle: str) -> None:
        with self._lock:
            self._open.pop(handle, None)


def handle_of(token: str) -> str:
    """By which this process knows a token. It opens nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


class WrongTries:
    """Counts wrong passwords for each name, known or not. Threads can share it. `now` is a clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at: dict[str, list[float]] = {}
        self._lock = Lock()

    def begin(self, key: str) -> bool:
        """Whether this name may be tried. It counts as wrong until `forget`, so that tries that are made at the same
        moment all count."""
        with self._lock:
            since = self._now() - SECONDS_OF_WRONG
            tries = [at for at in self._at.pop(key, []) if at > since]
            if len(self._at) >= _MOST_NAMES:
                self._at = {name: all_ for name, all_ in self._at.items() if all_[-1] > since}
                for name in list(self._at)[: max(0, len(self._at) - _MOST_NAMES + 1)]:
                    del self._at[name]  # whose last try is the longest ago
            may = len(tries) < MOST_WRONG
            self._at[key] = [*tries, self._now()] if may else tries
            return may

    def forget(self, key: str) -> None:
        """The password was right."""
        with self._lock:
            self._at.pop(key, None)


visits = Visits()
wrong_tries = WrongTries()
