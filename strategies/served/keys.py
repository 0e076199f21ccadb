"""The key of a server: from an environment variable, or handed over in memory. It is never written anywhere."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

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
_NAME_AND_PORT = re.compile(r"([^.:]+(?:\.[^.:]+)*)(?::[0-9]+)?")
_SIGNS = re.compile(r"[^a-z0-9]+")
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
    _handed_over.update({(owner, host.lower()): key for host, key in keys.items()})


def handed_over(models: Iterable[str]) -> dict[str, Key]:
    """The keys that were handed over for the servers of these models, by host: what a child may know."""
    hosts = [ServedAddress.parse(model).host.lower() for model in models if is_served(model)]
    return {host: _handed_over[_whose, host] for host in hosts if (_whose, host) in _handed_over}


def was_handed_over(host: str) -> bool:
    return (_whose, host.lower()) in _handed_over


def forget(host: str, key: Key | None) -> None:
    """Forgets a key that its server refused, unless another one has come meanwhile."""
    if key is not None and _handed_over.get((_whose, host.lower())) is key:
        del _handed_over[_whose, host.lower()]


def key_for(address: ServedAddress) -> Key | None:
    """The key that was handed over, else that of the environment; None if there is none. Raises BadInput if the
    environment has something that can't be a key."""
    if was_handed_over(address.host):
        return _handed_over[_whose, address.host.lower()]
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
    """The variable of one server alone, such as THREEWAYS_KEY_GPU__BOX_8000 for http://gpu-box:8000.

    Two hosts never share one, or the key of one would go to the other. A dot, and the colon before a port, are one
    underscore, and a hyphen is two. Any other signs are the hexadecimal digits of their UTF-8 between three
    underscores. So are all signs of an IPv6 address and of what could be mistaken for a host with a port, as 10.0.1.80
    for 10.0.1:80.
    """
    host = address.host.lower()
    name = _NAME_AND_PORT.fullmatch(host)
    is_usual = name is not None and (_is_ipv4(name[1]) or not name[1].rpartition(".")[2].isdecimal())

    def spelt(signs: re.Match[str]) -> str:
        if is_usual and (signs[0] in (".", ":") or not signs[0].strip("-")):
            return "_" if signs[0] in (".", ":") else "__" * len(signs[0])
        return f"___{signs[0].encode('utf-8', 'surrogatepass').hex()}___"

    return f"THREEWAYS_KEY_{_SIGNS.sub(spelt, host)}".upper()


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _usual_variable(address: ServedAddress) -> str | None:
    """Only where the service itself answers, with encryption: another port may be anybody's."""
    split = urlsplit(address.url)
    if split.scheme != "https" or split.port not in (None, 443):
        return None
    host = (split.hostname or "").lower()
    return next((name for ending, name in _USUAL.items() if host == ending or host.endswith(f".{ending}")), None)
