"""Where a served model is: `served:MODEL@http://HOST:PORT/v1`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import SplitResult, urlsplit

from eval.task import BadInput

PREFIX = "served:"
FORM = "served:MODEL@http://HOST:PORT/v1"
_URL = re.compile(r"@(?=https?://)", re.IGNORECASE)  # a model's own name may hold "@", ":" and "/"
_REQUEST_PATH = re.compile(r"/(?:chat/completions|completions|models)$")


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
        split = _split(url)
        path = split.path.rstrip("/") or "/v1"
        return ServedAddress(model, f"{split.scheme}://{split.netloc.lower()}{path}")

    @staticmethod
    def typed(url: str, model: str = "") -> ServedAddress:
        """From an address as people write or copy it, without "http://" or with the path of a request. `model` may be
        empty, where it isn't known yet. Raises BadInput if it isn't an address."""
        url = url.strip()
        if not url:
            raise BadInput("The address is empty: write it as http://HOST:PORT/v1.")
        if not re.match(r"\w+://", url):
            is_plain = _is_local(url) or re.match(r"[^/]+:\d+", url)  # services of companies have no port
            url = f"{'http' if is_plain else 'https'}://{url}"
        if not re.match("https?://", url, re.IGNORECASE):
            raise BadInput(
                f"The address {_without_secrets(url)} begins with neither http:// nor https://: write it as "
                "http://HOST:PORT/v1."
            )
        url = _REQUEST_PATH.sub("", url.rstrip("/"))
        address = ServedAddress.parse(f"{PREFIX}{model.strip() or 'model'}@{url}")
        return replace(address, model=model.strip())

    @property
    def name(self) -> str:
        """As it is written wherever a model is named."""
        return f"{PREFIX}{self.model}@{self.url}"

    @property
    def title(self) -> str:
        """The model as people name it."""
        return without_way(self.model)

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
        return _is_local(urlsplit(self.url).netloc)

    @property
    def is_open_to_readers(self) -> bool:
        """Whether others on the way could read what is sent there."""
        return self.url.startswith("http://") and not self.is_on_this_machine


def without_way(model: str) -> str:
    """The name of a model; of one in a folder or file without the way to it, which says more about the disk."""
    is_path = PurePosixPath(model).is_absolute() or PureWindowsPath(model).is_absolute() or model.startswith(("~", "."))
    return PureWindowsPath(model).name or model if is_path else model  # Windows takes both slashes


def _is_local(url: str) -> bool:
    """Whether a URL without its scheme is on this machine."""
    try:
        host = urlsplit(f"//{url}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hint(split: SplitResult) -> str:
    if not (split.hostname or "").endswith(".azure.com"):
        return ""
    return (
        f" Azure needs no api-version at https://{split.hostname}/openai/v1; the model is the name of its deployment."
    )


def _without_secrets(text: str) -> str:
    """Without what stands before the host or after a question mark."""
    return re.sub(r"\?.*", "?…", re.sub(r"(?<=://)[^/?#]*@", "", text))


def _split(url: str) -> SplitResult:
    try:
        split = urlsplit(url)
        split.port  # noqa: B018  # raises if it is no number
    except ValueError as wrong:
        shown = _without_secrets(url)
        raise BadInput(f"The address {shown} of a served model can't be read: write it as {FORM}.") from wrong
    if not split.hostname or re.search(r"\s", url):
        shown = _without_secrets(url)
        raise BadInput(f"The address {shown} of a served model names no server: write it as {FORM}.")
    if "@" in split.netloc or split.query or split.fragment:
        raise BadInput(
            f"The address of the model on {split.hostname} holds more than a server, a port and a path: leave out "
            f"names, passwords, keys and what follows a question mark, because addresses are stored.{_hint(split)}"
        )
    return split._replace(scheme=split.scheme.lower())
