"""The embedded model in our engine and behind `transformers serve`: one comparison of both on the command line, killed
in the middle and resumed, and how many answers are equal.

"as compared": each side chose its own settings, and our engine scored labels. "same prompts": our engine is asked again
as the served model was, with its prompts and its limit of tokens. Labels are written and matched on both sides: the
server's /systemone, which our engine doesn't have, is left out. Answers that differ are printed. A proxy counts the
requests that were paid for.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import pandas

from advisor.pairing import Pairing, pairings_of
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trial
from eval.outcomes import Outcome
from strategies.engine.language_model import LabelWay, LanguageModel
from strategies.engine.models import EMBEDDED
from strategies.engine.weights import load_language_model, model_folder
from strategies.presets import PRESETS
from strategies.registry import build_strategy
from strategies.served.address import ServedAddress
from strategies.served.requests import DECISIONS
from tests.benchmarks.shared_tasks import task_files
from tests.servers.counting_proxy import CountingProxy, answers_asked
from tests.servers.real_servers import transformers_serve

TASKS = {"clinc_banking15": 120, "xquad_en": 80}  # test rows at most; FULL takes all
TRAIN_ROWS = 400
STRATEGIES = ("prompting", "prompting_examples", "retrieval")
SHORT = ("prompting", "retrieval")
PRESET = PRESETS["quick"]
ANSWERS_BEFORE_THE_KILL = 40
AT_ONCE = 2


def run(full: bool) -> list[dict[str, Any]]:
    strategies = STRATEGIES if full else SHORT
    files = {name: task_files(name) for name in TASKS}
    with TemporaryDirectory() as folder, transformers_serve(model_folder(EMBEDDED), Path(folder)) as address:
        return [
            row
            for name, (table, documents) in files.items()
            for row in _compare(name, table, documents, None if full else TASKS[name], strategies, address)
        ]


def _compare(
    name: str,
    table: Path,
    documents: Path | None,
    test_rows: int | None,
    strategies: Sequence[str],
    address: ServedAddress,
) -> Iterator[dict[str, Any]]:
    with TemporaryDirectory() as folder, CountingProxy(address, without=DECISIONS, at_once=AT_ONCE) as proxy:
        if test_rows is not None:
            table = _cut(table, test_rows, Path(folder))
        here, there = (EMBEDDED, strategies), (proxy.address.name, strategies)
        command = [sys.executable, "-m", "advisor", "compare", str(table), "--preset", PRESET.name, "--json"]
        command += ["--strategies", ",".join(strategies), "--model", here[0], "--model", there[0]]
        command += ["--docs", str(documents)] if documents else []
        homes = {"THREEWAYS_HOME": f"{folder}/home", "XDG_CACHE_HOME": f"{folder}/cache"}
        surroundings = {**os.environ, **homes}
        before = _run_until_killed([*command, "--out", f"{folder}/report"], surroundings, proxy)
        [run_folder] = Path(folder, "home", "runs").iterdir()
        resume = [sys.executable, "-m", "advisor", "resume", run_folder.name, "--json", "--out", f"{folder}/report"]
        ended = subprocess.run(resume, env=surroundings, stdout=subprocess.PIPE, check=True)
        statuses = [one["status"] for one in json.loads(ended.stdout)["candidates"]]
        if set(statuses) != {"done"}:
            raise RuntimeError(f"the candidates ended as {statuses}")
        answers = answers_asked(proxy.sent)
        paid = {
            "requests before the kill": before,
            "in all": proxy.sent.total(),
            "sent twice": answers.total() - len(answers),
        }
        local = load_language_model(EMBEDDED)
        local.labels_by = LabelWay.WRITTEN
        candidates = pairings_of([here, there])
        for ours, theirs in zip(candidates[: len(strategies)], candidates[len(strategies) :], strict=True):
            equal = _equal_answers(run_folder, ours, theirs, local)
            yield {"task": name, "strategy": ours.strategy, **equal, **paid}


def _cut(table: Path, test_rows: int, folder: Path) -> Path:
    """Fewer rows, chosen at random: a server without a batch takes seconds for a long prompt."""
    rows = pandas.read_csv(table, dtype=str, keep_default_na=False)
    many = {"train": TRAIN_ROWS, "test": test_rows}
    parts = [rows[rows.split == part].sample(count, random_state=0) for part, count in many.items()]
    path = folder / table.name
    pandas.concat(parts).to_csv(path, index=False)
    return path


def _run_until_killed(command: Sequence[str], surroundings: Mapping[str, str], proxy: CountingProxy) -> int:
    """How many requests for answers were sent before the kill."""
    with subprocess.Popen(command, env=surroundings, start_new_session=True, stdout=subprocess.DEVNULL) as process:
        while proxy.whole.total() < ANSWERS_BEFORE_THE_KILL:
            if process.poll() is not None:
                raise RuntimeError("the comparison ended before it was to be killed")
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    return proxy.sent.total()


def _equal_answers(run_folder: Path, ours: Pairing, theirs: Pairing, local: LanguageModel) -> dict[str, Any]:
    task, split = read_task(run_folder)
    here, there = (_outcomes(run_folder / one.name) for one in (ours, theirs))
    strategy = build_strategy(theirs.strategy, task.brief, EMBEDDED, PRESET, seed=0)
    strategy.load_model = lambda: local  # type: ignore[attr-defined]
    strategy.load(run_folder / theirs.name / "fitted")
    again = strategy.predict([row.input for row in split.test])
    for row, one in zip(split.test, again, strict=True):
        if one.text != there[row.id].text:
            sys.stdout.write(
                f"{theirs.strategy}: {row.input}\n  ours: {one.text!r}\n  served: {there[row.id].text!r}\n"
            )
    equal = sum(one.text == there[row.id].text for row, one in zip(split.test, again, strict=True))
    return {
        "score, ours": fmean(one.score for one in here.values()),
        "score, served": fmean(one.score for one in there.values()),
        "same prompts": f"{equal} of {len(there)}",
        "as compared": f"{sum(one.text == here[id].text for id, one in there.items())} of {len(there)}",
        "no label written": sum(one.unmatched for one in there.values()),
    }


def _outcomes(folder: Path) -> dict[str, Outcome]:
    trial = read_trial(folder)
    if trial is None:
        raise RuntimeError(f"no finished trial in {folder}")
    return {one.example_id: one for one in trial.outcomes}
