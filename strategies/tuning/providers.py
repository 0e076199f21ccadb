"""Which service an address belongs to, and so how it is asked to fine-tune."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept, kept_file
from strategies.served.client import Patience
from strategies.served.keys import Key, key_for
from strategies.tuning.openai_jobs import JOBS, OpenAIJobs
from strategies.tuning.provider import Provider
from strategies.tuning.service import SentOnError, Service
from strategies.tuning.together_jobs import TogetherJobs

PROVIDERS: dict[str, Callable[[Service], Provider]] = {one.name: one for one in (OpenAIJobs, TogetherJobs)}
SECONDS_A_LOOK_STANDS = 24 * 3600
_OF_HOST = {"openai.com": OpenAIJobs.name, "together.xyz": TogetherJobs.name, "together.ai": TogetherJobs.name}
_NONE = ""  # how a server without fine-tuning is kept


def known_provider(address: ServedAddress, kept: AnswersKept) -> str | None:
    """The provider of this address by its host, or as its server was seen within a day: "" if that offers no
    fine-tuning, None if nobody looked. Sends nothing."""
    host = address.host.partition(":")[0].casefold()
    known = next((name for end, name in _OF_HOST.items() if host == end or host.endswith(f".{end}")), None)
    if known is not None:
        return known
    found = kept.found_of(_kept_as(address), SECONDS_A_LOOK_STANDS)
    return None if found is None else str(found["provider"])


def offers_training(address: ServedAddress, key: Key | None, patience: Patience) -> bool:
    """Whether the service at this address fine-tunes, as its server was seen lately or says now. Raises BadInput if it
    doesn't answer."""
    kept = AnswersKept(kept_file())
    try:
        return bool(look_for_provider(address, kept, patience, key))
    finally:
        kept.close()


def look_for_provider(
    address: ServedAddress, kept: AnswersKept, patience: Patience | None = None, key: Key | None = None
) -> str:
    """As `known_provider`, but asks the server if nobody did: the list of its jobs is free. Raises BadInput if it
    doesn't answer."""
    if (known := known_provider(address, kept)) is not None:
        return known
    service = Service(address, key or key_for(address), patience)
    try:
        listed = service.find(f"{JOBS}?limit=1")
    except SentOnError:  # it may still answer
        listed = None
    finally:
        service.close()
    found = OpenAIJobs.name if listed is not None and isinstance(listed.get("data"), list) else _NONE
    kept.keep_found(_kept_as(address), {"provider": found}).result()
    return found


@contextmanager
def provider_at(address: ServedAddress, name: str, patience: Patience | None = None) -> Iterator[Provider]:
    """The provider with this name, ready to be asked with the key of its address."""
    service = Service(address, key_for(address), patience)
    try:
        yield PROVIDERS[name](service)
    finally:
        service.close()


def _kept_as(address: ServedAddress) -> str:
    return f"fine-tuning at {address.url}"
