"""A strategy behind its endpoint: a real server in this process, in front of a strategy without a model."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn

from advisor.command_line.serving import key_of
from advisor.serving import punctual
from advisor.serving.app import Endpoint
from advisor.serving.limits import KEY_VARIABLE, Address, Limits
from advisor.serving.reading import read_request
from advisor.serving.refusal import Refused
from advisor.serving.replies import Served
from advisor.serving.server import config_of
from advisor.serving.waiting_line import WaitingLine
from eval.conversation import turns_of
from eval.outcomes import Prediction
from eval.task import BadInput
from tests.servers.asking import JSON, Reply, chat, send

USUAL = Limits()
PATH, KEY = "/v1/chat/completions", "a key, with $igns"


@dataclass
class Counting:
    """Answers with the number of words. Waits while it is held; can't read "broken", and finds "long" too long."""

    calls: list[list[str]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    line: WaitingLine | None = None  # in front of it

    @property
    def waiting(self) -> int:
        return len(self.line) if self.line is not None else 0

    def __post_init__(self) -> None:
        self.held.set()

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        self.calls.append(list(inputs))
        assert self.held.wait(30)
        if "broken" in inputs:
            raise ZeroDivisionError("nothing to divide by")
        return [
            Prediction("", 9, 0, error="The prompt is longer than the 8 tokens that fit this model.")
            if text == "long"
            else Prediction(str(len(text.split())), len(text), 1, ("handbook",), cut_off=text == "cut")
            for text in inputs
        ]


@contextmanager
def serving(
    log: Path, strategy: Counting, limits: Limits = USUAL, key: str | None = None, keeps_turns: bool = False
) -> Iterator[str]:
    with Address(port=0).bind() as bound:
        strategy.line = line = WaitingLine(strategy.predict, limits.at_once, limits.most_waiting, log)
        endpoint = Endpoint(Served("counting", "20-run"), line, limits, key, keeps_turns)
        server = uvicorn.Server(config_of(endpoint, limits))
        thread = threading.Thread(target=server.run, args=([bound],))
        bound.listen(128)
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            strategy.held.set()
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def strategy() -> Counting:
    return Counting()


@pytest.fixture
def url(tmp_path: Path, strategy: Counting) -> Iterator[str]:
    with serving(tmp_path / "error.log", strategy, Limits(most_bytes=4_000)) as url:
        yield url


def refusal(reply: Reply) -> tuple[int, str, str]:
    """Status, code and sentence; its form is OpenAI's."""
    error = reply.said["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"].endswith(".")
    return reply.status, error["code"], error["message"]


def test_an_answer_has_the_form_of_openai(url: str) -> None:
    reply = send(url, PATH, chat("counting", "earlier words", "one two three"))
    said = reply.said
    assert reply.status == 200 and said["object"] == "chat.completion" and said["model"] == "counting"
    assert said["choices"] == [
        {"index": 0, "message": {"role": "assistant", "content": "3"}, "logprobs": None, "finish_reason": "stop"}
    ]
    assert said["usage"] == {"prompt_tokens": 13, "completion_tokens": 1, "total_tokens": 14}
    assert said["sources"] == ["handbook"]
    assert send(url, PATH, chat("counting", "cut")).said["choices"][0]["finish_reason"] == "length"
    (model,) = send(url, "/v1/models").said["data"]
    assert (model["id"], model["object"], model["owned_by"]) == ("counting", "model", "run 20-run")
    assert send(url, "/health").said == {"status": "ok"}


def test_a_stream_gives_the_same_answer(url: str) -> None:
    reply = send(url, PATH, chat("counting", "one two", stream=True, stream_options={"include_usage": True}))
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/event-stream")
    *chunks, counted = reply.events
    assert {(chunk["object"], chunk["id"]) for chunk in chunks} == {("chat.completion.chunk", counted["id"])}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0]["role"] == "assistant"
    assert "".join(delta.get("content", "") for delta in deltas) == "2"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None, None, "stop"]
    assert [chunk.get("sources") for chunk in chunks] == [None, None, ["handbook"]]
    assert counted["choices"] == [] and counted["usage"]["total_tokens"] == 8
    assert all("usage" not in chunk for chunk in send(url, PATH, chat("counting", "one", stream=True)).events)


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b"{", 400, "invalid_json", "isn't JSON"),
        (b"[" * 100_000, 413, "request_too_large", "4,000 bytes"),
        (b"[" * 3_000, 400, "invalid_json", "isn't JSON"),
        (b"\xff\xfe", 400, "invalid_json", "isn't JSON"),
        (b"[]", 400, "invalid_json", "isn't a JSON object"),
        (b"{}", 400, "invalid_request", "ask for 'counting'"),
        (chat("gpt-6", "hello"), 404, "model_not_found", "no model 'gpt-6'"),
        (chat("counting"), 400, "invalid_request", "at least one message"),
        (chat("counting", "   "), 400, "invalid_request", "nothing to answer"),
        (chat("counting", "hello", n=2), 400, "unsupported_parameter", "“n”"),
        (chat("counting", "hello", tools=[{"type": "function"}]), 400, "unsupported_parameter", "“tools”"),
        (chat("counting", "hello", stream="yes"), 400, "invalid_request", "true or false"),
        (chat("counting", "\ud800"), 400, "invalid_request", "surrogate"),
        (chat("counting", "long"), 400, "context_length_exceeded", "longer than the 8 tokens"),
        (chat("counting", "broken"), 500, "internal_error", "error.log"),
        (b'{"model": "counting", "messages": [{"role": "robot", "content": "a"}]}', 400, "invalid_request", "role"),
        (b'{"model": "counting", "messages": [{"role": "user", "content": 3}]}', 400, "invalid_request", "a text"),
        (
            b'{"model": "counting", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
            400, "unsupported_content", "isn't text",
        ),
    ],
)  # fmt: skip
def test_what_can_not_be_answered_is_refused_in_a_sentence(
    url: str, body: bytes, status: int, code: str, words: str
) -> None:
    found = refusal(send(url, PATH, body))
    assert found[:2] == (status, code) and words in found[2]
    assert send(url, PATH, chat("counting", "still there")).text == "2"


def test_paths_methods_and_forms_that_are_not_there_are_refused(url: str) -> None:
    assert refusal(send(url, "/v1/embeddings", b"{}"))[:2] == (404, "not_found")
    assert refusal(send(url, PATH))[:2] == (405, "method_not_allowed")
    assert refusal(send(url, PATH, method="OPTIONS"))[:2] == (405, "method_not_allowed")  # no page of another site asks
    for headers in ({}, {"Content-Type": "text/plain"}):
        assert refusal(send(url, PATH, chat("counting", "hello"), headers))[:2] == (415, "unsupported_content_type")
    assert send(url, PATH, chat("counting", "hello"), {"Content-Type": "Application/JSON; charset=utf-8"}).text == "1"


def test_a_body_without_its_length_is_cut_off_too(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 30) as client:
        head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + b"1000\r\n" + b" " * 4096 + b"\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_without_a_key_it_answers_only_under_the_name_of_this_machine(url: str) -> None:
    for host in ("localhost:9000", "LOCALHOST", "127.0.0.1", "127.3.2.1:80", "[::1]:80", "[::1]"):
        assert send(url, PATH, chat("counting", "hello"), {**JSON, "Host": host}).status == 200
    for host in ("attacker.example", "localhost.attacker.example:80", "localhost@attacker.example", "[::1", ""):
        found = send(url, PATH, chat("counting", "hello"), {**JSON, "Host": host})
        assert found.status in (400, 403) and b'"choices"' not in found.body


def test_a_key_is_needed_where_there_is_one(tmp_path: Path, strategy: Counting) -> None:
    with serving(tmp_path / "error.log", strategy, key=KEY) as url:
        body = chat("counting", "hello")
        for wrong in ("", "Bearer", f"Bearer {KEY[:-1]}", f"Bearer {KEY}x", f"Basic {KEY}", KEY, "Bearer \xe9"):
            found = send(url, PATH, body, {**JSON, "Authorization": wrong})
            assert refusal(found)[:2] == (401, "invalid_api_key") and found.headers["www-authenticate"] == "Bearer"
        assert refusal(send(url, "/v1/models"))[:2] == (401, "invalid_api_key")
        assert not strategy.calls
        assert send(url, PATH, body, {**JSON, "Authorization": f"bearer {KEY}", "Host": "tickets.example"}).text == "1"
        assert send(url, "/health", headers={}).status == 200


def test_beyond_this_machine_a_key_is_needed() -> None:
    assert [Address(host).is_loopback for host in ("127.0.0.1", "127.3.2.1", "::1", "localhost")] == [True] * 4
    assert not any(Address(host).is_loopback for host in ("0.0.0.0", "::", "192.168.0.4", "tickets.example"))
    with Address(port=0).bind() as bound, pytest.raises(BadInput, match="choose another --host or --port"):
        bound.listen()
        Address(port=bound.getsockname()[1]).bind()


def test_an_empty_key_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    assert key_of(None) is None and key_of("given") == "given"
    monkeypatch.setenv(KEY_VARIABLE, "set")
    assert key_of(None) == "set" and key_of("given") == "given"
    for given, there in (("", "set"), (None, "")):
        monkeypatch.setenv(KEY_VARIABLE, there)
        with pytest.raises(BadInput, match="key is empty"):
            key_of(given)
    with pytest.raises(BadInput, match="letters, digits and punctuation"):
        key_of("schlüssel")


def test_requests_are_answered_together_and_too_many_are_refused(tmp_path: Path, strategy: Counting) -> None:
    with serving(tmp_path / "error.log", strategy, Limits(at_once=3, most_waiting=4)) as url:
        strategy.held.clear()
        with ThreadPoolExecutor(8) as pool:
            first = pool.submit(send, url, PATH, chat("counting", "first"))
            wait_for(lambda: len(strategy.calls) == 1)
            waiting = [pool.submit(send, url, PATH, chat("counting", "a " * words)) for words in (1, 2, 3, 4)]
            wait_for(lambda: strategy.waiting == 4)
            found = send(url, PATH, chat("counting", "late"))
            assert refusal(found)[:2] == (429, "too_many_requests") and found.headers["retry-after"] == "1"
            strategy.held.set()
            assert [one.result().text for one in (first, *waiting)] == ["1", "1", "2", "3", "4"]
        assert [len(call) for call in strategy.calls] == [1, 3, 1]


def test_one_that_fails_spoils_no_other(tmp_path: Path, strategy: Counting) -> None:
    with serving(tmp_path / "error.log", strategy) as url:
        strategy.held.clear()
        with ThreadPoolExecutor(4) as pool:
            texts = ["first", "fine", "broken", "also fine"]
            replies = [pool.submit(send, url, PATH, chat("counting", texts[0]))]
            wait_for(lambda: len(strategy.calls) == 1)
            replies += [pool.submit(send, url, PATH, chat("counting", text)) for text in texts[1:]]
            wait_for(lambda: strategy.waiting == 3)
            strategy.held.set()
            assert [one.result().status for one in replies] == [200, 200, 500, 200]
    assert "nothing to divide by" in (tmp_path / "error.log").read_text()


def test_what_takes_too_long_is_given_up(tmp_path: Path, strategy: Counting) -> None:
    with serving(tmp_path / "error.log", strategy, Limits(seconds=0.3)) as url:
        strategy.held.clear()
        assert refusal(send(url, PATH, chat("counting", "hello")))[:2] == (504, "timeout")
        assert refusal(send(url, PATH, chat("counting", "never begun")))[:2] == (504, "timeout")
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 30) as client:  # sends its body for ever
            client.sendall(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n".encode())
            client.sendall(b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
            assert client.recv(4096).startswith(b"HTTP/1.1 504 ")
        strategy.held.set()
        wait_for(lambda: send(url, PATH, chat("counting", "one two")).status == 200)
        assert "never begun" not in {text for call in strategy.calls for text in call}


def test_a_client_that_has_gone_leaves_the_line(tmp_path: Path, strategy: Counting) -> None:
    with serving(tmp_path / "error.log", strategy) as url:
        strategy.held.clear()
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(send, url, PATH, chat("counting", "first"))
            wait_for(lambda: len(strategy.calls) == 1)
            with pytest.raises(TimeoutError):
                send(url, PATH, chat("counting", "gone"), seconds=1)
            wait_for(lambda: not strategy.waiting)
            strategy.held.set()
            assert first.result().text == "1"
            assert send(url, PATH, chat("counting", "next")).text == "1"
        assert strategy.calls == [["first"], ["next"]]


def test_silent_connections_keep_nobody_out(
    tmp_path: Path, strategy: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(punctual, "SECONDS_TO_ASK", 1.0)
    with serving(tmp_path / "error.log", strategy, Limits(at_once=1, most_waiting=1)) as url, ExitStack() as stack:
        host, _, port = url.removeprefix("http://").partition(":")
        silent = [stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(80)]
        silent[0].sendall(b"GET /health HTTP/1.1\r\nHost: half")
        assert send(url, "/health").status == 503
        for one in silent:
            one.settimeout(30)
            assert one.recv(1) == b""  # it was closed
        assert send(url, "/health").status == 200


def test_a_slow_answer_closes_no_connection(
    tmp_path: Path, strategy: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    look = punctual.Punctual._look

    def noted(connection: punctual.Punctual, last: object) -> None:
        looks.append(last)
        look(connection, last)

    monkeypatch.setattr(punctual, "SECONDS_TO_ASK", 0.01)
    monkeypatch.setattr(punctual.Punctual, "_look", noted)
    strategy.held.clear()
    with serving(tmp_path / "error.log", strategy) as url, ThreadPoolExecutor() as pool:
        asked = pool.submit(send, url, PATH, chat("counting", "one two"))
        wait_for(lambda: looks.count(punctual._ANSWERING) > 5)
        strategy.held.set()
        assert asked.result().text == "2"


def test_a_conversation_is_read_as_the_rows_of_the_run_are() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "My lamp broke."}, {"type": "text", "text": "Help!"}]},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "Assistant: sure"},
    ]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    turns = turns_of(read_request(body, "m", keeps_turns=True).input)
    assert [(turn.role, turn.text) for turn in turns] == [
        ("system", "Be brief."), ("user", "My lamp broke.\nHelp!"), ("assistant", ""), ("user", "Assistant: sure"),
    ]  # fmt: skip
    assert read_request(body, "m", keeps_turns=False).input == "Assistant: sure"
    with pytest.raises(Refused):
        read_request(json.dumps({"model": "m", "messages": messages[:1]}).encode(), "m", keeps_turns=True)


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
