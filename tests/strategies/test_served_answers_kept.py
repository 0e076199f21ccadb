"""Nothing is paid for twice but what was in flight; nothing is spent beyond a limit but what was in flight; and the key
is written nowhere."""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.measuring.phases import correction, listening
from eval.money.tokens import Price, Spent
from eval.task import BadInput
from strategies.engine.language_model import Message, Prompt
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept
from strategies.served.budget import Allowance, Limit, LimitReachedError, Spending
from strategies.served.capabilities import Capabilities
from strategies.served.client import Patience
from strategies.served.heard import Heard
from strategies.served.keys import Key, hand_over
from strategies.served.requests import CHAT, Answer, Request
from strategies.served.served_model import ServedModel
from strategies.served.serving import ServedLoader, Serving
from tests.servers.tiny_server import Behaviour, TinyServer

QUICK = Patience(connecting=1, answering=10, first_wait=0.01, longest_wait=0.02, tries=2)
AT_ONCE = 4
CAN = Capabilities(counts=True, streams=True, repeats=True)


@pytest.fixture
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


@pytest.fixture
def serving(tmp_path: Path, server: TinyServer) -> Serving:
    """With an account, and a server that was probed already."""
    kept = AnswersKept(tmp_path / "served" / "answers.sqlite")
    kept.keep_found(ServedAddress.parse(server.name).name, CAN.to_json()).result()
    kept.close()
    return Serving(tmp_path / "served" / "answers.sqlite", Allowance("run-1"), at_once=AT_ONCE, patience=QUICK)


def prompts(count: int) -> list[Prompt]:
    return [(Message("user", f"hello number {at}"),) for at in range(count)]


def write(name: str, serving: Serving, count: int) -> list[str]:
    model = ServedLoader(name, serving)()
    try:
        return [one.text for one in model.write(prompts(count), 2)]
    finally:
        model.close()


def paid(server: TinyServer) -> Counter[str]:
    """How often each prompt was answered."""
    return Counter(body["messages"][0]["content"] for _, body in server.answered)


# A run in a process of its own, without torch, which would take seconds to import.
_RUN = """
import sys
from pathlib import Path
from strategies.engine.language_model import Message
from strategies.served.serving import ServedLoader, Serving
model = ServedLoader(sys.argv[1], Serving(Path(sys.argv[2]), at_once=int(sys.argv[3])))()
model.write([(Message("user", f"hello number {at}"),) for at in range(40)], 2)
"""


def test_a_killed_run_pays_again_only_for_what_was_in_flight(server: TinyServer, serving: Serving) -> None:
    server.behaviour.seconds = 0.02
    asked = [sys.executable, "-c", _RUN, server.name, str(serving.kept), str(AT_ONCE)]
    with subprocess.Popen(asked) as process:
        while len(server.answered) < 15:
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()

    server.behaviour.seconds = 0.0
    answers = write(server.name, serving, 40)
    assert len(answers) == 40 and all(answers)
    times = paid(server)
    assert len(times) == 40 and sum(times.values()) - 40 <= 2 * AT_ONCE  # unanswered, or on the way to the disk
    before = server.seen
    assert write(server.name, serving, 40) == answers
    assert server.seen == before


def test_an_answer_that_was_kept_at_no_time_is_of_an_unknown_day() -> None:
    answer = Answer({"model": "m"}, 1.0, asked_at=-1e300)
    heard = Heard("m")
    heard.add([Request(CHAT, {})], [answer], 1.0, 1)
    (note,) = heard.notes
    assert "1 of 1, the first of an unknown day." in note


def test_kept_answers_are_those_of_the_same_question_alone(server: TinyServer, serving: Serving) -> None:
    model = ServedLoader(server.name, serving)()
    first = model.write(prompts(2), 2)
    assert model.write(prompts(2), 2) == first and server.seen == 2
    model.write(prompts(1), 3)  # a longer answer is another answer
    assert server.seen == 3
    assert not any("earlier run" in note for note in model.notes)
    model.close()
    later = ServedLoader(server.name, serving)()
    assert later.write(prompts(3), 2)[:2] == first and server.seen == 4
    assert any(note.startswith("Answers kept from an earlier run: 2 of 3, the first of ") for note in later.notes)
    later.close()


def test_a_kept_answer_counts_with_the_time_it_took(server: TinyServer, serving: Serving) -> None:
    def timed(model: ServedModel) -> float:
        with listening() as spent:
            started = time.perf_counter()
            model.write(prompts(1), 2)
            return time.perf_counter() - started + correction(spent)

    server.behaviour.seconds = 0.2
    model = ServedLoader(server.name, serving)()
    model.write(prompts(1), 2)
    first = timed(model)
    assert server.seen == 2  # the one that nobody timed may have waited for others
    server.behaviour.seconds = 0.0
    assert timed(model) == pytest.approx(first, abs=0.05) and first > 0.2  # without the correction, a few milliseconds
    assert server.seen == 2
    model.close()


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (Limit(requests=10), "The run stopped at its limit of 10 requests."),
        (Limit(tokens=200), "The run stopped at its limit of 200 tokens: "),
        (Limit(money=0.02), "The run stopped at its limit of $0.02: its requests cost $0.02 so far."),
    ],
)
def test_a_limit_is_exceeded_by_requests_in_flight_at_most(
    server: TinyServer, serving: Serving, limit: Limit, said: str
) -> None:
    prices = {ServedAddress.parse(server.name).name: Price(100.0, 100.0)}  # for a million tokens
    limited = replace(serving, allowance=Allowance("run-1", "prompting", limit, prices))
    with pytest.raises(LimitReachedError) as stopped:
        write(server.name, limited, 60)
    assert str(stopped.value).startswith(said) and "not paid for again" in str(stopped.value)
    kept = AnswersKept(serving.kept)
    [spent] = kept.spent("run-1").values()
    kept.close()
    assert spent.requests == server.seen == len(server.answered)
    a_request = (spent.read + spent.written) / spent.requests
    most = {
        "requests": limit.requests or 1000,
        "tokens": (limit.tokens or 10_000) / a_request,
        "money": (limit.money or 1.0) / (a_request * 100 / 1e6),
    }
    assert spent.requests < min(most.values()) + AT_ONCE + 1

    later = replace(limited, allowance=replace(limited.allowance, step="retrieval"))
    with pytest.raises(LimitReachedError):  # a new process knows what was spent, for whichever step
        write(server.name, later, 60)
    assert server.seen == spent.requests
    assert len(write(server.name, replace(limited, allowance=Allowance("run-1")), 60)) == 60
    assert set(paid(server).values()) == {1}


def test_what_a_run_spent_adds_up_over_processes(tmp_path: Path) -> None:
    for _ in range(2):
        kept = AnswersKept(tmp_path / "answers.sqlite")
        kept.add_spent("run-1", "prompting", "large", Spent(1, 20, 3))
        kept.add_spent("run-1", "retrieval", "large", Spent(1, 5, 1))
        kept.add_spent("run-1", "prompting", "small", Spent(1, 7, 2))
        kept.add_spent("run-2", "prompting", "large", Spent(1, 1, 1)).result()
        kept.close()
    kept = AnswersKept(tmp_path / "answers.sqlite")
    assert kept.spent("run-1") == {"large": Spent(4, 50, 8), "small": Spent(2, 14, 4)}
    assert kept.spent("run-1", "prompting") == {"large": Spent(2, 40, 6), "small": Spent(2, 14, 4)}
    assert kept.spent("run-3") == {}
    kept.close()


class _Ledger:
    """An account of two models, in memory."""

    def __init__(self) -> None:
        self.models = {"large": Spent(1, 1_000_000, 0), "small": Spent(1, 1_000_000, 1_000_000)}

    def spent(self) -> dict[str, Spent]:
        return self.models

    def add(self, spent: Spent) -> None:
        self.models["large"] += spent


def test_money_is_that_of_all_models_at_their_own_prices_and_unknown_without_one_of_them() -> None:
    prices = {"large": Price(5.0, 15.0), "small": Price(0.5, 1.0)}
    limited = Spending(_Ledger(), "large", Allowance(limit=Limit(money=8.0), prices=prices))
    assert limited.money() == pytest.approx(6.5) and limited.reached() is None
    limited.add(1, 0, 100_000)
    assert limited.money() == pytest.approx(8.0)
    assert (limited.reached() or "").startswith("The run stopped at its limit of $8.00: its requests cost $8.00 so far")
    assert Spending(_Ledger(), "large", Allowance(prices={"large": Price(5.0, 15.0)})).money() is None


def test_the_key_is_nowhere_on_disk_and_in_no_message(
    server: TinyServer, serving: Serving, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_LOG", "debug")
    server.behaviour = Behaviour(key="sk-very-secret")
    address = ServedAddress.parse(server.name)
    hand_over(address, Key("sk-very-secret"))
    model = ServedLoader(server.name, serving)()
    model.write(prompts(3), 2)
    said = f"{model.notes} {model.form_to_json()} {model.__dict__} {ServedLoader(server.name, serving).__dict__}"
    model.close()
    server.behaviour.key = "sk-changed"
    with pytest.raises(BadInput, match=r"refuses the key \(401\)") as refused:
        write(server.name, serving, 5)
    said += f"{traceback.format_exception(refused.value)} {capfd.readouterr()}"
    assert "sk-very-secret" not in said
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"sk-very-secret" not in path.read_bytes()
    assert serving.kept.stat().st_mode & 0o077 == 0


def test_a_file_of_answers_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(BadInput, match=r"can't be kept in .*answers\.sqlite .*delete the file if it is damaged"):
        AnswersKept(tmp_path / "answers.sqlite")
