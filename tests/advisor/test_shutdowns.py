"""What is announced about the end of a served model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from advisor.plan import Priorities
from advisor.schema import Report, ServedFacts
from advisor.shutdowns import hosted_shutdown_sentence, shutdown_sentence
from strategies.served.address import ServedAddress
from strategies.served.serving import check_served, probed_afresh
from tests.servers.tiny_server import Behaviour, TinyServer

BEFORE, AFTER = date(2026, 11, 28), date(2026, 12, 11)


@pytest.mark.parametrize(
    ("model", "today", "said"),
    [
        (
            "served:gpt-5-mini@https://api.openai.com/v1",
            BEFORE,
            "gpt-5-mini will be shut down on 11 December 2026 (Ope",
        ),
        (
            "served:gpt-5-mini@https://api.openai.com/v1",
            AFTER,
            "gpt-5-mini was to be shut down on 11 December 2026 (Op",
        ),
        ("served:gemini-2.0-flash@https://generativelanguage.googleapis.com/v1beta/openai", BEFORE, "genai-prices "),
    ],
)
def test_an_announced_end_is_said_with_its_source(model: str, today: date, said: str) -> None:
    assert shutdown_sentence(model, today).startswith(said)


@pytest.mark.parametrize(
    "model",
    ["embedded", "served:gpt-5-mini@http://gpu:8000/v1", "served:gpt-5@http://127.0.0.1:1/v1", "served:no address"],
)
def test_nothing_is_said_of_other_servers(model: str) -> None:
    assert shutdown_sentence(model, AFTER) == ""


def test_what_the_server_itself_says_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with TinyServer(Behaviour(ends_on="2026-12-11")) as server:
        assert shutdown_sentence(server.name, BEFORE) == ""  # it hasn't been asked
        assert check_served(server.name) is None
        said = shutdown_sentence(server.name, BEFORE)
        host = ServedAddress.parse(server.name).host
        assert said.startswith(f"tiny will be shut down on 11 December 2026 (the list of models at {host}): have a")
        assert shutdown_sentence(server.name, AFTER).startswith("tiny was to be shut down")
        server.behaviour.ends_on = "soon"
        probed_afresh(ServedAddress.parse(server.name), None)
        assert shutdown_sentence(server.name, BEFORE) == ""


@pytest.mark.parametrize(
    ("hosted", "said"),
    [
        ("OpenAI: GPT-5 mini", "OpenAI: GPT-5 mini was to be shut down on 11 December 2026 (OpenAI's page on dep"),
        ("OpenAI: GPT-5.4 mini", ""),
        ("my own", ""),
        (None, ""),
    ],
)
def test_it_is_said_of_the_model_at_whose_prices_a_run_is_costed(hosted: str | None, said: str) -> None:
    found = hosted_shutdown_sentence(hosted, AFTER)
    assert found.startswith(said) and bool(found) == bool(said)


def test_the_report_says_it_of_the_model_it_recommends(synthetic_report: Callable[..., Report]) -> None:
    facts = ServedFacts("gpt-5-mini at api.openai.com", None, "", None, shutdown="It ends.")
    assert "It ends." in synthetic_report(model=facts.model, served=[facts]).recommendation.caveats
    assert "It ends." not in synthetic_report(served=[facts]).recommendation.caveats
    hosted = Priorities(hosted="OpenAI: GPT-5 mini", read_per_million=1.0, written_per_million=1.0)
    caveats = synthetic_report(priorities=hosted).recommendation.caveats
    assert any(one.startswith("OpenAI: GPT-5 mini w") and "shut down" in one for one in caveats)
