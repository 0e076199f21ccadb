"""The key of a server: from an environment variable, or handed over in memory. It is never written anywhere."""

from __future__ import annotations

import os
import re

from strategies.served.address import ServedAddress

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


_handed_over: dict[str, Key] = {}  # by host; only in this process's memory


def hand_over(address: ServedAddress, key: Key) -> None:
    """Use this key for the server from now on, in this process."""
    _handed_over[address.host] = key


def key_for(address: ServedAddress) -> Key | None:
    """The key that was handed over, else that of the environment; None if there is none."""
    if address.host in _handed_over:
        return _handed_over[address.host]
    for variable in (own_variable(address), _usual_variable(address)):
        if variable and (secret := os.environ.get(variable, "").strip()):
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
