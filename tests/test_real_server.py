"""A model behind `transformers serve`, a server that others wrote: what it can do, and whether it answers alike.

The model is tiny, because the probes alone would take minutes with the embedded one on two busy cores.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.task import Brief, Kind
from strategies.answerer import Answerer
from strategies.engine.language_model import LabelWay
from strategies.prompts import build_prompt
from strategies.served.address import ServedAddress
from strategies.served.client import Client
from strategies.served.probes import probe
from strategies.served.served_model import ServedModel
from tests.tiny_model import save_tiny_model, tiny_transformer

pytestmark = pytest.mark.slow

_SECONDS_TO_START = 120
QUESTIONS = (
    "How do I reset my password?",
    "My parcel has not arrived.",
    "I was charged twice this month.",
    "Can I pay by invoice?",
    "The lamp arrived broken.",
    "Please delete my account.",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedAddress]:
    folder, port = save_tiny_model(tmp_path_factory.mktemp("model")), _free_port()
    command = [Path(sys.executable).with_name("transformers"), "serve", folder, "--port", str(port)]
    hub = tmp_path_factory.mktemp("hub")  # its list of models is that of the hub's cache
    with subprocess.Popen(
        [*map(str, command), "--device", "cpu", "--dtype", "float32"],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(hub)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process)
            yield ServedAddress.parse(f"served:{folder}@http://127.0.0.1:{port}")
        finally:
            process.terminate()


def test_it_answers_as_the_local_engine(address: ServedAddress) -> None:
    can = probe(address, None)
    assert can.repeats and can.streams and can.counts and can.reads_system and can.temperature and not can.thinks
    # It takes `logprobs` and `response_format` with status 200 and ignores them.
    assert (can.labels_by, can.follows_schema, can.tokenizes) == (LabelWay.WRITTEN, False, False)

    prompts = [build_prompt("Answer in a few words.", question) for question in QUESTIONS]
    local, served = tiny_transformer(), ServedModel(Client(address), can)
    here, there = local.write(prompts, 12), served.write(prompts, 12)
    assert [one.text for one in there] == [one.text for one in here]
    assert [one.tokens_in for one in there] == [one.tokens_in for one in here]

    local.labels_by = LabelWay.WRITTEN
    brief = Brief("help desk", Kind.CLASSIFICATION, "", ("password", "delivery", "payment"))
    prompts = [build_prompt("Give the label: password, delivery or payment.", question) for question in QUESTIONS]
    labels = [[one.text for one in Answerer(model, brief, 12).answer(prompts)] for model in (local, served)]
    assert labels[0] == labels[1]
    served.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    started = time.monotonic()
    while time.monotonic() - started < _SECONDS_TO_START:
        if process.poll() is not None:
            pytest.fail(f"the server ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the server didn't start")
