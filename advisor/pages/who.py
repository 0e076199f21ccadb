"""Who looks at a page. Every look at the store asks this, so a log-out, or a name that was removed, counts at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape

import streamlit as st

from advisor.pages.marks import plain
from advisor.pages.visits import SECONDS_OF_A_VISIT, visits
from advisor.pages.way_in import DEFAULT, auth_settings, providers, way_in, welcome_emails
from advisor.storage.person import Person
from eval.task import BadInput

VISIT = "threeways_visit"  # in st.user; see `VISIT_HEADER`
_LAST = "last-person"  # whose things the session holds
_LONGEST_NAME = 80


class LoggedOutError(BadInput):
    """Nobody has logged in, or the log-in is over."""


def person() -> Person | None:
    """None where nobody logs in. Raises LoggedOutError; and BadInput if this isn't set up correctly."""
    match way_in():
        case None:
            return None
        case "password":
            account = visits.account_of(str(st.user.get(VISIT) or ""))
            if account is None:
                raise LoggedOutError("You aren't logged in; log in, and open this page again.")
            return Person(f"password:{account.key}", account.name)
        case "provider":
            return _from_provider()


def _from_provider() -> Person:
    """By issuer and subject, which OpenID Connect promises not to give to anybody else. Addresses and names may move to
    other people. The log-in ends after a day, so that somebody whom the provider no longer knows is out by then."""
    said = st.user.to_dict()
    issuer, subject, since = said.get("iss"), said.get("sub"), said.get("iat")
    if said.get("is_logged_in") is not True or not issuer or not subject:
        raise LoggedOutError("You aren't logged in; log in, and open this page again.")
    if not isinstance(since, int | float) or time.time() - since > SECONDS_OF_A_VISIT:
        raise LoggedOutError("Your log-in is more than a day old; log in again.")
    email = str(said.get("email") or "")
    _check_welcome(email, said.get("email_verified"))
    name = str(said.get("name") or said.get("preferred_username") or email or subject)
    return Person(f"provider:{issuer} {subject}", name[:_LONGEST_NAME])


def _check_welcome(email: str, is_verified: object) -> None:
    """Raises LoggedOutError unless the person may enter. Anybody can claim an address that nobody has verified."""
    welcome = welcome_emails()
    if welcome is None:
        return
    known = email.casefold()
    fits = any(known.endswith(one) if one.startswith("@") else known == one for one in welcome)
    if is_verified is not True or not fits:
        raise LoggedOutError(
            f"{email or 'Your account'} may not enter; ask the person who runs this server, or use another account."
        )


def has_entered() -> bool:
    """Whether the pages may be shown. Otherwise this shows how to log in."""
    try:
        now = person()
    except LoggedOutError as wrong:
        st.session_state.clear()
        _show_log_in(str(wrong) if st.user.get("is_logged_in") else "")
        return False
    if now is not None and st.session_state.setdefault(_LAST, now.key) != now.key:
        st.session_state.clear()  # what another person left in this browser
        st.session_state[_LAST] = now.key
    return True


def _show_log_in(problem: str) -> None:
    lead = "You see your own comparisons and those that others share."
    st.html(f'<h1 class="title">Log in to Threeways</h1><p class="lead">{lead}</p>')
    if way_in() == "password":  # the door let this page in before, so the visit has ended since
        st.html('<p class="log-in"><a href="log-in" target="_self">Log in again</a></p>')
        return
    if problem:
        st.html(f'<p class="problem" role="alert">{escape(problem)}</p>')
    for at, name in enumerate(providers(auth_settings() or {})):
        label = "Log in" if name == DEFAULT else f"Log in with {plain(name)}"
        st.button(label, type="secondary" if at else "primary", key=f"log-in-{name}", on_click=_to_provider(name))


def _to_provider(name: str) -> Callable[[], None]:
    return lambda: st.login(None if name == DEFAULT else name)


def show_log_out(now: Person) -> None:
    st.button(
        "Log out", type="tertiary", key="log-out", help=f"You are logged in as {plain(now.name)}.", on_click=_log_out
    )


def _log_out() -> None:
    if way_in() == "password":
        visits.end(str(st.user.get(VISIT) or ""))
        st.session_state.clear()
    else:
        st.logout()
