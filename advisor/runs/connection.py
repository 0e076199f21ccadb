"""A test of the connection to a served model, in a thread, so that a page never waits for a server."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, replace
from threading import Thread
from typing import TYPE_CHECKING

from advisor.runs.child import failure_sentence
from advisor.runs.key_socket import send_key
from advisor.runs.worker import start_worker
from advisor.storage.store import Store
from eval.task import BadInput
from strategies.served.address import ServedAddress
from strategies.served.keys import Key, key_for, variable_for

if TYPE_CHECKING:  # its HTTP client takes a second to import
    from strategies.served.capabilities import Capabilities

_SECONDS_TO_CONNECT, _SECONDS_TO_ANSWER, _TRIES = 5.0, 30.0, 2


@dataclass(frozen=True, slots=True)
class Connected:
    """What the test found. `address` has no model if the person has to choose one of `models`, those that the server
    lists. `capabilities` is None unless the model answered, and `problem` says in a sentence why it didn't.
    `first_token_seconds` is measured from here; None if the server doesn't stream. `adapter_of` is the base of a model
    that is an adapter, else "". `trains`: the server offers fine-tuning."""

    address: ServedAddress
    models: tuple[str, ...] = ()
    capabilities: Capabilities | None = None
    first_token_seconds: float | None = None
    problem: str | None = None
    adapter_of: str = ""
    trains: bool = False


class ConnectionTest:
    """Runs from its beginning; `found` is None until it has ended. A key that the server takes goes to the worker, and
    nothing here keeps it."""

    def __init__(self, store: Store, address: ServedAddress, key: Key | None) -> None:
        self.address = address
        self.found: Connected | None = None
        self._since = time.monotonic()
        Thread(target=self._test, args=(store, key), name="connection test", daemon=True).start()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._since

    def _test(self, store: Store, key: Key | None) -> None:
        found = Connected(self.address)
        try:
            found = _connect(found, key or key_for(self.address))
            if key is not None and found.problem is None:
                start_worker(store)
                send_key(store, self.address.host, key, variable_for(self.address))
        except BadInput as wrong:
            found = replace(found, capabilities=None, problem=str(wrong))
        except Exception as wrong:  # a thread that ends without a result would leave the page waiting
            traceback.print_exc()
            found = replace(found, capabilities=None, problem=failure_sentence(wrong, "testing the connection"))
        self.found = found


def _connect(found: Connected, key: Key | None) -> Connected:
    from strategies.served.client import Patience
    from strategies.served.probes import seconds_to_first_token
    from strategies.served.serving import Serving, base_of, listed_models, probed_afresh
    from strategies.tuning.providers import offers_training

    patience = Patience(
        connecting=_SECONDS_TO_CONNECT,
        answering=_SECONDS_TO_ANSWER,
        whole_answer=2 * _SECONDS_TO_ANSWER,
        tries=_TRIES,
        without_answers=2 * _SECONDS_TO_ANSWER,
    )
    found = replace(found, models=listed_models(found.address, key, patience))
    if not found.address.model:
        if not found.models:
            problem = f"The server at {found.address.host} lists no models: write the name of the model."
            return replace(found, problem=problem)
        if len(found.models) > 1:
            return found
        found = replace(found, address=replace(found.address, model=found.models[0]))
    try:
        can = probed_afresh(found.address, key, Serving(patience=patience))
        return replace(
            found,
            capabilities=can,
            first_token_seconds=seconds_to_first_token(found.address, key, can, patience),
            adapter_of=base_of(found.address, key, Serving(patience=patience)),
            trains=offers_training(found.address, key, patience),
        )
    except BadInput as wrong:
        return replace(found, problem=str(wrong))
