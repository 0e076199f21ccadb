"""Where a served model is: `served:MODEL@http://HOST:PORT/v1`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from eval.task import BadInput

PREFIX = "served:"
FORM = "served:MODEL@http://HOST:PORT/v1"
_URL = re.compile(r"@(?=https?://)", re.IGNORECASE)  # a model's own name may hold "@", ":" and "/"


def is_served(name: str) -> bool:
    """Whether this is the name of a served model, well written or not."""
    return name.strip().casefold().startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class ServedAddress:
    """`model` is what the server calls it, `url` where its API begins, without a slash at the end."""

    model: str
    url: str

    @staticmethod
    def parse(name: str) -> ServedAddress:
        """Where a path is left out, it is /v1. Raises BadInput if this is not the address of a served model."""
        name = name.strip()
        if not is_served(name):
            raise BadInput(f"“{name}” is not the address of a served model: write it as {FORM}.")
        parts = _URL.split(name[len(PREFIX) :])
        model, url = "@".join(parts[:-1]).strip(), parts[-1].strip()
        if len(parts) == 1:
            raise BadInput(f"“{name}” doesn't say where the server is: write it as {FORM}.")
        if not model:
            raise BadInput(f"“{name}” doesn't name the model: write it as {FORM}.")
        split = _split(name, url)
        path = split.path.rstrip("/") or "/v1"
        return ServedAddress(model, f"{split.scheme}://{split.netloc}{path}")

    @property
    def name(self) -> str:
        """As it is written wherever a model is named."""
        return f"{PREFIX}{self.model}@{self.url}"

    @property
    def host(self) -> str:
        """The server and its port, for sentences."""
        return urlsplit(self.url).netloc

    @property
    def root(self) -> str:
        """The URL without its version, where servers have paths of their own."""
        return re.sub(r"/v\d+$", "", self.url)

    @property
    def is_on_this_machine(self) -> bool:
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def _split(name: str, url: str) -> SplitResult:
    try:
        split = urlsplit(url)
        split.port  # noqa: B018  # raises if it is no number
    except ValueError as wrong:
        raise BadInput(f"The address {url} in “{name}” can't be read: write it as {FORM}.") from wrong
    if not split.hostname or re.search(r"\s", url):
        raise BadInput(f"The address {url} in “{name}” names no server: write it as {FORM}.")
    if "@" in split.netloc or split.query or split.fragment:
        raise BadInput(
            f"The address of the model on {split.hostname} holds more than a server, a port and a path: leave out "
            "names, passwords and keys, because addresses are stored."
        )
    return split._replace(scheme=split.scheme.lower())
