"""The key of a server: from an environment variable, or handed over in memory. It is never written anywhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from eval.task import BadInput
from strategies.served.address import ServedAddress, is_served

# Where people usually keep the keys of these services. A key only goes to the service that it belongs to.
_USUAL = {
    "openai.com": "OPENAI_API_KEY",
    "openai.azure.com": "AZURE_OPENAI_API_KEY",
    "openrouter.ai": "OPENROUTER_API_KEY",
    "together.xyz": "TOGETHER_API_KEY",
    "together.ai": "TOGETHER_API_KEY",
    "fireworks.ai": "FIREWORKS_API_KEY",
}
_HIDDEN = "[key]"
_SENDABLE = re.compile(r"[!-~]+")  # a header holds nothing else


class Key:
    """A secret that doesn't show in a representation, a message or a trace of errors."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret.strip()

    def __repr__(self) -> str:
        return "Key(hidden)"

    def reveal(self) -> str:
        """Only for the header of a request."""
        return self._secret

    def hide_in(self, text: str) -> str:
        """A text without the key. Servers repeat a wrong key in their message."""
        return text.replace(self._secret, _HIDDEN) if self._secret else text


class KeyNeededError(BadInput):
    """A server wants a key, or another one. The message says so to a person; `host` is the server with its port."""

    def __init__(self, sentence: str, host: str) -> None:
        super().__init__(sentence)
        self.host = host


def typed_key(text: str) -> Key:
    """Raises BadInput if this can't be a key."""
    text = text.strip()
    if not text:
        raise BadInput("The field is empty: type the key, or paste it.")
    if not _SENDABLE.fullmatch(text):
        raise BadInput("A key has no spaces, line breaks or accented letters: copy it again, and nothing around it.")
    return Key(text)


_handed_over: dict[tuple[str, str], Key] = {}  # by whose it is, and host; only in this process's memory
_whose = ""  # the keys that this process uses; "" for those of nobody in particular


def use_keys_of(whose: str) -> None:
    """From now on, use the keys that this person handed over, and nobody else's: whoever pays for a server must not
    pay for others."""
    global _whose
    _whose = whose


def hand_over(address: ServedAddress, key: Key) -> None:
    """Use this key for the server from now on, in this process."""
    accept({address.host: key})


def accept(keys: Mapping[str, Key], whose: str | None = None) -> None:
    """Use these keys, by host, from now on in this process, whenever it uses the keys of `whose`; at once if that is
    None."""
    owner = _whose if whose is None else whose
    _handed_over.update({(owner, host.casefold()): key for host, key in keys.items()})


def handed_over(models: Iterable[str]) -> dict[str, Key]:
    """The keys that were handed over for the servers of these models, by host: what a child may know."""
    hosts = [ServedAddress.parse(model).host.casefold() for model in models if is_served(model)]
    return {host: _handed_over[_whose, host] for host in hosts if (_whose, host) in _handed_over}


def was_handed_over(host: str) -> bool:
    return (_whose, host.casefold()) in _handed_over


def forget(host: str, key: Key | None) -> None:
    """Forgets a key that its server refused, unless another one has come meanwhile."""
    if key is not None and _handed_over.get((_whose, host.casefold())) is key:
        del _handed_over[_whose, host.casefold()]


def key_for(address: ServedAddress) -> Key | None:
    """The key that was handed over, else that of the environment; None if there is none. Raises BadInput if the
    environment has something that can't be a key."""
    if was_handed_over(address.host):
        return _handed_over[_whose, address.host.casefold()]
    for variable in (own_variable(address), _usual_variable(address)):
        if variable and (secret := os.environ.get(variable, "").strip()):
            if not _SENDABLE.fullmatch(secret):
                raise BadInput(
                    f"{variable} can't be the key for {address.host}, because a key has no spaces, line breaks or "
                    "accented letters: set it again, to the key and nothing around it."
                )
            return Key(secret)
    return None


def variable_for(address: ServedAddress) -> str:
    """The environment variable to name to a person: the usual one of the service, or one of this server's own."""
    return _usual_variable(address) or own_variable(address)


def own_variable(address: ServedAddress) -> str:
    """The variable of one server alone, such as THREEWAYS_KEY_GPU_BOX_8000 for http://gpu-box:8000."""
    return "THREEWAYS_KEY_" + re.sub(r"\W+", "_", address.host).strip("_").upper()


def _usual_variable(address: ServedAddress) -> str | None:
    host = address.host.partition(":")[0].casefold()
    return next((name for ending, name in _USUAL.items() if host == ending or host.endswith(f".{ending}")), None)
