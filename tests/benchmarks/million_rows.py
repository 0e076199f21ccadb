"""A CSV file of 1,000,000 rows, read, checked, split and previewed as the page does it: seconds and peak memory.

The rows are made up: support messages of some 25 words about 40 topics, with 1 % exact copies, 1 % copies in which one
word was changed, and numbers that no other row has.
"""

from __future__ import annotations

import csv
import gc
import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from advisor.plan import Setup
from advisor.storage.store import Store
from advisor.storage.upload import Upload
from eval.checks import check_task
from eval.mapping.columns import guess_columns
from eval.splitting.split import split_task

ROWS = 1_000_000
PREVIEW_ROWS = 100
TOPICS = 40
COPIES = 0.01


def run(full: bool) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "messages.csv"
        write_messages(path, ROWS)
        spawn = multiprocessing.get_context("spawn")
        theirs, ours = spawn.Pipe(duplex=False)
        page = spawn.Process(target=_page, args=(path, Path(folder), ours))
        page.start()
        ours.close()
        measured: list[dict[str, Any]] = theirs.recv()
        page.join()
        return measured


def write_messages(path: Path, rows: int) -> None:
    """Messages with their topics; the same for the same number of rows."""
    random_ = random.Random(0)
    words = ["".join(random_.choices("aeiounrstlmdkpgbvfh", k=random_.randint(2, 9))) for _ in range(20_000)]
    of_topic = [random_.choices(words, k=300) for _ in range(TOPICS)]
    common = words[:60]
    earlier: list[tuple[str, str]] = []
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["message", "topic"])
        for number in range(rows):
            if earlier and random_.random() < 2 * COPIES:
                text, label = random_.choice(earlier)
                if random_.random() < 0.5:
                    changed = text.split()
                    changed[random_.randrange(len(changed))] = random_.choice(words)
                    text = " ".join(changed)
            else:
                topic = random_.randrange(TOPICS)
                told = [*random_.choices(of_topic[topic], k=13), *random_.choices(common, k=11)]
                random_.shuffle(told)
                text, label = f"{' '.join(told).capitalize()}, order {number}.", f"topic {topic}"
                if number < 20_000 or random_.random() < 0.01:
                    earlier.append((text, label))
            writer.writerow([text, label])


def _page(path: Path, home: Path, results: Connection) -> None:
    """What the page's process does, from the bytes of an upload to the tables that it shows."""
    measured: list[dict[str, Any]] = []

    def timed(step: str, work: Callable[[], Any]) -> Any:
        start, busy = time.perf_counter(), time.process_time()
        found = work()
        measured.append(
            {
                "step": step,
                "seconds": round(time.perf_counter() - start, 1),
                "processor seconds": round(time.process_time() - busy, 1),
                "peak MB, this process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "peak MB, parser": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
            }
        )
        return found

    gc.disable()  # as advisor.pages.draft does
    store = Store(home)
    read = [timed(f"read {path.stat().st_size / 1e6:.0f} MB", lambda: Upload.read(path.name, path.read_bytes()))]
    dataset = timed("store", lambda: store.keep_upload(read.pop()))
    table, documents = timed("read what was stored", lambda: store.read_upload(dataset.id))
    setup = timed("guess the columns", lambda: Setup.of(guess_columns(table, documents)))
    task = timed("build", lambda: setup.build(table, path.name, documents).task)
    timed("check", lambda: check_task(task))
    timed("split", lambda: split_task(task, seed=0))
    timed("split within a preset", lambda: split_task(task, seed=0, max_test=200, max_dev=40))
    timed("preview", lambda: [dict(zip(table.columns, row, strict=True)) for row in table.rows[:PREVIEW_ROWS]])
    measured.append({**measured[-1], "step": "all", "seconds": sum(each["seconds"] for each in measured)})
    results.send(measured)
