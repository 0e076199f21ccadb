"""Replies that no server should send: each is a plain sentence or an answer, and none stops the program for ever."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from eval.task import BadInput
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept, KeptAccount
from strategies.served.budget import Spending
from strategies.served.client import Client, Patience, StoppedError
from strategies.served.faults import fault_of, message_in
from strategies.served.keys import Key
from strategies.served.probes import probe
from strategies.served.requests import CHAT, Answer, Refusal, Reply, Request
from strategies.served.serving import listed_models
from tests.servers.odd_server import OddServer, serving

SECRET = "sk-typed-and-secret"
HURRIED = Patience(
    connecting=1, answering=1, whole_answer=0.3, first_wait=0.01, longest_wait=0.02, tries=2, without_answers=0.5
)
STREAM = {"Content-Type": "text/event-stream"}


def asked(odd: OddServer, requests: int = 1, streamed: bool = False, kept: AnswersKept | None = None) -> list[Reply]:
    with serving(odd):
        spending = Spending(KeptAccount(kept, "run")) if kept else None
        client = Client(ServedAddress.parse(odd.name), Key(SECRET), patience=HURRIED, kept=kept, spending=spending)
        try:
            messages = [[{"role": "user", "content": f"hello {at}"}] for at in range(requests)]
            return client.ask([Request(CHAT, {"messages": each}, streamed, streamed) for each in messages])
        finally:
            client.close()


def body(content: str = '"hello"', finish: str = "stop", **further: Any) -> bytes:
    usage = json.dumps(further.get("usage"))
    said = f'{{"choices": [{{"message": {{"content": {content}}}, "finish_reason": "{finish}"}}], "usage": {usage}}}'
    return said.encode()


def events(*chunks: object) -> bytes:
    texts = [chunk if isinstance(chunk, str) else json.dumps(chunk) for chunk in chunks]
    return "".join(f"data: {text}\n\n" for text in (*texts, "[DONE]")).encode()


def piece(delta: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (OddServer(b"[" * 100_000), "sent an answer that is not valid JSON"),
        (OddServer(b'{"error": "No key ' + SECRET.encode() + b'"}'), "instead of an answer: No key [key]"),
    ],
    ids=["deep", "error"],
)
def test_a_reply_that_cannot_be_read_is_a_sentence(odd: OddServer, said: str) -> None:
    [refused] = asked(odd)
    assert isinstance(refused, Refusal) and said in refused.sentence and "asked 2 times" in refused.sentence
    with pytest.raises(StoppedError, match=re.escape(said)):  # one request may be at fault, but not eight
        asked(odd, 8)


def test_a_reply_is_read_only_as_far_as_an_answer_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.served.bodies.MOST_BYTES", 1 << 20)
    packed = gzip.compress(body() + b" " * (1 << 21))
    [refused] = asked(OddServer(packed, headers={"Content-Encoding": "gzip"}))
    assert isinstance(refused, Refusal) and "sent more than an answer can be" in refused.sentence


@pytest.mark.parametrize(
    "chunk",
    ["5", "null", [1], "[" * 100_000, {"choices": "a"}, {"choices": ["a"]}, piece("a")],
    ids=["number", "null", "list", "deep", "choices", "choice", "delta"],
)
def test_a_stream_that_cannot_be_read_is_a_sentence(chunk: object) -> None:
    [refused] = asked(OddServer(events(chunk), headers=STREAM), streamed=True)
    assert isinstance(refused, Refusal)
    assert "streamed something else than an answer" in refused.sentence or "not valid JSON" in refused.sentence


def test_a_streamed_answer_may_come_in_parts_and_beside_another() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "another answer"}}]}
    parts = {"content": [{"type": "text", "text": "hel"}, {"type": "image"}, "lo"], "reasoning": ["hm"]}
    odd = OddServer(events(other, piece(parts), {"choices": [], "usage": [1]}), headers=STREAM)
    [answer] = asked(odd, streamed=True)
    assert isinstance(answer, Answer)
    message = answer.body["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("hello", "hm")


def test_half_an_emoji_and_a_count_that_no_file_can_hold_are_kept_as_what_can_be_true(tmp_path: Path) -> None:
    kept = AnswersKept(tmp_path / "answers.sqlite")
    odd = OddServer(body('"cut \\ud83d, whole \\ud83d\\ude00"', usage={"prompt_tokens": 10**30}))
    [answer] = asked(odd, kept=kept)
    assert isinstance(answer, Answer)
    assert answer.body["choices"][0]["message"]["content"] == "cut \N{REPLACEMENT CHARACTER}, whole \N{GRINNING FACE}"
    [spent] = kept.spent("run").values()
    assert 0 < spent.read < 100
    kept.close()


def test_a_write_that_fails_is_heard_of_and_the_next_one_is_made(tmp_path: Path) -> None:
    kept = AnswersKept(tmp_path / "answers.sqlite")
    with pytest.raises(BadInput, match="can't be kept"):
        kept.keep("key", "server", Answer({"half": "\ud83d"}, 1.0)).result(5)
    kept.keep("key", "server", Answer({"whole": "a"}, 1.0)).result(5)
    assert kept.find(["key"])["key"].body == {"whole": "a"}
    kept.close()


@pytest.mark.parametrize("status", [401, 402])
def test_a_server_that_no_request_can_use_gets_no_more_than_were_on_the_way(status: int) -> None:
    odd = OddServer(b'{"error": "no"}', status)
    with pytest.raises(StoppedError):
        asked(odd, requests=60)
    assert odd.seen <= 8


@pytest.mark.parametrize(
    "wait", [None, "0", "-5", "nan", "inf", "soon", "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"]
)
def test_a_server_that_never_allows_a_request_is_given_up_in_time(wait: str | None) -> None:
    odd = OddServer(b'{"error": "slow"}', 429, {} if wait is None else {"Retry-After": wait})
    with pytest.raises(StoppedError, match="allows no more requests now"):
        asked(odd, requests=60)
    assert odd.seen < 60


@pytest.mark.parametrize("wait", ["86400", "1e300", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_a_server_that_wants_a_longer_wait_than_we_have_is_given_up_at_once(wait: str) -> None:
    odd = OddServer(b'{"error": "Daily limit."}', 429, {"Retry-After": wait})
    with pytest.raises(StoppedError, match="Daily limit"):
        asked(odd, requests=60)
    assert odd.seen <= 8


@pytest.mark.parametrize(
    ("date", "wait"),
    [("Wed, 21 Oct 2099 07:28:00 GMT", 5.0), ("Wed, 21 Oct 2099 07:29:00 GMT", None)],
)
def test_a_date_to_wait_for_is_one_of_the_servers_clock(date: str, wait: float | None) -> None:
    headers = {"Retry-After": "Wed, 21 Oct 2099 07:28:05 GMT", "Date": date}
    response = httpx2.Response(429, headers=headers, request=httpx2.Request("POST", "http://127.0.0.1/v1"))
    limited = openai.RateLimitError("slow", response=response, body=None)
    assert fault_of(limited, ServedAddress.parse("served:odd@http://127.0.0.1/v1"), None, 1.0).wait == wait


@pytest.mark.parametrize(
    ("content", "finish", "thinks"),
    [
        ('[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]', "length", True),
        ('[{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hello."}]', "stop", True),
        ("null", "length", True),
        ("null", "stop", False),
        ('"Hello, and"', "length", False),
    ],
)
def test_a_model_thinks_where_its_parts_say_so_or_where_nothing_but_unseen_tokens_came(
    content: str, finish: str, thinks: bool
) -> None:
    with serving(OddServer(body(content, finish))) as odd:
        capabilities = probe(ServedAddress.parse(odd.name), None, HURRIED)
    assert capabilities.thinks is thinks and capabilities.repeats


def test_a_list_of_odd_models_offers_those_with_a_name() -> None:
    listed = {"data": [{"id": {}}, {"id": ["m"]}, {"id": "m"}, {"id": 5}, "n", None, {"id": ""}, {}]}
    with serving(OddServer(json.dumps(listed).encode())) as odd:
        assert listed_models(ServedAddress.parse(odd.name), None, HURRIED) == ("m",)


@pytest.mark.parametrize("page", ["<html>Welcome</html>", "5", '{"data": [{"id": "odd", "max_model_len": true}]}'])
def test_a_list_of_models_that_is_none_leaves_the_context_unknown(page: str) -> None:
    with serving(OddServer(body(), page=page.encode())) as odd:
        capabilities = probe(ServedAddress.parse(odd.name), None, HURRIED)
    assert capabilities.context_tokens is None and capabilities.repeats


def test_a_parameter_is_named_in_the_way_of_fastapi_too() -> None:
    wrong = {"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}
    [refused] = asked(OddServer(json.dumps({"detail": [wrong]}).encode(), 422))
    assert isinstance(refused, Refusal) and refused.parameter == "seed"


def test_a_message_is_looked_for_where_one_can_be() -> None:
    deep: object = "Slow down."
    for depth in range(5_000):
        deep = {"error": deep} if depth % 2 else [deep]
        if depth == 3:
            assert message_in(deep) == "Slow down."
    assert message_in(deep) == ""


def test_a_server_that_fails_every_request_is_given_up_in_time_however_many_there_are() -> None:
    odd = OddServer(body(), seconds_a_byte=1)
    with pytest.raises(StoppedError, match="didn't end its answer"):
        asked(odd, requests=400)
    assert odd.seen < 40
