"""A model behind a server on Compare: tested, explained and taken into the comparison."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from advisor.runs.key_socket import receiving_keys
from advisor.storage.store import Store
from tests.app import html_of, open_page, primaries
from tests.pages.test_flow import TICKETS
from tests.servers.tiny_server import Behaviour, TinyServer

SECRET = "sk-typed-on-a-page"
_PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def server() -> Iterator[TinyServer]:
    with TinyServer() as running:
        yield running


@pytest.fixture
def app(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return open_page("Compare", dataset=store.add_dataset("tickets.csv", TICKETS.encode()).id)


def connect(app: AppTest, url: str, key: str = "", place: str = "compare") -> None:
    """Fills the form, and waits for the end of the test."""
    app.text_input(key=f"served-url-{place}").set_value(url)
    app.text_input(key=f"served-key-{place}").set_value(key)
    button = next(one for one in app.button if one.label == "Test the connection")
    button.click().run()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    test = f"served-test-{place}"
    while test in app.session_state and app.session_state[test].found is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    app.run()
    assert not app.exception


def test_a_tested_model_is_explained_and_one_click_from_the_usual_comparison(
    app: AppTest, store: Store, server: TinyServer
) -> None:
    server.behaviour = Behaviour(key=SECRET)
    taken = {}
    with receiving_keys(store, lambda host, key, _: taken.update({host: key.reveal()})):
        connect(app, server.url.removeprefix("http://"), SECRET)
    host = server.url.partition("//")[2].removesuffix("/v1")
    assert taken == {host: SECRET} and SECRET not in repr(app.session_state)
    said = html_of(app)
    assert f"tiny at {host} answers." in said and "how likely each whole label is" in said
    assert "The model reads up to 2,048 tokens, about 1,500 English words." in said
    assert app.selectbox(key="served-model-compare").value == "tiny"
    app.button(key="served-split").click().run()
    assert primaries(app) == ["Compare the four"] and "It is part of this comparison." in html_of(app)
    app.button(key="run").click().run()
    (run,) = store.runs()
    assert run.plan.chosen == (
        ("embedded", ("finetuning",)),
        (server.name, ("prompting", "prompting_examples", "retrieval")),
    )


def test_a_served_model_alone_leaves_out_what_trains(app: AppTest, server: TinyServer) -> None:
    server.behaviour = Behaviour()
    connect(app, f"{server.url}/chat/completions")
    app.button(key="served-alone").click().run()
    assert app.selectbox(key="model").value == server.name
    assert app.checkbox(key="refused-finetuning").disabled and "are on a server: leave it out" in html_of(app)
    assert primaries(app) == ["Compare the three"]


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("", "", "The address is empty"),
        ("ftp://host", "", "begins with neither http:// nor https://"),
        ("http://127.0.0.1:9/v1", "", "No server answers at 127.0.0.1:9"),
        (None, "", "asks for a key (401): set THREEWAYS_KEY_127_0_0_1_"),
        (None, "sk-wrong", "refuses the key (401)"),
        (None, "sk wrong", "A key has no spaces"),
    ],
)
def test_what_fails_is_one_sentence(app: AppTest, server: TinyServer, url: str | None, key: str, said: str) -> None:
    server.behaviour = Behaviour(key=SECRET)
    connect(app, server.url if url is None else url, key)
    assert said in html_of(app)
