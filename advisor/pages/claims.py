"""Who somebody is by what a log-in provider says of them. Pages ask this at each look, and the door for each upload."""

from __future__ import annotations

import string
import time
from collections.abc import Mapping
from urllib.parse import quote

from advisor.pages.provider import log_in_provider
from advisor.pages.visits import SECONDS_OF_A_VISIT
from advisor.storage.person import Person
from eval.task import BadInput

_SECONDS_AHEAD = 60  # by which the provider's clock may be ahead of ours
_LONGEST_NAME, _LONGEST_ADDRESS = 80, 60  # as shown
_UNQUOTED = string.punctuation.replace("%", "")  # so that a usual issuer stays as it is


class LoggedOutError(BadInput):
    """Nobody has logged in, or the log-in is over."""


def person_of(claims: Mapping[str, object]) -> Person:
    """By issuer and subject, which OpenID Connect promises not to give to anybody else. Addresses and names may move to
    other people. The log-in ends after a day, so that somebody whom the provider no longer knows is out by then.

    Raises LoggedOutError unless they may enter, and BadInput if it isn't clear who may."""
    issuer, subject, since = (claims.get(name) for name in ("iss", "sub", "iat"))
    is_said = isinstance(issuer, str) and isinstance(subject, str) and issuer != "" != subject
    if claims.get("is_logged_in") is not True or not is_said:
        raise LoggedOutError("You aren't logged in; log in, and open this page again.")
    now = time.time()
    if not isinstance(since, int | float) or not now - SECONDS_OF_A_VISIT <= since <= now + _SECONDS_AHEAD:
        raise LoggedOutError("Your log-in is more than a day old, or its time can't be right; log in again.")
    given = claims.get("email")
    email = given if isinstance(given, str) else ""
    is_verified = claims.get("email_verified") is True  # anybody can claim an address that nobody has verified
    _check_welcome(email, is_verified)
    key = " ".join(quote(str(one), _UNQUOTED, errors="surrogatepass") for one in (issuer, subject))
    return Person(f"provider:{key}", _shown_name(claims, email, is_verified))


def _check_welcome(email: str, is_verified: bool) -> None:
    provider = log_in_provider()
    if provider is None or provider.welcome is None:
        return
    if not is_verified or not provider.welcomes(email):
        raise LoggedOutError(
            f"{email or 'Your account'} may not enter; ask the person who runs this server, or use another account."
        )


def _shown_name(claims: Mapping[str, object], email: str, is_verified: bool) -> str:
    """Anybody can choose a display name, also somebody else's. So the verified address follows in parentheses, which no
    display name has."""
    texts = [claims.get(name) for name in ("name", "preferred_username")]
    name = next(filter(None, (_plain(one) for one in texts if isinstance(one, str))), "")
    email = _plain(email)
    if not is_verified or not email:
        return (name or email or _plain(str(claims.get("sub"))))[:_LONGEST_NAME]
    address = f" ({email if len(email) <= _LONGEST_ADDRESS else f'…{email[-_LONGEST_ADDRESS:]}'})"
    name = name if name and name != email else email.partition("@")[0]
    return name[: _LONGEST_NAME - len(address)] + address


def _plain(text: str) -> str:
    """Without parentheses, and without signs that turn the direction of what follows."""
    return "".join(sign for sign in text if sign.isprintable() and sign not in "()").strip()
