"""A server that asks for a longer wait than we have: a sentence says how long, and nobody waits."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from strategies.served.address import ServedAddress
from strategies.served.client import Client, Patience, StoppedError
from strategies.served.requests import CHAT, Request
from strategies.served.serving import listed_models
from strategies.tuning.service import Service
from tests.servers.odd_server import OddServer, serving

PATIENCE = Patience(
    connecting=1, answering=2, whole_answer=2, first_wait=0.01, longest_wait=0.02, tries=20, without_answers=0.5
)
FAR = "Wed, 21 Oct 2099 07:28:00 -"


def asked(address: ServedAddress) -> object:
    client = Client(address, patience=PATIENCE)
    try:
        return client.ask([Request(CHAT, {"messages": []})])
    finally:
        client.close()


def listed(address: ServedAddress) -> object:
    return listed_models(address, None, PATIENCE)


def found(address: ServedAddress) -> object:
    service = Service(address, patience=PATIENCE)
    try:
        return service.find("/files")
    finally:
        service.close()


@pytest.mark.parametrize("send", [asked, listed, found])
@pytest.mark.parametrize(("status", "says"), [(429, "allows no more requests now (429)."), (503, "failed (503).")])
@pytest.mark.parametrize(
    ("wait", "span"),
    [
        ("1", "1 second"),
        ("90", "90 seconds"),
        ("600", "10 minutes"),
        ("86400", "24 hours"),
        ("604800", "7 days"),
        ("1e300", "more than a year"),
        (f"{FAR}0000", "more than a year"),
        (f"{FAR}{'9' * 300}", "more than a year"),
    ],
)
def test_a_wait_that_is_too_long_is_said(
    send: Callable[[ServedAddress], object], status: int, says: str, wait: str, span: str
) -> None:
    with serving(OddServer(b"", status, {"Retry-After": wait})) as odd:
        address, started = ServedAddress.parse(odd.name), time.monotonic()
        with pytest.raises(StoppedError) as stopped:
            send(address)
    said = f"The server at {address.host} {says} It asks us to wait {span}."
    assert str(stopped.value).startswith(said) and odd.seen + odd.looked == 1
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("wait", ["1e400", "-1e400", "nan", f"{FAR}{'9' * 4000}", "9" * 5000])
def test_a_wait_that_is_none_is_our_own(wait: str) -> None:
    with serving(OddServer(b"", 503, {"Retry-After": wait})) as odd:
        with pytest.raises(StoppedError, match=r"failed \(503\)\.$"):
            found(ServedAddress.parse(odd.name))
        assert listed(ServedAddress.parse(odd.name)) == ()
    assert odd.looked > 3


def test_short_waits_are_added_up() -> None:
    odd = OddServer(b"", 503, {"Retry-After": "0.2"})
    with serving(odd), pytest.raises(StoppedError, match=r"It asks us to wait 1 second\.$"):
        found(ServedAddress.parse(odd.name))
    assert odd.looked == 3
