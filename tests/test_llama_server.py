"""The embedded model behind llama-cpp-python's own server: what it can do, and whether it keeps to labels and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from strategies.engine.language_model import LabelWay, Message
from strategies.engine.models import embedded_gguf
from strategies.served.address import ServedAddress
from strategies.served.capabilities import Choice
from strategies.served.client import Client
from strategies.served.probes import probe
from strategies.served.served_model import ServedModel
from tests.servers.real_servers import llama_server, llama_server_lacks

pytestmark = pytest.mark.slow

LABELS = ("password", "delivery", "payment")


@pytest.fixture(scope="module")
def address() -> Iterator[ServedAddress]:
    gguf = embedded_gguf()
    lacks = "the embedded model" if gguf is None else llama_server_lacks()
    if gguf is None or lacks:
        pytest.skip(f"llama-cpp-python's own server can't start: {lacks} isn't installed")
    with llama_server(gguf, "--n_threads", "1") as found:
        yield found


def test_its_answers_are_held_to_labels_and_json_by_the_form_it_takes(address: ServedAddress) -> None:
    can = probe(address, None)
    assert can.repeats and can.streams and can.counts and can.reads_system and can.temperature and not can.thinks
    # It refuses the type `json_schema`, and takes `json_object` with a schema.
    assert (can.labels_by, can.choice, can.schema_in_object, can.follows_schema) == (
        LabelWay.CHOSEN, Choice.ENUM, True, True,
    )  # fmt: skip
    assert can.top_logprobs == 20 and can.whole_labels is None and not can.tokenizes

    served = ServedModel(Client(address), can)
    prompts = [
        (Message("system", f"Give the label: {', '.join(LABELS)}."), Message("user", question))
        for question in ("How do I reset my password?", "My parcel has not arrived.")
    ]
    assert all(one.text in LABELS for one in served.name_labels(prompts, LABELS, 8))
    schema = {"type": "object", "properties": {"urgent": {"type": "boolean"}}, "required": ["urgent"]}
    assert all(json.loads(one.text).keys() == {"urgent"} for one in served.write_json(prompts, schema, 24))
    served.close()
