"""What can go wrong between here and a server, as sentences, and whether to ask again."""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from strategies.served.address import ServedAddress
from strategies.served.keys import Key, variable_for

_SHOWN = 240  # characters of a server's own message
_TOO_LONG = re.compile(r"context|too long|maximum.{0,20}length|max_model_len|too many tokens|exceed.{0,30}token", re.I)
_TOO_LARGE = re.compile(r"request too large", re.I)  # for a limit on tokens a minute, which no waiting helps
_NO_MONEY = re.compile(r"quota|credit|billing|balance", re.I)


class Then(Enum):
    """What to do about a fault: ask again; ask again more slowly; give up this request; give up all of them."""

    RETRY = "retry"
    SLOW_DOWN = "slow down"
    SKIP = "skip"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Fault:
    """`sentence` is for a person. `wait` is how many seconds the server asked to wait, None if it didn't say.
    `needs_key`: whether another key would help. `replied`: whether the server is there and said something.
    `is_sent_on`: whether it sends this request on to another place; `other_address`: to one that could be named in the
    place of the server's."""

    then: Then
    sentence: str
    status: int | None = None
    parameter: str = ""
    wait: float | None = None
    needs_key: bool = False
    replied: bool = False
    is_sent_on: bool = False
    other_address: bool = False

    @property
    def lacks_path(self) -> bool:
        """Whether the server has nothing at the path of this request, and may still answer at others."""
        return self.status in (404, 405) or self.is_sent_on

    @property
    def with_wait(self) -> str:
        """The sentence, and another one if the server says how long to wait."""
        return self.sentence if self.wait is None else f"{self.sentence} It asks us to wait {_span(self.wait)}."


class BadReply(Exception):
    """A reply that can't be an answer. The message ends the sentence "The server at HOST …"."""


def fault_of(wrong: Exception, address: ServedAddress, key: Key | None, seconds: float) -> Fault:
    """What an exception of one request means. `seconds` is how long an answer may take."""
    host = address.host
    if isinstance(wrong, openai.APIStatusError):
        return _of_status(wrong.response, wrong.body, address, key)
    if isinstance(wrong, (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError)):
        return Fault(Then.RETRY, f"The server at {host} didn't answer within {seconds:,.0f} seconds.")
    if isinstance(wrong, openai.APIConnectionError):
        if isinstance(wrong.__cause__, httpx2.ConnectError):
            return Fault(Then.RETRY, f"No server answers at {host}: start it, or check the address {address.url}.")
        return Fault(Then.RETRY, f"The server at {host} broke off the connection.")
    if isinstance(wrong, httpx2.HTTPError):
        return Fault(Then.RETRY, f"The server at {host} broke off its answer.")
    if isinstance(wrong, BadReply):
        return Fault(Then.RETRY, f"The server at {host} {_shown(str(wrong), key)}.", replied=True)
    if isinstance(wrong, openai.APIError):  # an error in the middle of a streamed answer
        said = _shown(message_in(wrong.body) or wrong.message, key)
        return Fault(Then.RETRY, f"The server at {host} broke off its answer: {said}.", replied=True)
    if isinstance(wrong, (json.JSONDecodeError, UnicodeDecodeError, RecursionError)):
        return Fault(Then.RETRY, f"The server at {host} sent an answer that is not valid JSON.", replied=True)
    raise wrong


def _of_status(response: httpx2.Response, body: object, address: ServedAddress, key: Key | None) -> Fault:
    host, status = address.host, response.status_code
    if response.has_redirect_location:
        return _sent_on(response, address, key)
    said = _shown(message_in(body) or response.text, key)
    reason = f": {said}" if said else ""
    if status == 401 or (status == 403 and key is None):
        return Fault(Then.STOP, _about_key(address, key, status), status, needs_key=True)
    if status == 403:
        return Fault(
            Then.STOP, f"The server at {host} doesn't allow this key to use {address.model} (403){reason}.", 403
        )
    if status == 402 or (status == 429 and _NO_MONEY.search(said)):
        return Fault(Then.STOP, f"The account at {host} has no credit left ({status}){reason}.", status)
    if status in (404, 405):
        return Fault(
            Then.STOP, f"The server at {host} knows no {address.model}, or no such address ({status}){reason}.", status
        )
    if status == 429 and _TOO_LARGE.search(said):
        return Fault(Then.SKIP, f"The prompt is longer than the server at {host} allows (429){reason}.", status)
    if status == 429:
        wait = _retry_after(response.headers)
        return Fault(Then.SLOW_DOWN, f"The server at {host} allows no more requests now (429){reason}.", 429, "", wait)
    if status in (408, 409, 425) or status >= 500:
        wait = _retry_after(response.headers)
        return Fault(Then.RETRY, f"The server at {host} failed ({status}){reason}.", status, "", wait)
    if _TOO_LONG.search(said):
        return Fault(Then.SKIP, f"The prompt is longer than the model at {host} can read ({status}){reason}.", status)
    return Fault(
        Then.SKIP, f"The server at {host} refused the request ({status}){reason}.", status, _parameter_in(body)
    )


def _sent_on(response: httpx2.Response, address: ServedAddress, key: Key | None) -> Fault:
    """A redirect is never followed, because it could take rows to a server that nobody named."""
    host, status, asked, to = address.host, response.status_code, response.request.url, _redirected_to(response)
    if to is None:
        sentence = f"The server at {host} sends requests on ({status}), but doesn't say where: check {address.url}."
        return Fault(Then.STOP, sentence, status, is_sent_on=True)
    path, found = _path_of(asked).removeprefix(urlsplit(address.url).path), _path_of(to).rstrip("/")
    base = found.removesuffix(path) if path and found.endswith(path) else None
    other = f"{to.scheme}://{to.netloc.decode('ascii')}{base or ''}"
    if (to.scheme, to.netloc) == (asked.scheme, asked.netloc) and (base is None or other == address.url):
        place = _shown(_path_of(to), key)
        sentence = f"The server at {host} sends requests on to its path {place} ({status}): check {address.url}."
        return Fault(Then.STOP, sentence, status, is_sent_on=True)
    other = _shown(other, key)
    sentence = f"The server at {host} sends requests on to {other} ({status}): name that address if you trust it."
    return Fault(Then.STOP, sentence, status, is_sent_on=True, other_address=True)


def _redirected_to(response: httpx2.Response) -> httpx2.URL | None:
    """None if that is no address of a server."""
    try:
        to = response.request.url.join(response.headers["location"])
    except (httpx2.InvalidURL, ValueError):
        return None
    return to if to.scheme in ("http", "https") and to.host else None


def _path_of(url: httpx2.URL) -> str:
    return url.raw_path.partition(b"?")[0].decode("ascii")


def _about_key(address: ServedAddress, key: Key | None, status: int) -> str:
    if key is None:
        return (
            f"The server at {address.host} asks for a key ({status}): set {variable_for(address)}, or type the key on "
            "the page."
        )
    return (
        f"The server at {address.host} refuses the key ({status}): check {variable_for(address)}, or type another key "
        "on the page."
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from a number of them or a date; None if that says nothing, as where the time is over already. A date is
    compared with the server's clock, if it tells it, because this machine's may be wrong."""
    said = None
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            said = float(headers[name]) / divisor
            break
        except (KeyError, ValueError):
            continue
    else:
        until, now = (_seconds_of(headers.get(name, "")) for name in ("retry-after", "date"))
        said = until - (time.time() if now is None else now) if until is not None else None
    return said if said is not None and 0 < said < math.inf else None


def _span(seconds: float) -> str:
    for unit, size, most in (("second", 1, 120), ("minute", 60, 7200), ("hour", 3600, 172_800)):
        if seconds < most:
            count = max(1, round(seconds / size))
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{round(seconds / 86_400)} days" if seconds < 366 * 86_400 else "more than a year"


def _seconds_of(date: str) -> float | None:
    """Since 1970, of a date in a header; None if it is none."""
    try:
        found = email.utils.parsedate_tz(date)
        return float(email.utils.mktime_tz(found)) if found else None
    except (ValueError, OverflowError):  # a year that no calendar has, or a time zone that no planet has
        return None


def message_in(body: object, depth: int = 8) -> str:
    """The message of an error in one of the shapes that servers use, which are no deeper than `depth`."""
    if isinstance(body, Mapping) and depth:
        for name in ("message", "error", "detail", "msg"):
            if name in body and (said := message_in(body[name], depth - 1)):
                return said
    if isinstance(body, list) and body and depth:
        return message_in(body[0], depth - 1)
    return body if isinstance(body, str) else ""


def _parameter_in(body: Any) -> str:
    """As OpenAI names it, or as FastAPI does: {"detail": [{"loc": ["body", "seed"], …}]}."""
    if not isinstance(body, Mapping):
        return ""
    inner, detail = body.get("error"), body.get("detail")
    found = body.get("param") or (inner.get("param") if isinstance(inner, Mapping) else None)
    first = detail[0] if isinstance(detail, list) and detail else None
    place = first.get("loc") if isinstance(first, Mapping) else None
    if not found and isinstance(place, list) and place:
        found = place[-1]
    return found if isinstance(found, str) else ""


def _shown(text: str, key: Key | None) -> str:
    """A server's message within our sentence: on one line, not too long, without the key and the full stop."""
    line = " ".join((key.hide_in(text) if key else text).split())
    if line.startswith("<"):  # a page of HTML
        return ""
    return (line if len(line) <= _SHOWN else line[:_SHOWN].rstrip() + "…").rstrip(".")
