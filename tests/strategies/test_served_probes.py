"""What a server is found to do, and what it only seems to do because it answers with status 200."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest

from advisor.served_words import capabilities_in_words
from strategies.engine.language_model import LabelWay
from strategies.served.address import ServedAddress
from strategies.served.capabilities import Capabilities, Choice, WholeLabels
from strategies.served.client import Patience, StoppedError
from strategies.served.decisions import probabilities_in
from strategies.served.probes import probe
from tests.servers.tiny_server import Behaviour, TinyServer

QUICK = Patience(connecting=1, answering=5, first_wait=0.01, longest_wait=0.02, tries=2)
FULL = Capabilities(
    repeats=True,
    streams=True,
    counts=True,
    top_logprobs=20,
    choice=Choice.STRUCTURED,
    follows_schema=True,
    tokenizes=True,
    whole_labels=WholeLabels.ECHO,
    context_tokens=2048,
    answers_as="tiny",
    decides=True,
)


@pytest.fixture(scope="module")
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


def found(server: TinyServer, behaviour: Behaviour, patience: Patience = QUICK) -> Capabilities:
    server.behaviour = behaviour
    return probe(ServedAddress.parse(server.name), None, patience)


def changed(now: Capabilities) -> dict[str, object]:
    """Where it differs from a server that honours everything."""
    names = [field.name for field in fields(Capabilities)]
    return {name: getattr(now, name) for name in names if getattr(now, name) != getattr(FULL, name)}


def test_a_server_like_vllm_can_do_everything(server: TinyServer) -> None:
    capabilities = found(server, Behaviour())
    assert not changed(capabilities)
    assert capabilities.labels_by is LabelWay.SCORED
    assert Capabilities.from_json(capabilities.to_json()) == capabilities
    assert all(one.seen and one.sentence.endswith(".") for one in capabilities.found)


SCORING = {"prompt_logprobs", "echo"}
CHOOSING = {"structured_outputs", "guided_choice", "response_format"}
DECIDING = "/v1/systemone"
IGNORED: list[tuple[set[str], dict[str, object], LabelWay]] = [
    (
        {"/tokenize", "stream", "usage"},
        {"tokenizes": False, "streams": False, "counts": False, "whole_labels": WholeLabels.PROMPT_LOGPROBS},
        LabelWay.SCORED,
    ),
    ({"/v1/completions"}, {"whole_labels": WholeLabels.PROMPT_LOGPROBS}, LabelWay.SCORED),
    ({"continue_final_message", "echo"}, {"whole_labels": None}, LabelWay.DECIDED),
    ({*SCORING, DECIDING}, {"whole_labels": None, "decides": False}, LabelWay.CHOSEN),
    (
        {*SCORING, DECIDING, "structured_outputs"},
        {"whole_labels": None, "decides": False, "choice": Choice.GUIDED},
        LabelWay.CHOSEN,
    ),
    (
        {*SCORING, DECIDING, "structured_outputs", "guided_choice"},
        {"whole_labels": None, "decides": False, "choice": Choice.ENUM},
        LabelWay.CHOSEN,
    ),
    (
        {*SCORING, DECIDING, *CHOOSING},
        {"whole_labels": None, "decides": False, "choice": None, "follows_schema": False},
        LabelWay.FIRST_TOKEN,
    ),
    (
        {*SCORING, DECIDING, *CHOOSING, "logprobs"},
        {"whole_labels": None, "decides": False, "choice": None, "follows_schema": False, "top_logprobs": 0},
        LabelWay.WRITTEN,
    ),
]


@pytest.mark.parametrize(("ignored", "lacking", "way"), IGNORED)
def test_what_is_ignored_with_status_200_does_not_count(
    server: TinyServer, ignored: set[str], lacking: dict[str, object], way: LabelWay
) -> None:
    capabilities = found(server, Behaviour(ignores=ignored))
    assert changed(capabilities) == lacking
    assert capabilities.labels_by is way
    assert len({one.title for one in capabilities.found}) == len(capabilities.found)


def test_what_is_refused_is_left_out_of_later_requests(server: TinyServer) -> None:
    capabilities = found(server, Behaviour(refuses={"max_tokens", "temperature", "seed", "guided_choice"}))
    assert changed(capabilities) == {
        "limit": "max_completion_tokens",
        "temperature": False,
        "seed": False,
        "whole_labels": WholeLabels.PROMPT_LOGPROBS,  # an echo can't do without them
    }
    assert capabilities.parameters(7) == {"max_completion_tokens": 7}


@pytest.mark.parametrize("as_fault", [500, "drop", "hang"])
def test_what_fails_is_asked_once_more_and_never_stops_the_probing(
    server: TinyServer, as_fault: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As llama-cpp-python's own server answers what it can't do; others never answer it. Eight failures in a row would
    end a run."""
    monkeypatch.setattr("strategies.served.probes._SECONDS_FOR_A_PROBE", 0.2)
    monkeypatch.setattr("strategies.served.probes._TIMES_THE_FIRST", 0.0)
    server.failed.clear()
    fails = {*CHOOSING, *SCORING, DECIDING, "logprobs"}
    capabilities = found(server, Behaviour(fails=fails, fails_as=as_fault), replace(QUICK, tries=5, failures=8))
    assert capabilities.labels_by is LabelWay.WRITTEN and not capabilities.follows_schema
    asked = Counter(server.failed)
    assert len(asked) > 8 and set(asked.values()) == {2}


def test_a_schema_in_a_json_object_is_found_too(server: TinyServer) -> None:
    capabilities = found(
        server,
        Behaviour(ignores={*SCORING, DECIDING, "structured_outputs", "guided_choice"}, refuses={"json_schema"}),
    )
    assert changed(capabilities) == {
        "whole_labels": None, "decides": False, "choice": Choice.ENUM, "schema_in_object": True,
    }  # fmt: skip
    assert capabilities.labels_by is LabelWay.CHOSEN
    assert Capabilities.from_json(capabilities.to_json()) == capabilities


def test_decisions_count_only_if_the_right_option_gets_the_largest_of_exactly_their_probabilities(
    server: TinyServer,
) -> None:
    usual = {"violet": 0.6, "amber": 0.3, "umber": 0.1}
    for behaviour in (
        Behaviour(decides_as=usual),  # the same, whatever the state says
        Behaviour(ignores={"state"}),
    ):
        behaviour.ignores |= SCORING
        found_now = found(server, behaviour)
        assert not found_now.decides and found_now.labels_by is LabelWay.CHOSEN
    for wrong in ({"violet": 0.5}, {**usual, "amber": 0.9}, {**usual, "blue": 0.0}, {**usual, "umber": "small"}):
        body = {"answers": {"label": {"type": "choice", "choice": "violet", "probabilities": wrong}}}
        assert probabilities_in(body, tuple(usual)) is None
    assert probabilities_in({"answers": {"label": {"probabilities": usual}}}, tuple(usual)) == usual


def test_many_labels_are_asked_for_in_another_way_than_few() -> None:
    can = replace(FULL, whole_labels=None)
    assert (can.way_for(26), can.way_for(27)) == (LabelWay.DECIDED, LabelWay.CHOSEN)
    assert "up to 26 labels" in can.labels_found(26).sentence and "structured_outputs" in can.labels_found(27).sentence
    said = dict(capabilities_in_words(can, None))
    assert "nothing but one of your labels" in said["More than 26 labels"]
    assert "More than 26 labels" not in dict(capabilities_in_words(FULL, None))


def test_answers_that_change_and_counts_that_cannot_be_true_are_noticed(server: TinyServer) -> None:
    wrong = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    capabilities = found(server, Behaviour(changes_answers=True, usage=wrong))
    assert not capabilities.repeats and not capabilities.counts
    unseen = [one.sentence for one in capabilities.found if not one.seen]
    assert any("different answers to the same request" in sentence for sentence in unseen)
    assert any("tokens are estimated from the words" in sentence for sentence in unseen)


def test_a_model_that_thinks_gets_room_for_it_and_no_scored_labels(server: TinyServer) -> None:
    capabilities = found(server, Behaviour(thinks="What may that be? Let me see."))
    assert capabilities.thinks and capabilities.repeats and capabilities.labels_by is LabelWay.CHOSEN
    assert capabilities.parameters(10)["max_tokens"] == 10 + 512
    assert "thinks before it answers" in capabilities.limits[-1]


def test_a_server_that_cannot_be_asked_is_no_server_with_fewer_capabilities(server: TinyServer) -> None:
    with pytest.raises(StoppedError, match="asks for a key"):
        found(server, Behaviour(key="sk-right"))
    with pytest.raises(StoppedError, match=r"refused the request \(400\): Unsupported parameter: messages"):
        found(server, Behaviour(refuses={"messages"}))
