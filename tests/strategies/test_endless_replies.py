"""Replies without end, or that unpack to far more than was sent: no more of them is read than an answer can be."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from strategies.served.address import ServedAddress
from strategies.served.client import Client, Patience, StoppedError
from strategies.served.requests import CHAT, Answer, Refusal, Request
from strategies.served.serving import listed_models
from strategies.tuning.service import Service
from tests.servers.odd_server import OddServer, serving

QUICK = Patience(connecting=1, answering=20, whole_answer=60, first_wait=0.01, longest_wait=0.02, tries=1)
STREAM, GZIP = {"Content-Type": "text/event-stream"}, {"Content-Encoding": "gzip"}
MEGABYTE = 1 << 20
ENDLESS = 256  # MB
HELLO = {"choices": [{"index": 0, "message": {"content": "hello"}, "delta": {"content": "hello"}}]}
ENDED = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def zeros() -> Iterator[bytes]:
    return (b"0" * MEGABYTE for _ in range(ENDLESS))


def packed_zeros() -> Iterator[bytes]:
    packing = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    for part in zeros():
        yield packing.compress(part) + packing.flush(zlib.Z_SYNC_FLUSH)


def one_line() -> Iterator[bytes]:
    yield b"data: "
    yield from zeros()


def lines_of_one_event() -> Iterator[bytes]:
    return (b"data: 0\r\n" * 100_000 for _ in range(ENDLESS))


def asked(address: ServedAddress, streamed: bool = False) -> object:
    client = Client(address, patience=QUICK)
    try:
        [reply] = client.ask([Request(CHAT, {"messages": []}, streamed, streamed)])
    finally:
        client.close()
    return reply.sentence if isinstance(reply, Refusal) else reply


def streamed(address: ServedAddress) -> object:
    return asked(address, streamed=True)


def listed(address: ServedAddress) -> object:
    return listed_models(address, None, QUICK)


def found(address: ServedAddress) -> object:
    service = Service(address, patience=QUICK)
    try:
        return service.find("/files")
    except StoppedError as wrong:
        return str(wrong)
    finally:
        service.close()


@contextmanager
def memory_below(most: int) -> Iterator[None]:
    """Fails if more than so many bytes were in use at once, by this test and by its server."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("send", [asked, streamed, found])
@pytest.mark.parametrize(
    ("parts", "headers"), [(zeros, {}), (zeros, STREAM), (packed_zeros, GZIP)], ids=["plain", "stream", "packed"]
)
def test_an_error_is_read_as_far_as_one_can_be(
    send: Callable[[ServedAddress], object], parts: Callable[[], Iterator[bytes]], headers: dict[str, str]
) -> None:
    odd = OddServer(b"", 500, headers, parts=parts)
    with memory_below(24 * MEGABYTE), serving(odd):
        said = send(ServedAddress.parse(odd.name))
    assert "failed (500): 00000" in str(said) and len(str(said)) < 500
    assert odd.sent < 100 * MEGABYTE  # what the system takes before anybody reads


@pytest.mark.parametrize("parts", [one_line, lines_of_one_event])
def test_an_event_is_read_as_far_as_one_can_be(parts: Callable[[], Iterator[bytes]]) -> None:
    odd = OddServer(b"", headers=STREAM, parts=parts)
    with memory_below(24 * MEGABYTE), serving(odd):
        said = streamed(ServedAddress.parse(odd.name))
    assert "streamed more at once than a part of an answer can be" in str(said)
    assert odd.sent < 100 * MEGABYTE


@pytest.mark.parametrize(("parts", "headers"), [(zeros, {}), (packed_zeros, GZIP)], ids=["plain", "packed"])
def test_what_is_short_is_read_as_far_as_it_can_be(
    parts: Callable[[], Iterator[bytes]], headers: dict[str, str]
) -> None:
    odd = OddServer(b"", headers=headers, parts=parts)
    with memory_below(80 * MEGABYTE), serving(odd):
        address = ServedAddress.parse(odd.name)
        assert listed(address) == ()
        assert "sent more than an answer can be" in str(found(address))


def test_bytes_that_unpack_to_nothing_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.served.bodies.MOST_BYTES", MEGABYTE)

    def parts() -> Iterator[bytes]:
        yield gzip.compress(json.dumps(HELLO).encode())
        yield from zeros()

    with serving(OddServer(b"", headers=GZIP, parts=parts)) as odd:
        assert "sent more than an answer can be" in str(asked(ServedAddress.parse(odd.name)))


@pytest.mark.parametrize("name", ["zlib", "bz2", "base64", "unicode_escape"])
def test_a_server_does_not_choose_what_unpacks_an_error(name: str) -> None:
    odd = OddServer(zlib.compress(b"0" * ENDLESS * MEGABYTE), 500, {"Content-Type": f"text/plain; charset={name}"})
    with memory_below(24 * MEGABYTE), serving(odd):
        assert "failed (500)" in str(asked(ServedAddress.parse(odd.name)))


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("br", "packed its answer in a way that it wasn't asked for"),
        ("gzip, gzip", "packed its answer in a way that it wasn't asked for"),
        ("gzip", "sent a packed answer that can't be unpacked"),
    ],
)
def test_what_cannot_be_unpacked_is_a_sentence(encoding: str, said: str) -> None:
    headers = {"Content-Encoding": encoding}
    for send in (asked, found):
        with serving(OddServer(json.dumps(HELLO).encode(), headers=headers)) as odd:
            assert said in str(send(ServedAddress.parse(odd.name)))
    with serving(OddServer(b"{}", 503, headers)) as odd:
        assert "failed (503)" in str(asked(ServedAddress.parse(odd.name)))


def test_packed_answers_are_read_and_their_connection_is_used_again() -> None:
    events = "".join(
        f"data: {one if isinstance(one, str) else json.dumps(one)}\n\n" for one in (HELLO, ENDED, "[DONE]")
    )
    whole = {"choices": [{"message": {"content": "hello " * MEGABYTE}, "finish_reason": "stop"}]}
    with serving(OddServer(gzip.compress(events.encode()), headers={**STREAM, **GZIP})) as odd:
        client = Client(ServedAddress.parse(odd.name), patience=QUICK)
        requests = [Request(CHAT, {"messages": [], "seed": seed}, streamed=True) for seed in range(3)]
        for request in requests:
            [reply] = client.ask([request])
            assert isinstance(reply, Answer) and reply.body["choices"][0]["message"]["content"] == "hello"
        client.close()
        assert odd.connections == 1
    with serving(OddServer(gzip.compress(json.dumps(whole).encode()), headers=GZIP)) as odd:
        answer = asked(ServedAddress.parse(odd.name))
        assert isinstance(answer, Answer) and answer.body == whole
        assert found(ServedAddress.parse(odd.name)) == whole


def test_a_proxy_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    address = ServedAddress.parse("served:odd@http://model.invalid/v1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with memory_below(24 * MEGABYTE), serving(OddServer(b"", 500, GZIP, parts=packed_zeros)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.name.partition("@")[2].removesuffix("/v1"))
        for send in (asked, found):
            assert "The server at model.invalid failed (500): 0000" in str(send(address))
        assert proxy.seen == proxy.looked == 1


def test_a_service_that_never_ends_its_answer_is_given_up_in_time() -> None:
    patience = Patience(whole_answer=0.3, first_wait=0.01, tries=1)
    with serving(OddServer(b'{"data": []}', seconds_a_byte=0.2)) as odd:
        service = Service(ServedAddress.parse(odd.name), patience=patience)
        with pytest.raises(StoppedError, match="didn't end its answer within"):
            service.find("/files")
        service.close()
