"""A server that answers every request with the same bytes, whatever was asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class OddServer:
    """`body` comes with this `status` and these `headers`; with `seconds_a_byte`, byte by byte. `seen` counts the
    requests that send something, `looked` the others, which get the `page`, if there is one. `parts` come instead of
    the body as long as the client reads; `sent` counts their bytes. `connections` counts those that were made."""

    def __init__(
        self,
        body: bytes,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        seconds_a_byte: float = 0.0,
        page: bytes | None = None,
        parts: Callable[[], Iterable[bytes]] | None = None,
    ) -> None:
        self.page = body if page is None else page
        self.body, self.status, self.headers, self.seconds_a_byte = body, status, headers or {}, seconds_a_byte
        self.parts = parts
        self.seen = self.looked = self.sent = self.connections = 0
        self.name = ""


@contextmanager
def serving(odd: OddServer) -> Iterator[OddServer]:
    lock, closing = threading.Lock(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with lock:
                odd.connections += 1

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:  # the name that http.server calls
            with lock:
                odd.looked += 1
            self._answer(odd.page)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                odd.seen += 1
            self._answer(odd.body)

        def _answer(self, body: bytes) -> None:
            self.send_response(odd.status)
            if odd.parts is not None:
                self._stream(odd.parts())
                return
            for name, value in {"Content-Length": str(len(body)), **odd.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if not odd.seconds_a_byte:
                self.wfile.write(body)
                return
            for byte in body:
                if closing.is_set():
                    break
                self.wfile.write(bytes([byte]))
                time.sleep(odd.seconds_a_byte)

        def _stream(self, parts: Iterable[bytes]) -> None:
            for name, value in {"Transfer-Encoding": "chunked", **odd.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for part in parts:
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                odd.sent += len(part)
            self.wfile.write(b"0\r\n\r\n")

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Quiet: a client that has waited long enough breaks its connection off."""

    http = Server(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    odd.name = f"served:odd@http://127.0.0.1:{http.server_address[1]}/v1"
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield odd
    finally:
        closing.set()
        http.shutdown()
        http.server_close()
