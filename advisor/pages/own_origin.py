"""What the server grants a browser: no other site may frame its pages or talk to its sessions.

Streamlit lets every page on this machine open a session, on whatever port it was served. For other origins it asks a
server outside for the address of this machine. Here they are refused before Streamlit sees them.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# "self" and not "none": Streamlit puts some of its own elements into frames.
_HEADERS = [(b"content-security-policy", b"frame-ancestors 'self'"), (b"x-frame-options", b"SAMEORIGIN")]


class OwnOriginOnly:
    """Middleware of the app. A proxy in front of it passes the browser's Host on, or its origin is in the option
    server.corsAllowedOrigins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        if scope["type"] == "websocket" and not is_own(scope):
            await receive()  # that the browser wants to connect
            await send({"type": "websocket.close", "code": 1008})  # which the server turns into status 403
            return
        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def is_own(scope: Scope) -> bool:
    """Whether a page of this server asks. Browsers always say which page it is."""
    given = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    origins = [value for name, value in given if name == b"origin"]
    hosts = [value for name, value in given if name == b"host"]
    if len(origins) != 1 or len(hosts) != 1:
        return False
    if origins[0] in {one.strip() for one in st.get_option("server.corsAllowedOrigins")}:
        return True
    try:
        origin = urlsplit(origins[0])
    except ValueError:
        return False
    return origin.scheme in ("http", "https") and origin.netloc.casefold() == hosts[0].casefold()
