"""A hub of models with one repository, whose owner may publish again: as much of its API as fetching a model needs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

OWNER = "owner/model"


class TinyHub:
    """`commits` are folders by their commit; the last is "main". `asked` are the paths of the requests so far. `page`
    is what a proxy answers instead of the hub, b"" for none."""

    def __init__(self) -> None:
        self.commits: dict[str, Path] = {}
        self.asked: list[str] = []
        self.page = b""

    def publish(self, folder: Path) -> str:
        commit = hashlib.sha1(str(len(self.commits)).encode()).hexdigest()
        self.commits[commit] = folder
        return commit

    def commit_of(self, revision: str) -> str:
        return revision if revision in self.commits else list(self.commits)[-1]


@contextmanager
def tiny_hub() -> Iterator[tuple[TinyHub, str]]:
    """With its address."""
    hub = TinyHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            hub.asked.append(path)
            if hub.page:
                self._send(hub.page, "", with_body, "text/html")
            elif found := re.fullmatch(rf"/api/models/{OWNER}(?:/(?:revision|tree)/([^/]+))?", path):
                commit = hub.commit_of(found[1] or "main")
                listed = self._listed(hub.commits[commit])
                told: object = listed
                if "/tree/" not in path:
                    told = {
                        "_id": "1", "id": OWNER, "modelId": OWNER, "sha": commit, "private": False, "tags": [],
                        "downloads": 0, "siblings": [{"rfilename": one["path"]} for one in listed],
                    }  # fmt: skip
                self._send(json.dumps(told).encode(), commit, with_body, "application/json")
            elif found := re.fullmatch(rf"/{OWNER}/resolve/([^/]+)/(.+)", path):
                commit = hub.commit_of(found[1])
                file = hub.commits[commit] / found[2]
                self._send(file.read_bytes() if file.is_file() else None, commit, with_body)
            else:
                self._send(None, "", with_body)

        def _listed(self, folder: Path) -> list[dict[str, object]]:
            return [
                {
                    "type": "file",
                    "oid": hashlib.sha1(file.read_bytes()).hexdigest(),
                    "size": file.stat().st_size,
                    "path": file.relative_to(folder).as_posix(),
                }
                for file in sorted(folder.rglob("*"))
                if file.is_file()
            ]

        def _send(self, body: bytes | None, commit: str, with_body: bool, kind: str = "text/plain") -> None:
            self.send_response(404 if body is None else 200)
            if body is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Type", kind)
            self.send_header("X-Repo-Commit", commit)
            self.send_header("ETag", f'"{hashlib.sha1(body or b"").hexdigest()}"')
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if with_body and body:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield hub, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
