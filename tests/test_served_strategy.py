"""`python -m advisor serve` in a process of its own: the answers of the run, over HTTP, until a signal ends it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from advisor.command_line.commands import main
from advisor.storage.task_file import read_task
from eval.conversation import written
from eval.task import Example, Kind, Turn
from tests.fitted_runs import Measured, measured_run
from tests.servers.asking import JSON, chat, send

PATH, KEY = "/v1/chat/completions", "open-sesame-17"
STRATEGIES = ("prompting_examples", "retrieval", "finetuning")
SECONDS_TO_START, SECONDS_TO_END = 180, 60


@contextmanager
def served(measured: Measured, strategy: str, *options: str, key: str | None = None) -> Iterator[tuple[str, int]]:
    """Its address and process id. It has ended by the end of the block, and then it must have ended well."""
    command = [sys.executable, "-m", "advisor", "serve", measured.run.id, "--strategy", strategy, "--port", "0"]
    environment = {**os.environ, "THREEWAYS_HOME": str(measured.store.home), "OMP_NUM_THREADS": "1"}
    if key:
        environment["THREEWAYS_SERVE_KEY"] = key
    with subprocess.Popen(
        [*command, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        said = process.stdout.readline()
        assert " answers at http://" in said, process.stderr.read()
        try:
            yield said.split(" answers at ")[1].split("/v1")[0], process.pid
        finally:
            process.terminate()
            assert process.wait(SECONDS_TO_END) == 0
            assert "Traceback" not in process.stderr.read()


@pytest.fixture(scope="module", params=[Kind.CLASSIFICATION, Kind.EXTRACTION])
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measured_run(tmp_path_factory.mktemp("served"), request.param, STRATEGIES)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_answers_are_those_of_the_run(measured: Measured, strategy: str) -> None:
    recorded = measured.outcomes[strategy]
    with served(measured, strategy, key=KEY) as (url, _):
        headers = {**JSON, "Authorization": f"Bearer {KEY}"}
        with ThreadPoolExecutor(6) as pool:  # they come together
            bodies = [chat(strategy, text) for text in recorded]
            replies = list(pool.map(lambda body: send(url, PATH, body, headers), bodies))
        assert [reply.text for reply in replies] == list(recorded.values())
        assert all(bool(reply.said["sources"]) == (strategy == "retrieval") for reply in replies)
        assert all(reply.said["usage"]["prompt_tokens"] > 5 for reply in replies)
        for text, answer in recorded.items():
            streamed = send(url, PATH, chat(strategy, text, stream=True), headers).events
            assert "".join(each["choices"][0]["delta"].get("content", "") for each in streamed) == answer
        assert send(url, PATH, bodies[0]).status == 401
        too_long = send(url, PATH, chat(strategy, "a very long parcel " * 3000), headers)
        assert (too_long.status, too_long.said["error"]["code"]) == (400, "context_length_exceeded")


def test_a_signal_lets_it_finish_what_it_has_begun(measured: Measured) -> None:
    text, answer = next(iter(measured.outcomes["finetuning"].items()))
    with served(measured, "finetuning", "--at-once", "1") as (url, process), ThreadPoolExecutor(40) as pool:
        replies = [pool.submit(send, url, PATH, chat("finetuning", text)) for _ in range(40)]
        while not any(reply.done() for reply in replies):
            time.sleep(0.01)
        os.kill(process, signal.SIGTERM)
        found = [reply.result() for reply in replies if reply.exception() is None]
        assert found and {reply.text for reply in found} == {answer}
        refused = [reply.exception() for reply in replies if reply.exception() is not None]
        assert all(isinstance(each, OSError) for each in refused)  # those that weren't there yet


def test_a_conversation_keeps_its_turns(tmp_path: Path) -> None:
    def row(at: int) -> Example:
        turns = (Turn("user", f"my lamp {at} broke"), Turn("assistant", "Which one?"))
        asked = Turn("user", f"the {('red', 'green', 'blue')[at % 3]} one")
        return Example(f"r{at}", written([*turns, asked], True), f"I send a {('red', 'green', 'blue')[at % 3]} lamp.",
                       turns=turns)  # fmt: skip

    measured = measured_run(tmp_path, Kind.WRITING, ["prompting"], [row(at) for at in range(36)])
    recorded = measured.outcomes["prompting"]
    _, split = read_task(measured.store.run_folder(measured.run.id))
    with served(measured, "prompting") as (url, _):
        for example in split.test:
            said = [*example.turns, Turn("user", example.input.rpartition("user: ")[2])]
            messages = [{"role": turn.role, "content": turn.text} for turn in said]
            body = json.dumps({"model": "prompting", "messages": messages}).encode()
            assert send(url, PATH, body).text == recorded[example.input]


def test_what_can_not_be_served_is_refused_in_a_sentence(
    measured: Measured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEWAYS_HOME", str(measured.store.home))
    monkeypatch.delenv("THREEWAYS_SERVE_KEY", raising=False)

    def refusal(strategy: str, *options: str) -> str:
        assert main(["serve", measured.run.id, "--strategy", strategy, *options]) == 2
        return capsys.readouterr().err

    assert "did not compare 'guessing'; choose prompting_examples or" in refusal("guessing")
    assert "Other machines can reach 0.0.0.0, so a key is needed" in refusal("retrieval", "--host", "0.0.0.0")
    assert "letters, digits and punctuation" in refusal("retrieval", "--key", "schlüssel")
    assert "The key is empty" in refusal("retrieval", "--key", "")
    assert "There is no port 70,000" in refusal("retrieval", "--port", "70000")
    assert "must be above 0" in refusal("retrieval", "--at-once", "0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port} can't be used" in refusal("retrieval", "--port", port)
