"""The server process: binds its address, loads the strategy, serves, and ends in order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from advisor.runs.child import spare_others
from advisor.runs.order import load_fitted
from advisor.runs.trying import order_to_answer
from advisor.serving.app import Endpoint
from advisor.serving.limits import KEY_VARIABLE, Address, Limits
from advisor.serving.punctual import Punctual
from advisor.serving.replies import Served
from advisor.serving.waiting_line import WaitingLine
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task
from eval.task import BadInput
from strategies.prompts import are_conversations

_SPARE_CONNECTIONS = 64  # for those that aren't in the line: health checks, and clients that keep theirs open


def serve(
    store: Store,
    run: StoredRun,
    strategy: str,
    address: Address,
    key: str | None,
    limits: Limits,
    build_strategy: str,
    say: Callable[[str], None],
) -> None:
    """Until a signal ends it; then the requests that are waiting are answered first. `say` gets the address once
    answers are possible. Raises BadInput if there is nothing to serve, or no key where other machines can ask."""
    if key is None and not address.is_loopback:
        raise BadInput(
            f"Other machines can reach {address.host}, so a key is needed: set {KEY_VARIABLE}, or add --key."
        )
    order = order_to_answer(store, run, strategy, build_strategy)
    with address.bind() as bound:
        _, split = read_task(store.own_run_folder(run.id))
        spare_others()
        fitted = load_fitted(order)
        line = WaitingLine(fitted.predict, limits.at_once, limits.most_waiting, store.home / "error.log")
        served = Served(strategy, run.id)
        endpoint = Endpoint(served, line, limits, key, are_conversations(split.train), order.asks_server)
        config = config_of(endpoint, limits)
        host = f"[{address.host}]" if ":" in address.host else address.host
        server = uvicorn.Server(config)
        with _ending_in_order(server):
            bound.listen(config.backlog)
            say(f"http://{host}:{bound.getsockname()[1]}/v1")
            server.run(sockets=[bound])


def config_of(endpoint: Endpoint, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        endpoint.app(),
        http=Punctual,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=limits.most_waiting + limits.at_once + _SPARE_CONNECTIONS,
        timeout_graceful_shutdown=max(1, round(limits.seconds)),
    )


@contextmanager
def _ending_in_order(server: uvicorn.Server) -> Iterator[None]:
    """uvicorn ends the server at a signal and then raises that signal again, which would count as a failure. A signal
    that comes before uvicorn listens for them ends the server too."""

    def end(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
