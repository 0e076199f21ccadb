"""A model behind `transformers serve`, a server that others wrote: what it can do, and whether it answers alike.

The model is tiny, because the probes alone would take minutes with the embedded one on two busy cores.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from transformers import pipeline

from eval.task import Brief, Kind
from strategies.answerer import Answerer
from strategies.engine.language_model import LabelWay
from strategies.prompts import build_prompt
from strategies.served.address import ServedAddress
from strategies.served.capabilities import Capabilities
from strategies.served.client import Client
from strategies.served.pace import MOST
from strategies.served.probes import probe
from strategies.served.served_model import ServedModel
from tests.bad_uploads import TABLE
from tests.servers.counting_proxy import CountingProxy, answers_asked
from tests.servers.real_servers import transformers_serve
from tests.tiny_model import save_tiny_model, tiny_transformer

pytestmark = pytest.mark.slow

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
    folder = save_tiny_model(tmp_path_factory.mktemp("model"))
    with transformers_serve(folder, tmp_path_factory.mktemp("hub")) as found:
        yield found


def test_it_answers_as_the_local_engine(address: ServedAddress) -> None:
    can = probe(address, None)
    assert can.repeats and can.streams and can.counts and can.reads_system and can.temperature and not can.thinks
    # It takes `logprobs` and `response_format` with status 200 and ignores them.
    assert (can.labels_by, can.follows_schema, can.tokenizes) == (LabelWay.WRITTEN, False, False)
    assert not can.decides

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


def test_its_decisions_are_those_of_the_same_model_here(address: ServedAddress) -> None:
    """The probe refuses them: a random network can't name the right option."""
    can = replace(Capabilities(), decides=True, context_tokens=2048)
    served = ServedModel(Client(address), can)
    options = {"password": None, "delivery": "A parcel or a letter.", "payment": None}
    prompts = [build_prompt("What is it about?", question) for question in QUESTIONS]
    scores = served.decide(prompts, options)
    decide_here = pipeline("decision", model=address.model)
    asked = {"type": "choice", "instructions": "What is it about?", "criteria": options}
    for question, found, read in zip(QUESTIONS, scores.log_probabilities, scores.tokens_in, strict=True):
        answer = decide_here({"state": question, "questions": {"label": asked}})["label"]
        assert np.exp(found) == pytest.approx([answer["probabilities"][option] for option in options], abs=1e-4)
        assert read > len(question)  # its tokens are letters
    assert not any(scores.errors) and scores.tokens_written is not None and not scores.tokens_written.any()
    served.close()


def test_a_killed_comparison_is_resumed_without_paying_twice(address: ServedAddress, tmp_path: Path) -> None:
    """Counted by a proxy of ours in front of the server."""
    task = tmp_path / "task.csv"
    task.write_bytes(TABLE)
    surroundings = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "THREEWAYS_HOME": str(tmp_path / "home")}
    with CountingProxy(address) as proxy:
        command = [sys.executable, "-m", "advisor", "compare", str(task), "--out", str(tmp_path / "report"), "--json"]
        command += ["--strategies", "prompting,prompting_examples", "--model", proxy.address.name]
        with subprocess.Popen(command, env=surroundings, start_new_session=True, stdout=subprocess.DEVNULL) as process:
            while len(answers_asked(proxy.whole)) < 12:
                assert process.poll() is None
                time.sleep(0.01)
            os.killpg(process.pid, signal.SIGKILL)
        before = answers_asked(proxy.sent)
        with sqlite3.connect(tmp_path / "cache" / "threeways" / "served" / "answers.sqlite") as kept:
            [[on_disk]] = kept.execute("SELECT count(*) FROM answers")
        ended = subprocess.run(command, env=surroundings, stdout=subprocess.PIPE, check=True)
        assert [one["status"] for one in json.loads(ended.stdout)["candidates"]] == ["done", "done"]
        after = answers_asked(proxy.sent)
    twice = sum(after.values()) - len(after)
    assert max(before.values()) == 1 and on_disk >= 12 - MOST and len(after) > len(before)
    assert twice == len(before) - on_disk <= 2 * MOST  # in flight, or on the way to the disk
