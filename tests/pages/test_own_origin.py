"""What the served app grants other sites: nothing. Asked over real sockets."""

from __future__ import annotations

import base64
import http.client
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest

from advisor.storage.passwords import set_password
from tests.app import ROOT, free_port

SESSION = "/_stcore/stream"
OPENED, REFUSED = 101, 403
PASSWORD = "correct horse battery"
SECONDS = 120  # the first answer takes some, and the machine may be busy


@pytest.fixture(scope="module")
def outside() -> Iterator[tuple[str, list[str]]]:
    """A proxy for all requests to servers outside, and what was asked of it."""
    asked: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(502)

        do_CONNECT = do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, outside: tuple[str, list[str]]) -> Iterator[int]:
    """Of the app as `make run` starts it, for every address of this machine, with log-in."""
    number, home = free_port(), tmp_path_factory.mktemp("home")
    set_password(home / "passwords", "anna", PASSWORD)
    proxied = {f"{scheme}_proxy": outside[0] for scheme in ("http", "https")} | {"no_proxy": ""}
    options = ["--server.port", str(number), "--server.headless", "true", "--server.address", "0.0.0.0"]
    with subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *options],
        cwd=ROOT,
        env=os.environ | proxied | {"THREEWAYS_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as app:
        assert app.stdout is not None
        assert any("URL" in line for line in app.stdout), "the app ended before it was ready"
        Thread(target=app.stdout.read, daemon=True).start()
        yield number
        app.terminate()
        app.wait(60)


@pytest.fixture(scope="module")
def cookie(port: int) -> str:
    """Of somebody who has logged in: what other sites send, too."""
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    typed = urlencode({"name": "anna", "password": PASSWORD})
    asked.request("POST", "/log-in", typed, {"Origin": f"http://127.0.0.1:{port}"})
    return str(asked.getresponse().headers["Set-Cookie"]).partition(";")[0]


def asks(port: int, cookie: str, origin: str | None, host: str | None = None) -> int:
    """The status that a page of this origin gets when it opens a session."""
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    asked.putrequest("GET", SESSION, skip_host=True)
    headers = {
        "Host": host or f"127.0.0.1:{port}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
        "Sec-WebSocket-Protocol": "streamlit",
        "Cookie": cookie,
        **({"Origin": origin} if origin is not None else {}),
    }
    for name, value in headers.items():
        asked.putheader(name, value)
    asked.endheaders()
    status = asked.getresponse().status
    asked.close()
    return status


def test_only_pages_of_this_server_open_a_session(port: int, cookie: str, outside: tuple[str, list[str]]) -> None:
    """And nobody outside is asked for the address of this machine."""
    for host in ("127.0.0.1", "localhost"):
        assert asks(port, cookie, f"http://{host}:{port}", f"{host}:{port}") == OPENED
    others = [
        f"http://localhost:{port}",  # another host than the one that is asked
        f"http://127.0.0.1:{port + 1}",
        "http://localhost:3000",
        "http://127.0.0.1",
        f"http://127.0.0.1:{port}.evil.example",
        f"http://127.0.0.1:{port}@evil.example",
        "https://evil.example",
        "http://0.0.0.0",
        "file://",
        "null",
        "",
        "http://[",
        None,
    ]
    assert {origin: asks(port, cookie, origin) for origin in others} == dict.fromkeys(others, REFUSED)
    assert asks(port, cookie, f"http://evil.example:{port}", f"evil.example:{port}") == REFUSED  # a renamed host
    assert outside[1] == []


@pytest.mark.parametrize("path", ["/", "/report", "/_stcore/health", "/static/none.js", "/media/none"])
def test_no_other_site_frames_a_page(port: int, path: str) -> None:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    asked.request("GET", path)
    headers = asked.getresponse().headers
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'self'"


def test_the_app_is_for_this_machine_and_asks_nobody() -> None:
    options = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert options["server"]["address"] == options["browser"]["serverAddress"] == "127.0.0.1"
    assert options["browser"]["gatherUsageStats"] is False
    assert re.search(r"streamlit run streamlit_app\.py$", (Path(ROOT) / "Makefile").read_text(), re.MULTILINE)
