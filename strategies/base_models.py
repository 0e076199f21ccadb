"""Base models by name: those on this machine or the hub, which our engine runs, and those behind a server.

Code that has only a model's name asks here, so the name of a served model never reaches the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from eval.task import BadInput
from strategies.declaration import Declaration
from strategies.engine import models
from strategies.engine.language_model import LanguageModel
from strategies.served.address import ServedAddress, is_served
from strategies.served.answers_kept import AnswersKept, kept_file
from strategies.served.budget import NO_LIMIT, Allowance
from strategies.served.capabilities import Capabilities


def check_model(name: str, allowance: Allowance = NO_LIMIT) -> str | None:
    """Why this model can't be used, in one sentence; None if no problem is known. A server is asked what it can do,
    which takes some seconds the first time, within this allowance."""
    if not is_served(name):
        return models.check_model(name)
    from strategies.served.serving import Serving, check_served  # its HTTP client takes a second to import

    return check_served(name, Serving(allowance=allowance))


def context_tokens(name: str) -> int | None:
    """How many tokens a model can read; None if it isn't known here yet."""
    if not is_served(name):
        return models.context_tokens(name)
    from strategies.served.serving import known_context_tokens

    return known_context_tokens(name)


def known_capabilities(name: str) -> Capabilities | None:
    """What the server of a served model was seen to do; None if it wasn't asked within a day. Sends nothing."""
    from strategies.served import serving

    return serving.known_capabilities(name)


def announced_end(name: str) -> date | None:
    """When a served model will be shut down, as its server said when it was last asked what it can do; None if it
    didn't say. Sends nothing."""
    if not is_served(name) or not kept_file().exists():
        return None
    try:
        address, kept = ServedAddress.parse(name), AnswersKept(kept_file())
    except BadInput:
        return None
    try:
        found = kept.found_of(address.name)
    finally:
        kept.close()
    ends_on = Capabilities.from_json(found).ends_on if found else None
    return date.fromisoformat(ends_on) if ends_on else None


def is_here(name: str) -> bool:
    """Whether nothing must be fetched before the model can be used. Doesn't use the network."""
    return is_served(name) or models.is_here(name)


def fingerprint_of(name: str) -> str:
    """Changes with the files of a model on this machine. A served model has only its name."""
    return name if is_served(name) else models.fingerprint_of(name)


def likeness_of(name: str) -> str:
    """The same on every machine where the model's files are the same. A served model has only its name."""
    return name if is_served(name) else models.likeness_of(name)


def refusal(name: str, declaration: Declaration, ask: bool = False) -> str | None:
    """Why a strategy can't work with this model, in one sentence; None if no problem is known. With `ask`, a server
    that could train is asked whether it does, which is free."""
    title = declaration.words.name
    if declaration.by_service and not is_served(name):
        return f"{title} needs a model on a server that offers fine-tuning: leave it out, or choose such a model."
    if declaration.by_service and _provider_of(name, ask) == "":
        return f"The server of {_served_title(name)} offers no fine-tuning: leave out {title.lower()}."
    if declaration.trains and is_served(name):
        return (
            f"{title} changes the weights of a model, and those of {_served_title(name)} are on a server: leave it "
            "out, or choose a model on this machine."
        )
    return None


def loader_of(name: str, allowance: Allowance = NO_LIMIT) -> Callable[[], LanguageModel]:
    """What loads the model, a fresh one for each call. Prepares what takes long and happens once, before any timing
    starts. `allowance` is what may be spent on a served model. For any other, this imports torch."""
    if is_served(name):
        from strategies.served.serving import ServedLoader, Serving

        return ServedLoader(name, Serving(allowance=allowance))
    from strategies.engine.weights import Loader, model_folder

    model_folder(name)  # fetch and unpack now
    return Loader(name)


def _provider_of(name: str, ask: bool) -> str | None:
    """Which service trains a served model; "" if its server offers no fine-tuning, None if that isn't known."""
    from strategies.served.answers_kept import AnswersKept, kept_file
    from strategies.tuning.providers import known_provider, look_for_provider

    try:
        address = ServedAddress.parse(name)
        kept = AnswersKept(kept_file())
    except BadInput:
        return None  # other checks say what is wrong with it
    try:
        return look_for_provider(address, kept) if ask else known_provider(address, kept)
    except BadInput:
        return None
    finally:
        kept.close()


def _served_title(name: str) -> str:
    try:
        return ServedAddress.parse(name).title
    except BadInput:
        return name
