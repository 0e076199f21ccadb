"""The names of served models, and the keys of their servers."""

from __future__ import annotations

import itertools
import pickle
import re

import pytest

from eval.task import BadInput
from strategies.served.address import ServedAddress, is_served
from strategies.served.keys import Key, hand_over, key_for, own_variable, variable_for


@pytest.mark.parametrize(
    ("name", "model", "url"),
    [
        ("served:m@http://127.0.0.1:8000/v1", "m", "http://127.0.0.1:8000/v1"),
        ("served:m@http://127.0.0.1:8000", "m", "http://127.0.0.1:8000/v1"),
        ("served:m@http://127.0.0.1:8000/", "m", "http://127.0.0.1:8000/v1"),
        ("served:org/m:7b@latest@https://openrouter.ai/api/v1/", "org/m:7b@latest", "https://openrouter.ai/api/v1"),
        ("Served:m@HTTPS://x.openai.azure.com/openai/v1", "m", "https://x.openai.azure.com/openai/v1"),
        ("served:m@http://GPU-Box:8000/v1/", "m", "http://gpu-box:8000/v1"),
        ("served:a@http://odd@http://host", "a@http://odd", "http://host/v1"),
        (" served:/models/my model.gguf@http://[::1]:8080 ", "/models/my model.gguf", "http://[::1]:8080/v1"),
    ],
)
def test_the_model_and_the_server_are_read_from_the_name(name: str, model: str, url: str) -> None:
    address = ServedAddress.parse(name)
    assert (address.model, address.url) == (model, url)
    assert ServedAddress.parse(address.name) == address


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt-4", "is not the address of a served model"),
        ("served:m", "doesn't say where the server is"),
        ("served:m@host:8000", "doesn't say where the server is"),
        ("served:@http://host", "doesn't name the model"),
        ("served:m@http://", "names no server"),
        ("served:m@http://host:eighty/v1", "can't be read"),
        ("served:m@http://me:secret@host/v1", "leave out names, passwords, keys and what follows"),
        ("served:m@http://me:secret@host:eighty/v1?key=secret", "can't be read"),
        ("served:m@http://me:secret@/v1?key=secret", "names no server"),
        (
            "served:m@https://x.openai.azure.com/openai/deployments/m?api-version=1",
            "https://x.openai.azure.com/openai/v1;",
        ),
        ("served:m@https://host/v1?key=secret", "leave out names, passwords, keys and what follows"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(name: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as wrong:
        ServedAddress.parse(name)
    assert "secret" not in str(wrong.value)


def test_only_names_of_served_models_are_served() -> None:
    assert is_served("served:m@http://host") and is_served(" SERVED:m")
    assert not is_served("embedded") and not is_served("HuggingFaceTB/SmolLM2-360M-Instruct")


def test_a_key_only_goes_to_the_server_it_belongs_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("THREEWAYS_KEY_GPU__BOX_8000", " sk-box ")
    openai, box = (
        ServedAddress.parse("served:m@https://api.openai.com"),
        ServedAddress.parse("served:m@http://gpu-box:8000"),
    )
    other = ServedAddress.parse("served:m@http://notopenai.com:8000")
    keys = [key_for(address) for address in (openai, box, other)]
    assert [key.reveal() if key else None for key in keys] == ["sk-openai", "sk-box", None]
    assert [variable_for(address) for address in (openai, box)] == ["OPENAI_API_KEY", "THREEWAYS_KEY_GPU__BOX_8000"]

    hand_over(other, Key("sk-typed"))
    typed = key_for(other)
    assert typed is not None and typed.reveal() == "sk-typed"


@pytest.mark.parametrize(
    ("host", "variable"),
    [
        ("127.0.0.1:8000", "127_0_0_1_8000"),
        ("127.0.0.1", "127_0_0_1"),
        ("LocalHost:8000", "LOCALHOST_8000"),
        ("llm.acme.com", "LLM_ACME_COM"),
        ("llm-acme.com", "LLM__ACME_COM"),
        ("gpu_box:8000", "GPU___5F___BOX_8000"),
        ("[::1]:8080", "___5B3A3A___1___5D3A___8080"),
        ("10.0.1:80", "10___2E___0___2E___1___3A___80"),
    ],
)
def test_a_server_has_a_variable_of_its_own(host: str, variable: str) -> None:
    assert variable_for(ServedAddress.parse(f"served:m@http://{host}")) == f"THREEWAYS_KEY_{variable}"


@pytest.mark.parametrize(("signs", "longest"), [("a1.-_:é", 5), ("1.:", 10), ("a-", 9), ("a5f_-", 6)])
def test_no_two_hosts_share_a_variable(signs: str, longest: int) -> None:
    hosts = ("".join(one) for length in range(1, longest + 1) for one in itertools.product(signs, repeat=length))
    seen: dict[str, str] = {}
    for host in hosts:
        variable = own_variable(ServedAddress("", f"https://{host}/v1"))
        assert re.fullmatch("[A-Z0-9_]+", variable) and seen.setdefault(variable, host) == host


def test_names_that_look_alike_in_other_letters_are_different_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    sharp, plain = (ServedAddress.parse(f"served:m@https://{host}") for host in ("stra\u00dfe.de", "strasse.de"))
    hand_over(plain, Key("sk-plain"))
    assert own_variable(sharp) != own_variable(plain) and key_for(sharp) is None
    monkeypatch.setenv("FIREWORKS_API_KEY", "sk-fireworks")
    assert key_for(ServedAddress.parse("served:m@https://firework\u017f.ai")) is None


@pytest.mark.parametrize(
    ("url", "sends"),
    [
        ("https://api.openai.com/v1", True),
        ("https://api.openai.com:443/v1", True),
        ("http://api.openai.com/v1", False),
        ("http://api.openai.com:81/v1", False),
        ("https://api.openai.com:8443/v1", False),
        ("https://openai.com.evil.net/v1", False),
        ("https://[::1]/v1", False),
    ],
)
def test_the_key_of_a_service_only_goes_to_its_own_encrypted_address(
    url: str, sends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    address = ServedAddress.parse(f"served:m@{url}")
    assert (key_for(address) is not None) is sends
    assert variable_for(address) == ("OPENAI_API_KEY" if sends else own_variable(address))


@pytest.mark.parametrize("secret", ["sk-1\nsk-2", "schl\u00fcssel", "Bearer sk-1"])
def test_a_variable_that_holds_no_key_is_named_without_what_it_holds(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THREEWAYS_KEY_BOX_8000", secret)
    with pytest.raises(BadInput, match=r"^THREEWAYS_KEY_BOX_8000 can't be the key for box:8000") as wrong:
        key_for(ServedAddress.parse("served:m@http://box:8000"))
    assert secret not in str(wrong.value)


def test_a_key_shows_nowhere_but_in_a_request() -> None:
    key = Key("sk-hidden")
    assert "sk-hidden" not in f"{key!r} {key} {[key]}"
    assert key.hide_in("Incorrect API key provided: sk-hidden.") == "Incorrect API key provided: [key]."
    assert pickle.loads(pickle.dumps(key)).reveal() == "sk-hidden"  # handed to a child process through its pipe
