"""How quickly pages come while many people look: sessions with the app's server as browsers open them, without what
browsers then draw. The sample report on many of them at once, without and with a run of the worker; the history of 500
runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from advisor.plan import Plan, Setup
from advisor.runs.experiment import prepare
from advisor.runs.report_files import write_report_again
from advisor.runs.worker import start_worker
from advisor.storage.packed import open_sample
from advisor.storage.store import Store
from tests.app import app_at

ROOT = Path(__file__).parents[2]
VISITORS, ROUNDS, RUNS = 20, 5, 500


def run(full: bool) -> list[dict[str, Any]]:
    rounds = 2 * ROUNDS if full else ROUNDS
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        sample = open_sample(Store(home)).id
        with app_at(home) as address:
            asyncio.run(opened(address, "report", run=sample))  # what the first visitor alone waits for
            rows = [
                _row(f"the report, {count} at once", [_at_once(address, count, run=sample) for _ in range(rounds)])
                for count in (1, VISITORS)
            ]
            with _a_run(Store(home)):
                busy = [_at_once(address, VISITORS, run=sample) for _ in range(rounds)]
                rows.append(_row(f"the report, {VISITORS} at once, during a run", busy))
        many = Path(place) / "many"
        _fill(Store(many), RUNS)
        with app_at(many) as address:
            asyncio.run(opened(address, "report", run=sample))  # a new server first loads its modules
            first = asyncio.run(opened(address, "history"))
            again = [[asyncio.run(opened(address, "history"))] for _ in range(rounds)]
        rows.append(_row(f"the history of {RUNS} runs, first visit", [[first]]))
        rows.append(_row(f"the history of {RUNS} runs", again))
        return rows


def _row(what: str, rounds: list[list[float]]) -> dict[str, Any]:
    seconds = sorted(each for one in rounds for each in one)
    return {
        "page": what,
        "visits": len(seconds),
        "median seconds": statistics.median(seconds),
        "p95 seconds": seconds[max(0, -(-95 * len(seconds) // 100) - 1)],
        "longest": seconds[-1],
    }


def _at_once(address: str, count: int, **query: str) -> list[float]:
    async def all_of_them() -> list[float]:
        return await asyncio.gather(*(opened(address, "report", **query) for _ in range(count)))

    return asyncio.run(all_of_them())


async def opened(address: str, page: str, **query: str) -> float:
    """Seconds from connecting to the last message of the page. Raises RuntimeError if the page fails."""
    started = time.perf_counter()
    stream = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    async with websockets.connect(
        stream,
        subprotocols=[websockets.Subprotocol("streamlit")],
        additional_headers={"Origin": address},
        max_size=None,
    ) as session:
        asked = BackMsg()
        asked.rerun_script.page_name = page
        asked.rerun_script.query_string = "&".join(f"{name}={value}" for name, value in query.items())
        await session.send(asked.SerializeToString())
        elements = 0
        while True:
            message = ForwardMsg.FromString(await session.recv())
            if message.HasField("delta") or message.HasField("ref_hash"):
                elements += 1
            if message.HasField("script_finished"):
                if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY or elements < 20:
                    raise RuntimeError(f"{page} ended with {message.script_finished} after {elements} elements")
                return time.perf_counter() - started


@contextmanager
def _a_run(store: Store) -> Iterator[None]:
    """A run of the embedded model, which computes for as long as this takes."""
    file = ROOT / "examples" / "support_tickets.csv"
    dataset = store.add_dataset(file.name, file.read_bytes())
    columns = store.read_upload(dataset.id)[0].columns
    run = prepare(store, Plan(dataset.id, Setup(columns[0], columns[1])))
    worker = start_worker(store)
    assert worker is not None
    try:
        while not any(step.state == "running" and step.done for step in store.steps(run.id)):
            time.sleep(0.5)
        yield
        if store.run(run.id).state != "running":
            raise RuntimeError(f"the run ended too early: {store.run(run.id)}")
    finally:
        worker.terminate()
        worker.wait()


def _fill(store: Store, count: int) -> None:
    """The sample's run, many times: its files are links."""
    sample = open_sample(store)
    write_report_again(store, sample)
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(runs)")]
        others = ", ".join(one for one in columns if one not in ("id", "origin"))
        for number in range(1, count):
            name = f"{sample.id[:-4]}{number:04d}"
            shutil.copytree(store.run_folder(sample.id), store.run_folder(name), copy_function=os.link)
            database.execute(
                f"INSERT INTO runs (id, origin, {others}) SELECT ?, 'own', {others} FROM runs WHERE id = ?",
                (name, sample.id),
            )
