"""The door of the server: what a request may reach before its sender has logged in.

Where people log in with a password, the door asks for it itself, so that without one no session is opened, no script
runs and no file is served. Where a provider does it, Streamlit shows the log-in as a page, so the door keeps only
uploads and files for those who have logged in; what pages show is up to `who.py`.
"""

from __future__ import annotations

import sys
from html import escape
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from string import Template
from urllib.parse import parse_qs, quote, urlsplit

import streamlit as st
from anyio import CapacityLimiter, to_thread
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from advisor.pages.own_origin import is_own
from advisor.pages.visits import MOST_WRONG, SECONDS_OF_A_VISIT, SECONDS_OF_WRONG, handle_of, visits, wrong_tries
from advisor.pages.way_in import REFUSAL, is_on_this_machine, way_in
from advisor.storage.passwords import check_password, key_of, password_file
from advisor.storage.store import home_at
from eval.task import BadInput

LOG_IN = "/log-in"
VISIT_HEADER = b"x-threeways-visit"  # which .streamlit/config.toml has Streamlit pass on to st.user
COOKIE = "threeways_visit"
_HEALTH = "/_stcore/health"
_NO_PAGES = ("/_stcore/", "/media/", "/component/", "/static/")
_FOR_KNOWN = ("/_stcore/upload_file/", "/media/")
_MOST_BYTES = 8_192  # of a log-in
_MOST_WAITING = 20  # log-ins; each takes 64 MB and some 50 ms, one after the other
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "referrer-policy": "same-origin",
}
_PAGE = Template(files("advisor.pages").joinpath("log_in.html").read_text("utf-8"))
_WRONG = "The name or the password is wrong. Try again."
_TOO_OFTEN = (
    f"There were {MOST_WRONG} wrong tries for this name. Wait {SECONDS_OF_WRONG // 60} minutes, then try again."
)
_TOO_MANY = "Many people are logging in. Try again in a moment."


class Door:
    """Middleware of the app, within `OwnOriginOnly`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._checking = CapacityLimiter(1)  # passwords at once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        # Nobody tells us from outside who they are.
        scope = {**scope, "headers": [one for one in scope["headers"] if one[0].lower() != VISIT_HEADER]}
        try:
            answer = await self._answer(scope, receive)
        except BadInput as wrong:  # how people log in is unclear, so nobody does
            sys.stderr.writelines([str(wrong), "\n"])
            answer = _refused("Log-in isn't set up correctly here. The log of the server says why.", 503)
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer(scope, receive, send)
        else:
            await receive()  # that the browser wants to connect
            await send({"type": "websocket.close", "code": 1008})  # which the server turns into status 403

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        """None if the request may go on; then its headers say which visit it belongs to. Any other answer also keeps a
        session from opening. Raises BadInput if log-in isn't set up correctly."""
        path = _path_of(scope)
        if path == _HEALTH:
            return None
        way = way_in()
        if way is None:
            return None if _came_from_here(scope) else _refused(REFUSAL, 403)
        if way == "provider":
            is_known = not path.startswith(_FOR_KNOWN) or _has_cookie_of_provider(scope)
            return None if is_known else _refused("Log in first.", 403)
        handle = handle_of(_cookies(scope).get(COOKIE, ""))
        is_here = visits.account_of(handle) is not None
        if path == LOG_IN and scope["type"] == "http":
            return await self._log_in(scope, receive, is_here)
        if is_here:
            scope["headers"].append((VISIT_HEADER, handle.encode()))
            return None
        if scope.get("method") not in ("GET", "HEAD") or path.startswith(_NO_PAGES):
            return _refused("Log in first.", 403)
        wanted = quote(path + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""), safe="")
        return RedirectResponse(f"{_base()}{LOG_IN}?next={wanted}", 303, {"cache-control": "no-store"})

    async def _log_in(self, scope: Scope, receive: Receive, is_here: bool) -> Response:
        if scope["method"] != "POST":
            wanted = _page_of(_first(parse_qs(scope["query_string"].decode("latin-1")), "next"))
            return RedirectResponse(_base() + wanted, 303) if is_here else _form(wanted)
        if not is_own(scope):  # another site must not log people in as somebody else
            return _refused("This log-in came from another site.", 403)
        typed = await _typed(receive)
        name, password = _first(typed, "name").strip(), _first(typed, "password")
        wanted = _page_of(_first(typed, "next"))
        if self._checking.statistics().tasks_waiting >= _MOST_WAITING:
            return _form(wanted, name, _TOO_MANY, 503)
        if not wrong_tries.begin(key_of(name)):
            return _form(wanted, name, _TOO_OFTEN, 429)
        account = await to_thread.run_sync(
            check_password, password_file(home_at()), name, password, limiter=self._checking
        )
        if account is None:
            return _form(wanted, name, _WRONG, 401)
        wrong_tries.forget(key_of(name))
        entered = RedirectResponse(_base() + wanted, 303, {"cache-control": "no-store"})
        entered.set_cookie(
            COOKIE,
            visits.begin(account),
            max_age=SECONDS_OF_A_VISIT,
            path=_base() or "/",
            secure=_is_encrypted(scope),
            httponly=True,
            samesite="lax",  # "strict" would ask again after each click on a link in a message
        )
        return entered


def _base() -> str:
    """What all paths of this server begin with; mostly ""."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}" if base else ""


def _path_of(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(_base()) or "/"


def _came_from_here(scope: Scope) -> bool:
    """Whether the server was reached by an address that only this machine has. A Unix socket has none."""
    server = scope.get("server")
    return server is not None and (server[1] is None or is_on_this_machine(server[0]))


def _is_encrypted(scope: Scope) -> bool:
    """Whether the browser is on https, by the origin that it names: a proxy may end the encryption."""
    return any(name == b"origin" and value.startswith(b"https://") for name, value in scope["headers"])


def _cookies(scope: Scope) -> dict[str, str]:
    found: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name.lower() == b"cookie":
            try:
                found.load(value.decode("latin-1"))
            except CookieError:  # of another program on this host
                continue
    return {name: one.value for name, one in found.items()}


def _has_cookie_of_provider(scope: Scope) -> bool:
    # Streamlit has no public function for it. Without this, anybody could fill the memory with uploads.
    from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

    return _get_signed_cookie_with_chunks(_cookies(scope), "_streamlit_user") is not None


async def _typed(receive: Receive) -> dict[str, list[str]]:
    """The fields of a form; none if it is longer than a log-in."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _MOST_BYTES or message["type"] != "http.request":
            return {}
        if not message.get("more_body"):
            return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


def _first(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0]


def _page_of(wanted: str) -> str:
    """A page of this server to go on to; the first one unless `wanted` is one."""
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", LOG_IN)) and "\\" not in wanted
    try:
        is_ours = is_ours and wanted.isprintable() and not urlsplit(wanted).netloc
    except ValueError:
        return "/"
    return wanted if is_ours else "/"


def _form(wanted: str, name: str = "", problem: str = "", status: int = 200) -> HTMLResponse:
    told = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    page = _PAGE.substitute(action=escape(_base() + LOG_IN), next=escape(wanted), name=escape(name), problem=told)
    return HTMLResponse(page, status, _HEADERS)


def _refused(sentence: str, status: int) -> PlainTextResponse:
    return PlainTextResponse(f"{sentence}\n", status, {"cache-control": "no-store"})
