"""The door of the server: what a request may reach before its sender has logged in.

Where people log in with a password, the door asks for it itself, so that without one no session is opened, no script
runs and no file is served. Where a provider does it, Streamlit shows the log-in as a page, so the door keeps only
uploads and files for those who have logged in; what pages show is up to `who.py`.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from html import escape
from importlib.resources import files
from ipaddress import IPv6Address, ip_address
from string import Template
from urllib.parse import parse_qs, quote, urlsplit

import streamlit as st
from anyio import CapacityLimiter, move_on_after, to_thread
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from advisor.pages.claims import LoggedOutError, person_of
from advisor.pages.own_origin import is_own
from advisor.pages.visits import MOST_WRONG, SECONDS_OF_A_VISIT, SECONDS_OF_WRONG, handle_of, visits, wrong_tries
from advisor.pages.way_in import REFUSAL, is_on_this_machine, way_in
from advisor.storage.passwords import LONGEST_NAME, Account, check_password, key_of, password_file, renew_hash
from advisor.storage.store import home_at
from eval.task import BadInput

LOG_IN = "/log-in"
VISIT_HEADER = b"x-threeways-visit"  # which .streamlit/config.toml has Streamlit pass on to st.user
COOKIE = "threeways_visit"
_HEALTH = "/_stcore/health"
_NO_PAGES = ("/_stcore/", "/media/", "/component/", "/static/")
_FOR_KNOWN = ("/_stcore/upload_file/", "/_stcore/metrics", "/media/")
_MOST_BYTES, _MOST_SECONDS = 8_192, 10  # of a log-in, until it has arrived
_MOST_WAITING, _MOST_FROM_ONE = 20, 5  # log-ins, and those of one sender; each takes 64 MB and some 50 ms in turn
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
_TOO_SLOW = "The log-in took too long to arrive. Try again."


class Door:
    """Middleware of the app, within `OwnOriginOnly`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._checking = CapacityLimiter(1)  # passwords at once
        self._senders: Counter[str] = Counter()  # of the passwords that wait or are checked

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
            is_known = not path.startswith(_FOR_KNOWN) or _is_known_to_provider(scope)
            return None if is_known else _refused("Log in first.", 403)
        handle = handle_of(_token_of(scope))
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
        typed = None
        with move_on_after(_MOST_SECONDS):
            typed = await _typed(receive)
        if typed is None:
            return PlainTextResponse(f"{_TOO_SLOW}\n", 408, {"cache-control": "no-store", "connection": "close"})
        name, password = _first(typed, "name").strip(), _first(typed, "password")
        wanted, sender = _page_of(_first(typed, "next")), _sender_of(scope)
        if self._checking.statistics().tasks_waiting >= _MOST_WAITING or self._senders[sender] >= _MOST_FROM_ONE:
            return _form(wanted, name, _TOO_MANY, 503)
        # A name that nobody can have isn't kept: it may be long.
        if len(name) <= LONGEST_NAME and not wrong_tries.begin(key_of(name)):
            return _form(wanted, name, _TOO_OFTEN, 429)
        self._senders[sender] += 1
        try:
            account = await to_thread.run_sync(_account_of, name, password, limiter=self._checking)
        finally:
            self._senders -= Counter([sender])  # which drops a sender who has none left
        if account is None:
            return _form(wanted, name, _WRONG, 401)
        wrong_tries.forget(key_of(name))
        entered = RedirectResponse(_base() + wanted, 303, {"cache-control": "no-store"})
        entered.set_cookie(
            _cookie_names(scope)[0],
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


def _cookie_names(scope: Scope) -> list[str]:
    """The one under which a visit is kept, and others under which it may have been. Browsers send cookies to all ports
    of a host, so the port that the browser asks is in the name. Under the name with __Host-, which only https can set,
    no other host of the same domain can leave a cookie of its own."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"host"), "")
    port = host.rpartition(":")[2]
    plain = f"{COOKIE}_{port}" if port.isdecimal() else COOKIE
    if _base():  # the cookie is for this path, and one with __Host- would be for all
        return [plain]
    if _is_encrypted(scope):
        return [f"__Host-{plain}"]
    return [plain, f"__Host-{plain}"]  # no page says its origin when it is first opened


def _token_of(scope: Scope) -> str:
    cookies = HTTPConnection(scope).cookies
    return next((cookies[name] for name in reversed(_cookie_names(scope)) if name in cookies), "")


def _is_known_to_provider(scope: Scope) -> bool:
    """Whether the provider let somebody in who may enter. Without this, anybody could fill the memory with uploads."""
    # Streamlit has no public function for it.
    from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

    try:
        signed = _get_signed_cookie_with_chunks(HTTPConnection(scope).cookies, "_streamlit_user")
        claims = json.loads(signed or b"null")
    except ValueError:
        return False
    try:
        return isinstance(claims, dict) and bool(person_of(claims))
    except LoggedOutError:
        return False


def _account_of(name: str, password: str) -> Account | None:
    """None if the password is wrong."""
    file = password_file(home_at())
    account = check_password(file, name, password)
    if account is None:
        return None
    renewed = renew_hash(file, account, password)
    visits.renew(account, renewed)
    return renewed


def _sender_of(scope: Scope) -> str:
    """Whose share of the waiting places a log-in takes. It is an address; of IPv6 a network, because one machine there
    has many. What X-Forwarded-For says can be made up, and the server may have put it in the place of the address. So
    all who come through a proxy are one."""
    client = scope.get("client")
    if client is None or any(name.lower() == b"x-forwarded-for" for name, _ in scope["headers"]):
        return ""
    try:
        address = ip_address(client[0].partition("%")[0])
    except ValueError:  # a name, as of a test
        return str(client[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if isinstance(address, IPv6Address) and mapped is None:
        return address.exploded[:19]  # four groups of eight
    return str(mapped or address)


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
