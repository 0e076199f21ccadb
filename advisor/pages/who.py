"""Who looks at a page. Every look at the store asks this, so a log-out, or a name that was removed, counts at once."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from advisor.pages.claims import LoggedOutError, person_of
from advisor.pages.marks import plain
from advisor.pages.provider import DEFAULT, log_in_provider
from advisor.pages.visits import visits
from advisor.pages.way_in import way_in
from advisor.storage.person import Person

VISIT = "threeways_visit"  # in st.user; see `VISIT_HEADER`
_LAST = "last-person"  # whose things the session holds


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
            return person_of(st.user.to_dict())


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
    provider = log_in_provider()
    for at, name in enumerate(provider.names if provider else ()):
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
