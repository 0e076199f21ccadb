"""The files of a step on their way to another machine and back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.pairing import Pairing
from advisor.runs import carried
from advisor.runs.carried import Changes, Parcel, land, needed_by, pieces_of
from advisor.runs.child import LOST, MOST_LOSSES, Deaths, death_sentence
from advisor.runs.fit_key import FitKey, Rows
from advisor.runs.order import Hardware, StepOrder
from advisor.storage.trial_files import read_replaced, read_trial, remove_replaced, replace_trial, write_trial
from eval.outcomes import Outcome, Trial
from eval.task import BadInput
from tests.tiny_strategies import tiny_task

RUN = "run"


def trial_of(answers: int) -> Trial:
    return Trial("prompting", "done", outcomes=tuple(outcome_of(at) for at in range(answers)))


def answers_in(begun: Path) -> int:
    trial = read_replaced(begun)
    assert trial is not None
    return len(trial.outcomes)


def outcome_of(at: int) -> Outcome:
    return Outcome(f"r{at}", "prompting", "billing", 1.0, {}, 8, 1)


class Ends:
    """A step's folder on a node, and the run's folder that it is fetched into."""

    def __init__(self, tmp_path: Path) -> None:
        self.there, self.here = tmp_path / "node" / RUN, tmp_path / "home" / RUN
        self.order = StepOrder(self.there, "prompting", "quick", "embedded", 0)
        self.order.folder.mkdir(parents=True)
        self.here.mkdir(parents=True)
        self._outbox = tmp_path / "outbox"
        self._changes = Changes(self.there, self.order.folder, self._outbox)

    @property
    def folder(self) -> Path:
        return self.here / "prompting"

    def fetch(self, is_at_rest: bool = True) -> Parcel:
        parcel = self._changes.pack(is_at_rest)
        land(replace(self.order, run_folder=self.here), parcel, self.pieces)
        return parcel

    def pieces(self, path: str) -> Iterator[bytes]:
        return pieces_of(self._outbox / path)

    def fit(self) -> None:
        adapter = self.order.folder / "fitted" / "adapter"
        adapter.mkdir(parents=True)
        (adapter / "weights").write_bytes(b"weights" * 10)
        replace_trial(self.order.begun, trial_of(0))


@pytest.fixture
def ends(tmp_path: Path) -> Ends:
    return Ends(tmp_path)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_a_step_leaves_is_the_same_at_both_ends(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "PIECE_BYTES", 9)
    ends.fit()
    ends.fetch()
    assert files_in(ends.here) == files_in(ends.there)
    replace_trial(ends.order.begun, trial_of(5))
    parcel = ends.fetch()
    assert {Path(path).parent.name for path in parcel.files} == {"begun"}  # what was fitted isn't fetched again
    assert files_in(ends.here) == files_in(ends.there) and answers_in(ends.folder / "begun") == 5
    write_trial(ends.order.folder, trial_of(9))
    remove_replaced(ends.order.begun)
    ends.fetch()
    assert files_in(ends.here) == files_in(ends.there) and not (ends.folder / "begun").exists()
    assert ends.fetch() == Parcel()


def test_a_node_that_is_lost_meanwhile_leaves_what_was_there_before(ends: Ends) -> None:
    ends.fit()
    ends.fetch()
    replace_trial(ends.order.begun, trial_of(5))
    whole = ends.pieces

    def torn(path: str) -> Iterator[bytes]:
        yield next(whole(path))[:3]
        if path.endswith("outcomes.jsonl"):
            raise ConnectionError

    ends.pieces = torn  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        ends.fetch()
    assert answers_in(ends.folder / "begun") == 0
    assert not [path for path in ends.folder.rglob(".*") if path.is_file()]


def test_a_training_that_goes_on_sends_its_checkpoints_and_nothing_half_done(ends: Ends) -> None:
    training = ends.order.training / "0"
    training.mkdir(parents=True)
    for name in ("checkpoint.json", "1.safetensors"):
        (training / name).write_text(name)
    (ends.order.folder / "log.txt").write_text("log")
    (ends.order.folder / "trial.json").write_text("{}")
    (training / ".2.safetensors.x").write_text("half")
    parcel = ends.fetch(is_at_rest=False)
    assert {Path(path).name for path in parcel.files} == {"checkpoint.json", "1.safetensors", "log.txt"}
    (training / "1.safetensors").unlink()
    ends.fetch(is_at_rest=False)
    assert {Path(path).name for path in files_in(ends.here)} == {"checkpoint.json", "log.txt"}


@pytest.mark.parametrize("path", ["/etc/hosts", "../other/task.json", "prompting/../task.json", "retrieval/trial.json"])
def test_a_node_only_leaves_files_of_its_step(path: str, ends: Ends) -> None:
    for parcel in (Parcel((path,)), Parcel(gone=(path,))):
        with pytest.raises(BadInput, match="outside its step's folder"):
            land(replace(ends.order, run_folder=ends.here), parcel, lambda path: [b"content"])
    assert not files_in(ends.here.parent)


def test_a_folder_may_vanish_while_a_node_looks_for_changes(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a training does when it has come to its end."""
    (ends.order.training / "0").mkdir(parents=True)
    scan = os.scandir

    def vanishing(path: Any) -> Any:
        if str(path).endswith("training"):
            shutil.rmtree(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert ends.fetch(is_at_rest=False) == Parcel() and not ends.order.training.exists()


def test_a_step_gets_what_it_reads(ends: Ends) -> None:
    order = replace(ends.order, pairings=(Pairing("prompting", "prompting", "embedded"),))
    not_read = ("plan.json", "clicks.jsonl")
    for path in ("task.json", "task.json.sha256", "start/start.json", "start/finetuning/adapter", *not_read):
        (ends.there / path).parent.mkdir(exist_ok=True)
        (ends.there / path).touch()
    ends.fit()
    write_trial(order.folder, trial_of(3))
    of_run = ["start/finetuning/adapter", "start/start.json", "task.json", "task.json.sha256"]
    prompt = "prompting/fitted/adapter/weights"
    assert prompt in needed_by(order) and set(of_run) < set(needed_by(order))
    assert needed_by(replace(order, strategy="retrieval")) == of_run
    assert needed_by(replace(order, strategy="finetuning")) == sorted([*of_run, prompt])
    point = needed_by(order.on_fewer(10))
    assert "prompting/manifest.json" in point and "prompting/outcomes.jsonl" in point and prompt not in point


def test_a_lost_node_says_nothing_about_what_it_computed(ends: Ends) -> None:
    deaths = Deaths(ends.order.folder)
    assert [deaths.may_go_on(LOST) for _ in range(MOST_LOSSES)] == [True] * (MOST_LOSSES - 1) + [False]
    write_trial(ends.order.folder, trial_of(3))
    assert deaths.may_go_on(LOST)
    assert "memory" not in death_sentence(LOST)
    assert read_trial(ends.order.folder) is not None


def test_what_was_measured_on_other_hardware_is_not_the_same(ends: Ends) -> None:
    """Its latencies aren't either."""
    rows = Rows.of(*tiny_task())
    nodes = Hardware("CPU, 16 cores, a node of a Ray cluster", ("EPYC", "16"))
    here, there = FitKey.of(ends.order, rows), FitKey.of(replace(ends.order, hardware=nodes), rows)
    assert here.unlike(there) == ["machine"]
    renamed = replace(nodes, words="the same in other words")
    assert FitKey.of(replace(ends.order, hardware=renamed), rows) == there
