"""A server that sends requests on: nothing goes to a place that nobody named, and a sentence says which one it is."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from advisor.runs.connection import ConnectionTest
from advisor.storage.store import Store
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept
from strategies.served.client import Client, Patience, StoppedError
from strategies.served.keys import Key
from strategies.served.requests import CHAT, COMPLETIONS, Refusal, Reply, Request
from strategies.served.serving import listed_models
from strategies.tuning.providers import look_for_provider
from strategies.tuning.service import SentOnError, Service
from tests.servers.odd_server import OddServer, serving

SECRET = "sk-typed-and-secret"
QUICK = Patience(connecting=1, answering=2, whole_answer=2, first_wait=0.01, longest_wait=0.02, tries=2)
ROW = {"messages": [{"role": "user", "content": "a private row"}]}


def asked(address: ServedAddress, path: str = CHAT) -> list[Reply]:
    client = Client(address, Key(SECRET), patience=QUICK)
    try:
        return client.ask([Request(path, ROW)])
    finally:
        client.close()


def listed(address: ServedAddress) -> object:
    return listed_models(address, Key(SECRET), QUICK)


def uploaded(address: ServedAddress) -> object:
    service = Service(address, Key(SECRET), QUICK)
    try:
        return service.upload("/files", {"purpose": "fine-tune"}, "train.jsonl", b"all training rows")
    finally:
        service.close()


def sent_on(to: str, status: int = 307) -> OddServer:
    return OddServer(b"", status, {"Location": to})


@pytest.mark.parametrize(
    ("send", "path"), [(asked, "/v1/chat/completions"), (listed, "/v1/models"), (uploaded, "/v1/files")]
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_sent_to_a_server_that_nobody_named(
    send: Callable[[ServedAddress], object], path: str, status: int
) -> None:
    with serving(OddServer(b"{}")) as other:
        host = ServedAddress.parse(other.name).host
        with serving(sent_on(f"http://{host}{path}", status)) as odd:
            address = ServedAddress.parse(odd.name)
            with pytest.raises(StoppedError) as stopped:
                send(address)
        assert str(stopped.value) == (
            f"The server at {address.host} sends requests on to http://{host}/v1 ({status}): name that address if you "
            "trust it."
        )
        assert (other.seen, other.looked) == (0, 0)


@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("https://llm.acme.com/v1/chat/completions", "to https://llm.acme.com/v1 (307): name that address"),
        ("https://llm.acme.com/api/chat/completions/", "to https://llm.acme.com/api (307): name that address"),
        ("https://me:secret@login.acme.com/in?next=secret", "to https://login.acme.com (307): name that address"),
        ("//other:81/v1/chat/completions", "to http://other:81/v1 (307): name that address"),
        ("/v1/chat/completions/", "to its path /v1/chat/completions/ (307): check http://127.0.0.1:"),
        ("/login?next=secret", "to its path /login (307): check http://127.0.0.1:"),
        ("/%1b%0a" + 5000 * "a", "to its path /%1b%0aaaa"),
        (f"http://{SECRET}/v1/chat/completions", "to http://[key]/v1 (307)"),
        ("http://[::bad/v1", "sends requests on (307), but doesn't say where: check http://127.0.0.1:"),
        ("file:///etc/passwd", "sends requests on (307), but doesn't say where: check http://127.0.0.1:"),
    ],
)
def test_the_address_to_name_is_said_without_secrets(to: str, said: str) -> None:
    with serving(sent_on(to)) as odd, pytest.raises(StoppedError) as stopped:
        asked(ServedAddress.parse(odd.name))
    assert said in str(stopped.value) and "secret" not in str(stopped.value) and len(str(stopped.value)) < 500
    assert odd.seen == 1


def test_a_path_that_is_sent_on_is_one_that_the_server_lacks(tmp_path: Path) -> None:
    """Some servers send every path that they don't know on to a page."""
    with serving(sent_on("/docs")) as odd:
        address = ServedAddress.parse(odd.name)
        [refused] = asked(address, COMPLETIONS)
        assert isinstance(refused, Refusal) and "sends requests on to its path /docs" in refused.sentence
        assert listed(address) == ()
        kept = AnswersKept(tmp_path / "kept.sqlite")
        assert look_for_provider(address, kept, QUICK) == ""
        kept.close()
        service = Service(address, patience=QUICK)
        with pytest.raises(SentOnError):  # or a job that was started might be started again
            service.find("/fine_tuning/jobs")
        service.close()


def test_the_connection_test_says_which_address_to_name(tmp_path: Path) -> None:
    with serving(sent_on("https://llm.acme.com/v1/models", 301)) as odd:
        test = ConnectionTest(Store(tmp_path / "home"), ServedAddress.typed(odd.name.partition("@")[2]), None)
        next(one for one in threading.enumerate() if one.name == "connection test").join(60)
    assert test.found is not None and test.found.problem is not None
    assert "sends requests on to https://llm.acme.com/v1 (301): name that address" in test.found.problem


def test_an_exported_prompt_follows_nobody_either(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "strategies" / "example_server.py"
    (tmp_path / "example.py").write_text(script.read_text())
    (tmp_path / "request.json").write_text(json.dumps(ROW))
    with serving(OddServer(b"{}")) as other:
        url = other.name.partition("@")[2]
        with serving(sent_on(f"{url}/chat/completions", 302)) as odd:
            environment = {"OPENAI_BASE_URL": odd.name.partition("@")[2], "OPENAI_API_KEY": SECRET}
            ran = subprocess.run(
                [sys.executable, "-I", "example.py", "a text"],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
        assert (other.seen, other.looked) == (0, 0) and "302" in ran.stderr
