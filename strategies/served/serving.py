"""From the name of a served model to a model that can be asked: its key, its capabilities, and how a run uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from eval.money.tokens import Spent
from eval.task import BadInput
from strategies.served.adapters import adapter_sentence, base_in
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept, KeptAccount, kept_file
from strategies.served.budget import NO_LIMIT, Allowance, LimitReachedError, Spending, is_training, tuned_from
from strategies.served.capabilities import Capabilities
from strategies.served.client import Client, Patience
from strategies.served.keys import Key, key_for
from strategies.served.pace import MOST
from strategies.served.probes import probe
from strategies.served.served_model import ServedModel

SECONDS_A_PROBE_STANDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Serving:
    """How a run uses a served model. `kept` is the file of answers; `allowance` what may be spent, and where that is
    counted; `at_once` how many requests may run at once at most."""

    kept: Path = field(default_factory=kept_file)
    allowance: Allowance = NO_LIMIT
    at_once: int = MOST
    patience: Patience = field(default_factory=Patience)


class ServedLoader:
    """Makes the model of this name; the server has loaded it long ago. What it takes is counted as `counted_as`, if
    that isn't the name. Raises BadInput if the name can't be read."""

    def __init__(self, name: str, serving: Serving | None = None, counted_as: str = "") -> None:
        self.address = ServedAddress.parse(name)
        self.serving = serving or Serving()
        self._counted_as = counted_as or self.address.name
        self._made: list[ServedModel] = []

    @property
    def used(self) -> Spent:
        """What the answers of all its models take, as if none had been kept from an earlier run."""
        return sum((model.used for model in self._made), Spent())

    def __call__(self) -> ServedModel:
        """Probes the server, unless it was probed within a day. Raises BadInput if it can't be asked."""
        serving, key = self.serving, key_for(self.address)
        kept = AnswersKept(serving.kept)
        try:
            allowance = serving.allowance
            account = KeptAccount(kept, allowance.account, allowance.step, self._counted_as)
            spending = Spending(account, self._counted_as, allowance)
            capabilities = _known_capabilities(self.address, serving, kept, spending)
        except BaseException:
            kept.close()
            raise
        client = Client(
            self.address, key, at_once=serving.at_once, patience=serving.patience, kept=kept, spending=spending
        )

        def close() -> None:
            client.close()
            kept.close()

        base = base_of(self.address, key, serving, kept)
        notes = [adapter_sentence(self.address.model, base)] if base else []
        self._made.append(ServedModel(client, capabilities, close, notes))
        return self._made[-1]

    def of_tuned(self, model: str) -> ServedLoader:
        """What loads a model that was fine-tuned from this one, at the same server."""
        tuned = replace(self.address, model=model)
        return ServedLoader(tuned.name, self.serving, tuned_from(self.address.name))


def spent_in(allowance: Allowance, kept: Path | None = None) -> Spent:
    """What a step of a run has spent on answers so far, in all its attempts."""
    answers = AnswersKept(kept or kept_file())
    try:
        spent = answers.spent(allowance.account, allowance.step)
        return sum((each for model, each in spent.items() if not is_training(model)), Spent())
    finally:
        answers.close()


def check_served(name: str, serving: Serving | None = None) -> str | None:
    """Why this served model can't be asked, in one sentence; None if it can. Probes it, unless that was done within a
    day."""
    try:
        ServedLoader(name, serving)().close()
    except LimitReachedError:
        return (
            f"The limit of this run is too low to find out what {ServedAddress.parse(name).model} can do, which takes "
            "up to twenty short requests: raise the limit."
        )
    except BadInput as wrong:
        return str(wrong)
    return None


def known_context_tokens(name: str, serving: Serving | None = None) -> int | None:
    """How many tokens the model can read, if its server was probed within a day and says so. Sends nothing."""
    found = known_capabilities(name, serving)
    return found.context_tokens if found else None


def known_capabilities(name: str, serving: Serving | None = None) -> Capabilities | None:
    """What the model's server can do, if it was probed within a day. Sends nothing."""
    serving = serving or Serving()
    if not serving.kept.exists():
        return None
    kept = AnswersKept(serving.kept)
    try:
        found = kept.found_of(ServedAddress.parse(name).name, SECONDS_A_PROBE_STANDS)
    except BadInput:
        return None
    finally:
        kept.close()
    return Capabilities.from_json(found) if found else None


def probed_afresh(address: ServedAddress, key: Key | None, serving: Serving | None = None) -> Capabilities:
    """Probes the server, even if that was done lately, and keeps the result. Raises BadInput if it can't be asked."""
    serving = serving or Serving()
    kept = AnswersKept(serving.kept)
    try:
        capabilities = probe(address, key, serving.patience)
        kept.keep_found(address.name, capabilities.to_json()).result()
    finally:
        kept.close()
    return capabilities


def listed_models(address: ServedAddress, key: Key | None, patience: Patience | None = None) -> tuple[str, ...]:
    """The models that the server lists, sorted; none if it has no list. Raises BadInput if no server answers, or if it
    refuses the key."""
    client = Client(address, key, patience=patience)
    try:
        listed = client.fetch(f"{address.url}/models")
    finally:
        client.close()
    models = listed.get("data") if isinstance(listed, Mapping) else None
    ids = [one.get("id") for one in models if isinstance(one, Mapping)] if isinstance(models, list) else []
    return tuple(sorted({one for one in ids if isinstance(one, str) and one}))


def base_of(address: ServedAddress, key: Key | None, serving: Serving, kept: AnswersKept | None = None) -> str:
    """The base of a model that its server lists as an adapter, else "". Asked at most once a day, for free. `kept` is
    the file of answers, if it is open already."""
    if kept is None:
        kept = AnswersKept(serving.kept)
        try:
            return base_of(address, key, serving, kept)
        finally:
            kept.close()
    kept_as = f"base of {address.name}"
    if found := kept.found_of(kept_as, SECONDS_A_PROBE_STANDS):
        return str(found["base"])
    client = Client(address, key, patience=serving.patience)
    try:
        base = base_in(client.fetch(f"{address.url}/models"), address.model)
    finally:
        client.close()
    kept.keep_found(kept_as, {"base": base}).result()
    return base


def _known_capabilities(
    address: ServedAddress, serving: Serving, kept: AnswersKept, spending: Spending
) -> Capabilities:
    if found := kept.found_of(address.name, SECONDS_A_PROBE_STANDS):
        return Capabilities.from_json(found)
    capabilities = probe(address, key_for(address), serving.patience, spending)
    kept.keep_found(address.name, capabilities.to_json()).result()
    return capabilities
