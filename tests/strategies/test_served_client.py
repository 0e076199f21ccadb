"""Asking a server that may misbehave: every fault is another try or a plain sentence."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from strategies.served.address import ServedAddress
from strategies.served.client import Client, Patience, StoppedError
from strategies.served.keys import Key
from strategies.served.requests import CHAT, Answer, Refusal, Request
from tests.servers.tiny_server import Behaviour, TinyServer

QUICK = Patience(connecting=1, answering=5, first_wait=0.01, longest_wait=0.02, tries=3, failures=2)


def chat(text: str, timed: bool = False, **parameters: Any) -> Request:
    return Request(CHAT, {"messages": [{"role": "user", "content": text}], "max_tokens": 3, **parameters}, timed, timed)


@contextmanager
def asking(server: TinyServer, patience: Patience = QUICK, **options: Any) -> Iterator[Client]:
    client = Client(ServedAddress.parse(server.name), patience=patience, **options)
    try:
        yield client
    finally:
        client.close()


def text_of(reply: Answer | Refusal) -> str:
    assert isinstance(reply, Answer), reply
    return str(reply.body["choices"][0]["message"]["content"])


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("fault", [429, 500, 503, "malformed", "cut", "empty", "page"])
def test_what_is_worth_another_try_gets_one(fault: int | str, timed: bool) -> None:
    with TinyServer() as server, asking(server) as client:
        expected = text_of(client.ask([chat("hello", timed)])[0])
        server.behaviour.faults, before = deque([fault]), server.seen
        assert text_of(client.ask([chat("hello", timed)])[0]) == expected
        assert server.seen == before + 2


def test_an_answer_that_never_comes_is_asked_for_again() -> None:
    behaviour = Behaviour(faults=deque(["hang"]))
    with TinyServer(behaviour) as server, asking(server, Patience(answering=0.5, first_wait=0.01)) as client:
        assert text_of(client.ask([chat("hello")])[0])
        assert server.seen == 2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (500, "The server at {host} failed (500): Something went wrong. It was asked 3 times."),
        ("malformed", "The server at {host} sent an answer that is not valid JSON."),
        ("empty", "The server at {host} sent a reply without an answer in it."),
    ],
)
def test_a_server_that_goes_on_failing_is_given_up(fault: int | str, said: str) -> None:
    with TinyServer(Behaviour(faults=deque([fault] * 9))) as server, asking(server) as client:
        host = client.address.host
        if fault == 500:  # one request may be at fault, but not one after the other
            [refused] = client.ask([chat("hello")])
            assert isinstance(refused, Refusal) and refused.sentence == said.format(host=host)
        with pytest.raises(StoppedError) as stopped:
            client.ask([chat("hello"), chat("again")])
        assert str(stopped.value).startswith(said.format(host=host).removesuffix(" It was asked 3 times."))
        assert "are not paid for again" in str(stopped.value)


def test_a_server_that_is_not_there_is_said_to_be_absent() -> None:
    with TinyServer() as server:
        pass
    with asking(server) as client, pytest.raises(StoppedError, match=f"No server answers at {client.address.host}"):
        client.ask([chat("hello")])


def test_a_wrong_key_stops_at_once_and_is_not_repeated() -> None:
    with TinyServer(Behaviour(key="sk-right")) as server:
        with asking(server, key=Key("sk-wrong")) as client, pytest.raises(StoppedError) as refused:
            client.ask([chat("hello")])
        assert "refuses the key (401): check THREEWAYS_KEY_127_0_0_1_" in str(refused.value)
        with asking(server) as client, pytest.raises(StoppedError, match=r"asks for a key \(401\): set THREEWAYS_KEY"):
            client.ask([chat("hello")])
        with asking(server, key=Key("sk-right")) as client:
            assert text_of(client.ask([chat("hello")])[0])


def test_an_unknown_model_stops_and_a_long_prompt_only_fails_itself() -> None:
    with TinyServer() as server:
        name = server.name.replace(":tiny@", ":giant@")
        client = Client(ServedAddress.parse(name), patience=QUICK)
        with pytest.raises(StoppedError, match=r"knows no giant, .*The model `giant` does not exist\.$"):
            client.ask([chat("hello")])
        client.close()
        with asking(server) as client:
            long, short = client.ask([chat("word " * 3000), chat("hello")])
            assert isinstance(long, Refusal) and long.sentence.startswith("The prompt is longer than the model")
            assert text_of(short)


def test_a_refused_parameter_is_named() -> None:
    with TinyServer(Behaviour(refuses={"temperature"})) as server, asking(server) as client:
        [refused] = client.ask([chat("hello", temperature=0)])
        assert isinstance(refused, Refusal) and (refused.status, refused.parameter) == (400, "temperature")


def test_the_server_says_how_long_to_wait() -> None:
    with TinyServer(Behaviour(faults=deque([429]), retry_after="0.4")) as server, asking(server) as client:
        started = time.monotonic()
        assert text_of(client.ask([chat("hello")])[0])
        assert time.monotonic() - started >= 0.4


def test_more_requests_at_once_until_the_server_objects() -> None:
    requests = [chat(f"hello {at}", max_tokens=1) for at in range(40)]
    with TinyServer(Behaviour(seconds=0.01)) as server, asking(server, at_once=16) as client:
        replies = client.ask(requests)
        assert client.pace.allowed > 8 and server.most_at_once <= 16
        server.behaviour.at_most, server.most_at_once = 3, 0
        assert list(map(text_of, client.ask(requests))) == list(map(text_of, replies))
        assert client.pace.allowed < 8


def test_equal_requests_are_sent_once_and_progress_counts_them_all() -> None:
    heard: list[int] = []
    with TinyServer() as server, asking(server) as client:
        replies = client.ask([chat("hello"), chat("you"), chat("hello")], heard.append)
        assert len(server.answered) == 2 and replies[0] == replies[2]
    assert heard[-1] == 3


def test_a_timed_answer_says_when_its_first_token_came() -> None:
    with TinyServer() as server, asking(server) as client:
        [plain, timed] = client.ask([chat("hello"), chat("hello", timed=True)])
        assert isinstance(plain, Answer) and isinstance(timed, Answer)
        assert text_of(plain) == text_of(timed) and plain.body["usage"] == timed.body["usage"]
        assert plain.first_token_seconds is None
        assert timed.first_token_seconds is not None and 0 < timed.first_token_seconds <= timed.seconds
