"""Adapters that a server lists with their base."""

from __future__ import annotations

from pathlib import Path

import pytest

from strategies.served.adapters import adapter_sentence, base_in
from strategies.served.serving import ServedLoader, Serving
from tests.servers.tiny_server import Behaviour, TinyServer


def test_an_adapter_is_asked_as_any_model_and_the_notes_name_its_base(tmp_path: Path) -> None:
    with TinyServer(Behaviour(adapters={"tickets": "tiny"})) as server:
        for name, is_adapter in (("tickets", True), ("tiny", False)):
            model = ServedLoader(f"served:{name}@{server.url}", Serving(tmp_path / "kept.sqlite"))()
            assert (adapter_sentence("tickets", "tiny") in model.notes) is is_adapter
            model.close()


@pytest.mark.parametrize("listed", [None, [], {"data": None}, {"data": ["m"]}, {"data": [{"id": "m", "parent": "m"}]}])
def test_no_list_makes_a_model_an_adapter_by_accident(listed: object) -> None:
    assert base_in(listed, "m") == ""
