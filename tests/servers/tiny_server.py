"""An OpenAI-compatible server in front of the tiny network or another, in vLLM's shape, which can also misbehave.

`python -m tests.servers.tiny_server SECONDS` runs it in a process of its own and prints its address.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.tiny_api import Api, Refused, tiny_api
from tests.servers.tiny_tuning import TinyTuning

MODEL = "tiny"


@dataclass
class Behaviour:
    """What the server does with requests for answers.

    `ignores`: parameters and paths that it acts as if it had never heard of, with status 200 (paths: 404). `refuses`:
    parameters, and types of `response_format`, that it answers with status 400. `fails`: parameters and paths at which
    it meets the fault `fails_as`; llama-cpp-python's server answers 500. `faults`: what happens to the next requests,
    one each: a status such as 429, "hang", "drop", "cut", "malformed", "empty", "page". After so many whole `answers`,
    every request meets the fault `then`. `retry_after` goes with 429. `key` must come with each request. `seconds` are
    added to each answer. With `at_most` requests at once, further ones get 429. `tuning` fine-tunes; without it, its
    paths are unknown. `adapters` are further models, by name, each with the one that it adapts.
    """

    ignores: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    fails_as: int | str = 500
    faults: deque[int | str] = field(default_factory=deque)
    answers: int | None = None
    then: int | str = "hang"
    retry_after: str | None = None
    key: str | None = None
    answers_as: str = MODEL
    changes_answers: bool = False
    ends_on: str | None = None  # as OpenAI's list of models says it
    usage: dict[str, Any] | None = None  # instead of the true one
    decides_as: dict[str, float] | None = None  # probabilities, whatever the options and the state are
    thinks: str = ""  # what the model writes before each answer, as reasoning
    seconds: float = 0.0
    at_most: int | None = None
    tuning: TinyTuning | None = None
    adapters: dict[str, str] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        return [MODEL, *self.adapters, *(self.tuning.models if self.tuning else [])]


class TinyServer:
    """Serves on a free port of 127.0.0.1 within `with`. `answered` are the requests that get a whole answer, in order,
    as path and body, and `failed` those that met `fails`; `most_at_once` is how many were being answered at the same
    time at most. `api` makes the answers, the tiny network's unless given."""

    def __init__(self, behaviour: Behaviour | None = None, api: Api | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.api: Api = api or tiny_api()
        self.answered: list[tuple[str, dict[str, Any]]] = []
        self.failed: list[str] = []
        self.seen = 0
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()
        server = self

        class Handler(_Handler):
            tiny = server

        self._http = _HttpServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> TinyServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def name(self) -> str:
        return f"served:{MODEL}@{self.url}"


class _HttpServer(ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Quiet: a client that is killed breaks its connections off."""


class _Handler(BaseHTTPRequestHandler):
    tiny: TinyServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:  # the name that http.server calls
        if self.path == "/v1/models" and "/v1/models" not in self.tiny.behaviour.ignores:
            self._send(200, {"object": "list", "data": list(map(self._card, self.tiny.behaviour.models))})
        elif not self._tune(b""):
            self._refuse(404, "Not Found")

    def do_DELETE(self) -> None:
        if not self._tune(b""):
            self._refuse(404, "Not Found")

    def _card(self, model: str) -> dict[str, Any]:
        """As vLLM lists a model: an adapter names its base as `parent`. OpenAI adds when a model ends."""
        behaviour = self.tiny.behaviour
        card = {"id": model, "object": "model", "max_model_len": 2048, "root": model}
        return {**card, "parent": behaviour.adapters.get(model), "shutdown_date": behaviour.ends_on}

    def _tune(self, content: bytes) -> bool:
        """Whether the request was one for fine-tuning, which is answered then."""
        behaviour = self.tiny.behaviour
        if behaviour.tuning is None:
            return False
        if behaviour.key and self.headers.get("Authorization") != f"Bearer {behaviour.key}":
            self._refuse(401, "Incorrect API key provided.")
            return True
        with self.tiny.lock:
            found = behaviour.tuning.reply(self.command, self.path, content, self.headers.get("Content-Type", ""))
        if found is not None:
            self._send(*found)
        return found is not None

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self._tune(content):
            return
        body = json.loads(content)
        behaviour = self.tiny.behaviour
        if behaviour.key and self.headers.get("Authorization") != f"Bearer {behaviour.key}":
            self._refuse(401, f"Incorrect API key provided: {self.headers.get('Authorization', '')[7:]}.")
        elif self.path in behaviour.ignores or self.path not in (*_ANSWERS, "/tokenize"):
            self._refuse(404, "Not Found")
        elif self.path == "/tokenize":
            self._send(200, self.tiny.api.tokenize(body))
        else:
            self._answer(body)

    def _answer(self, body: dict[str, Any]) -> None:
        tiny, behaviour = self.tiny, self.tiny.behaviour
        with tiny.lock:
            tiny.seen += 1
            tiny.at_once += 1
            tiny.most_at_once = max(tiny.most_at_once, tiny.at_once)
            fault = behaviour.faults.popleft() if behaviour.faults else None
            if behaviour.answers is not None and tiny.at_once + len(tiny.answered) > behaviour.answers:
                fault = behaviour.then
            if behaviour.fails & {self.path, *body}:
                tiny.failed.append(json.dumps([self.path, body], sort_keys=True))
                fault = behaviour.fails_as
            if behaviour.at_most is not None and tiny.at_once > behaviour.at_most:
                fault = 429
        try:
            if behaviour.seconds:
                time.sleep(behaviour.seconds)
            self._answer_or_fail(body, fault)
        finally:
            with tiny.lock:
                tiny.at_once -= 1

    def _answer_or_fail(self, body: dict[str, Any], fault: int | str | None) -> None:
        tiny, behaviour = self.tiny, self.tiny.behaviour
        if isinstance(fault, int):
            self._refuse(fault, "Slow down." if fault == 429 else "Something went wrong.")
            return
        if fault == "hang":
            tiny.closing.wait()
            self.close_connection = True
            return
        if fault == "drop":
            self.close_connection = True
            return
        if fault == "malformed":
            self._send_text(200, '{"choices": [{"message": {"content": "hel')
            return
        if fault == "page":
            self._send_text(200, "<html><body>Welcome</body></html>", "text/html")
            return
        if fault == "empty":
            self._send(200, {"id": "1", "object": "chat.completion", "choices": []})
            return
        form = (body.get("response_format") or {}).get("type")
        for name in sorted(behaviour.refuses & {*body.keys(), form}):
            said = f"Unsupported parameter: {name}."
            self._send(400, {"error": {"message": said, "type": "invalid_request_error", "param": name}})
            return
        honoured = {name: value for name, value in body.items() if name not in behaviour.ignores}
        try:
            if body.get("model") not in behaviour.models:
                raise Refused(404, f"The model `{body.get('model')}` does not exist.")
            reply = tiny.api.reply(self.path, honoured)
        except Refused as wrong:
            self._refuse(wrong.status, str(wrong))
            return
        reply["model"] = behaviour.answers_as if body["model"] == MODEL else body["model"]
        if "usage" in behaviour.ignores:
            del reply["usage"]
        elif behaviour.usage is not None:
            reply["usage"] = behaviour.usage
        if self.path == _CHAT:
            self._change(reply)
        if behaviour.decides_as is not None and self.path == _DECISIONS:
            for answer in reply["answers"].values():
                answer["probabilities"] = behaviour.decides_as
        if fault != "cut":
            with tiny.lock:
                tiny.answered.append((self.path, body))
        if honoured.get("stream") and self.path == _CHAT:
            self._stream(reply, body, cut=fault == "cut")
        else:
            content = json.dumps(reply)
            self._send_text(200, content, cut=fault == "cut")

    def _change(self, reply: dict[str, Any]) -> None:
        behaviour, message = self.tiny.behaviour, reply["choices"][0]["message"]
        if behaviour.changes_answers:
            message["content"] += f" {self.tiny.seen}"
        if behaviour.thinks:
            message["reasoning_content"] = behaviour.thinks
            thoughts = len(self.tiny.api.tokens_of(behaviour.thinks))
            reply["usage"]["completion_tokens"] += thoughts
            reply["usage"]["completion_tokens_details"] = {"reasoning_tokens": thoughts}

    def _stream(self, reply: dict[str, Any], body: dict[str, Any], cut: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunks = list(_chunks(reply, bool((body.get("stream_options") or {}).get("include_usage"))))
        for chunk in chunks[: len(chunks) // 2] if cut else chunks:
            self._chunk(f"data: {json.dumps(chunk)}\n\n")
        if cut:
            self.close_connection = True
            return
        self._chunk("data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _refuse(self, status: int, message: str) -> None:
        self._send(status, {"error": {"message": message, "type": "error", "param": None, "code": status}})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        self._send_text(status, json.dumps(body))

    def _send_text(self, status: int, text: str, kind: str = "application/json", cut: bool = False) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if status == 429 and self.tiny.behaviour.retry_after is not None:
            self.send_header("Retry-After", self.tiny.behaviour.retry_after)
        self.end_headers()
        if cut:
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        else:
            self.wfile.write(data)


_CHAT, _COMPLETIONS, _DECISIONS = "/v1/chat/completions", "/v1/completions", "/v1/systemone"
_ANSWERS = (_CHAT, _COMPLETIONS, _DECISIONS)


def _chunks(reply: dict[str, Any], with_usage: bool) -> Iterator[dict[str, Any]]:
    choice = reply["choices"][0]
    shared = {"id": reply["id"], "object": "chat.completion.chunk", "created": 0, "model": reply["model"]}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**shared, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    message = choice["message"]
    yield chunk({"role": "assistant", "content": ""})
    if message.get("reasoning_content"):
        yield chunk({"reasoning_content": message["reasoning_content"]})
    for word in _words(message["content"]):
        yield chunk({"content": word})
    yield chunk({}, choice["finish_reason"])
    if with_usage and "usage" in reply:
        yield {**shared, "choices": [], "usage": reply["usage"]}


def _words(text: str) -> Sequence[str]:
    return [f"{word} " for word in text.split(" ")[:-1]] + text.split(" ")[-1:]


def main() -> None:
    import sys

    import torch

    torch.set_num_threads(1)
    with TinyServer(Behaviour(seconds=float(sys.argv[1]))) as server:
        sys.stdout.write(f"{server.name}\n")
        sys.stdout.flush()
        sys.stdin.read()  # until the other side is gone


if __name__ == "__main__":
    main()
