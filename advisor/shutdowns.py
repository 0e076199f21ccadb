"""When services stop serving a model, as far as that is announced: what the service itself says in its list of models,
else the dates we know, and what the price table says.

`_ENDS` was written on 28 November 2026 from OpenAI's page on deprecations,
https://developers.openai.com/api/docs/deprecations: the dates of December from a copy of it, those of January from four
articles that quote it and agree. It holds exact names at that service alone: the same weights on another server go on.
"""

from __future__ import annotations

from datetime import date

from advisor.hosted import hosted_models, is_marked_deprecated, prices_from
from eval.task import BadInput
from strategies.base_models import announced_end
from strategies.served.address import ServedAddress, is_served

_SOURCE, _READ_ON = "OpenAI's page on deprecations", "28 November 2026"
_OPENAI = "api.openai.com"
_IN_DECEMBER, _IN_JANUARY = date(2026, 12, 11), date(2027, 1, 14)
_ENDS = {
    "gpt-5": _IN_DECEMBER,
    "gpt-5-2025-08-07": _IN_DECEMBER,
    "gpt-5-mini": _IN_DECEMBER,
    "gpt-5-mini-2025-08-07": _IN_DECEMBER,
    "gpt-5-nano": _IN_DECEMBER,
    "gpt-5-nano-2025-08-07": _IN_DECEMBER,
    "gpt-4o": _IN_JANUARY,
    "gpt-4o-mini": _IN_JANUARY,
    "gpt-4.1": _IN_JANUARY,
    "gpt-4.1-mini": _IN_JANUARY,
}


def shutdown_sentence(model: str, today: date | None = None) -> str:
    """What is announced about the end of a served model, "" if we know of nothing. `model` is as a plan names it."""
    if not is_served(model):
        return ""
    try:
        address = ServedAddress.parse(model)
    except BadInput:
        return ""
    source = f"the list of models at {address.host}"
    ends = announced_end(model)
    if ends is None and address.host == _OPENAI:
        ends, source = _ENDS.get(address.model), f"{_SOURCE}, read on {_READ_ON}"
    if ends is not None:
        return _ending(address.title, ends, source, today)
    return _deprecated(f"{address.title} at {address.host}") if is_marked_deprecated(address) else ""


def hosted_shutdown_sentence(hosted: str | None, today: date | None = None) -> str:
    """The same of the model at whose prices a run is costed (`Priorities.hosted`)."""
    listed = hosted_models().get(hosted) if hosted else None
    if hosted is None or listed is None:
        return ""
    if listed.provider == "openai" and listed.id in _ENDS:
        return _ending(hosted, _ENDS[listed.id], f"{_SOURCE}, read on {_READ_ON}", today)
    return _deprecated(hosted) if listed.is_deprecated else ""


def _ending(model: str, ends: date, source: str, today: date | None) -> str:
    day = f"{ends.day} {ends:%B %Y}"
    if ends <= (today or date.today()):
        return f"{model} was to be shut down on {day} ({source}): choose another model."
    return f"{model} will be shut down on {day} ({source}): have a replacement before then."


def _deprecated(model: str) -> str:
    return f"{prices_from()} marks {model} as deprecated: ask how long it will be served before you build on it."
