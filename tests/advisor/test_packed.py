"""A finished run in one file: what is in it, what comes out, and what is refused."""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from advisor.command_line.commands import main
from advisor.command_line.packing import unpack_run
from advisor.runs.report_files import write_report_again
from advisor.samples import SAMPLE_REPORT, zipped
from advisor.schema import REPORT, SCHEMA, SCORE_VERSION
from advisor.storage.clicks import write_clicks
from advisor.storage.packed import open_sample, pack, unpack
from advisor.storage.rebuild import rebuild_database
from advisor.storage.store import Store
from advisor.storage.stored import RunState, StoredRun, StoredStep
from advisor.storage.trial_files import read_trial, read_trials, write_trial
from eval.blind.pairs import Choice, Click
from eval.outcomes import Trial
from eval.scoring.metric import VERSION
from eval.task import BadInput, Split, Task
from tests.app import finish_run

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> tuple[Path, StoredRun]:
    """One finished run for all tests, each of which gets its own copy of the home: a report takes seconds."""
    home, task = tmp_path_factory.mktemp("packed"), synthetic_task()
    return home, finish_run(Store(home), task, synthetic_split(task), synthetic_trials())


@pytest.fixture
def store(tmp_path: Path, finished: tuple[Path, StoredRun]) -> Store:
    shutil.copytree(finished[0], tmp_path / "home")
    return Store(tmp_path / "home")


@pytest.fixture
def run(finished: tuple[Path, StoredRun]) -> StoredRun:
    return finished[1]


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "other")


def test_a_run_comes_out_as_it_went_in_and_counts_as_measured_elsewhere(
    store: Store, other: Store, run: StoredRun
) -> None:
    packed = pack(store, run.id)
    assert pack(store, run.id) == packed
    there = unpack(other, "run.zip", packed, "shared")
    assert there == replace(run, origin="shared") and run.is_own and not there.is_own
    assert other.steps(run.id) == store.steps(run.id) and other.report(run.id) == store.report(run.id)
    steps = [step.strategy for step in store.steps(run.id)]
    assert read_trials(other.run_folder(run.id), steps) == read_trials(store.run_folder(run.id), steps)
    assert other.read_upload(run.dataset_id) == store.read_upload(run.dataset_id)
    with pytest.raises(BadInput, match="already in"):
        unpack(other, "run.zip", packed, "shared")
    other.delete_run(run.id)
    assert unpack(other, "run.zip", packed, "sample").origin == "sample"


def test_baselines_and_points_of_a_learning_curve_come_along(store: Store, other: Store, run: StoredRun) -> None:
    folder = store.run_folder(run.id)
    shutil.copytree(folder / "prompting", folder / "curves" / "prompting" / "16")
    trial = read_trial(folder / "prompting")
    assert trial is not None
    (folder / "baselines" / "majority_label").mkdir(parents=True)
    write_trial(folder / "baselines" / "majority_label", replace(trial, strategy="majority_label"))
    unpack(other, "run.zip", pack(store, run.id), "shared")
    for name in ("curves/prompting/16", "baselines/majority_label"):
        assert read_trial(other.run_folder(run.id) / name) == read_trial(folder / name) is not None


def test_models_names_notes_and_clicks_stay_at_home(store: Store, run: StoredRun) -> None:
    before = files_of(pack(store, run.id))
    folder = store.run_folder(run.id)
    (folder / "prompting" / "fitted").mkdir()
    (folder / "prompting" / "fitted" / "prompting.json").write_text("{}")
    store.describe_run(run.id, "Mine", "A private note", ["June"])
    write_clicks(folder, [Click("a question", "one", "two", Choice.LEFT, "2026-11-28T08:00:00+00:00", run.id)])
    assert files_of(pack(store, run.id)) == before


def test_the_address_of_a_cluster_stays_at_home(
    store: Store,
    other: Store,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    task = synthetic_task()
    run = finish_run(store, task, synthetic_split(task), synthetic_trials(), cluster="10.9.9.9:1")
    packed = pack(store, run.id)
    assert not any(b"10.9.9.9" in content for content in files_of(packed).values())
    assert unpack(other, "run.zip", packed, "shared").plan == replace(run.plan, cluster="")


def test_only_a_finished_run_is_packed(store: Store, run: StoredRun) -> None:
    (store.run_folder(run.id) / "report.json").unlink()
    with pytest.raises(BadInput, match="has no report to share"):
        pack(store, run.id)


def escaping(files: dict[str, bytes]) -> None:
    rename(files, "run/plan.json", "run/../../../plan.json")


def absolute(files: dict[str, bytes]) -> None:
    rename(files, "run/plan.json", "/tmp/plan.json")


def changed(files: dict[str, bytes]) -> None:
    files["run/report.json"] += b" "


def one_too_many(files: dict[str, bytes]) -> None:
    files["run/more.json"] = b"{}"


def missing(files: dict[str, bytes]) -> None:
    del files["run/task.json"]


def under_another_id(files: dict[str, bytes]) -> None:
    """Other content for a dataset that somebody may have."""
    files["dataset/upload"] += b"one more,yes\n"
    sign(files)


def named_like_a_path(files: dict[str, bytes]) -> None:
    edit(files, "manifest.json", run_id="../../elsewhere")


def of_another_run(files: dict[str, bytes]) -> None:
    edit(files, "manifest.json", run_id="20200101-000000-00000000")


def of_a_later_version(files: dict[str, bytes]) -> None:
    edit(files, "manifest.json", format=99)


def with_a_later_report(files: dict[str, bytes]) -> None:
    edit(files, "run/report.json", schema=99)


def with_code(files: dict[str, bytes]) -> None:
    stored = json.loads(files["run/plan.json"])
    edit(files, "run/plan.json", setup=stored["setup"] | {"own_metric": "evil.py:run"})


def at_a_cluster(files: dict[str, bytes]) -> None:
    """At which a run that is continued would compute."""
    edit(files, "run/plan.json", cluster="10.9.9.9:1")


def set_in_manifest(**values: Any) -> Change:
    return lambda files: edit(files, "manifest.json", **values)


def set_in_step(**values: Any) -> Change:
    def change(files: dict[str, bytes]) -> None:
        first, *others = json.loads(files["manifest.json"])["steps"]
        edit(files, "manifest.json", steps=[first | values, *others])

    return change


def under_id(run_id: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        steps = [step | {"run_id": run_id} for step in json.loads(files["manifest.json"])["steps"]]
        edit(files, "run/report.json", run_id=run_id)
        edit(files, "manifest.json", run_id=run_id, steps=steps)

    return change


def a_step_twice(files: dict[str, bytes]) -> None:
    steps = json.loads(files["manifest.json"])["steps"]
    edit(files, "manifest.json", steps=[*steps, steps[0]])


def with_file(name: str, content: bytes = b"{}") -> Change:
    def change(files: dict[str, bytes]) -> None:
        files[name] = content
        sign(files)

    return change


def with_files(*names: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        files.update(dict.fromkeys(names, b"{}"))
        sign(files)

    return change


def without_answers_of_a_trial(files: dict[str, bytes]) -> None:
    del files["run/prompting/outcomes.jsonl"]
    sign(files)


def set_in_trial(**values: Any) -> Change:
    def change(files: dict[str, bytes]) -> None:
        edit(files, "run/prompting/trial.json", **values)
        sign_trial(files, "run/prompting")

    return change


def set_in_answer(**values: Any) -> Change:
    def change(files: dict[str, bytes]) -> None:
        first, *others = files["run/prompting/outcomes.jsonl"].splitlines()
        lines = [json.dumps(json.loads(first) | values).encode(), *others]
        files["run/prompting/outcomes.jsonl"] = b"".join(line + b"\n" for line in lines)
        sign_trial(files, "run/prompting")

    return change


def set_in(name: str, **values: Any) -> Change:
    return lambda files: edit(files, name, **values)


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


FORGED: dict[str, Change] = {
    "made at no time": set_in_manifest(created_at=float("nan")),
    "made before computers": set_in_manifest(created_at=0.0),
    "made in the year 9999": set_in_manifest(created_at=253402300799),
    "begun at no time": set_in_manifest(started_at=float("-inf")),
    "ended after all time": set_in_manifest(ended_at=1e18),
    "too many rows": set_in_manifest(rows=10**30),
    "fewer rows than none": set_in_manifest(rows=-1),
    "documents that aren't there": set_in_manifest(documents_name="documents.zip"),
    "a very long name": set_in_manifest(data_name=f"{'a' * 2_000}.csv"),
    "half a letter": set_in_manifest(data_name="x\ud800.csv"),
    "a name that a terminal obeys": set_in_manifest(data_name="x\x1b]0;hi\x07.csv"),
    "a short id, which begins others": under_id("2"),
    "an id in other letters": under_id("20200101-000000-ABCDEF01"),
    "an id like an option": under_id("-x"),
    "a step with too large a number": set_in_step(total=10**400),
    "a step beyond the database": set_in_step(done=2**63),
    "a step in another folder": set_in_step(strategy="../../elsewhere"),
    "a step that runs": set_in_step(state="running"),
    "a step of another run": set_in_step(run_id="20200101-000000-00000000"),
    "a step at no time": set_in_step(started_at=float("inf")),
    "a step that took a negative time": set_in_step(worked_seconds=-1.0),
    "a step with half a letter": set_in_step(reason="\udfff"),
    "a step twice": a_step_twice,
    "a name that is a folder of another": with_files("run/a.json", "run/a.json/b.json"),
    "a long name of a file": with_file(f"run/{'a' * 300}.json"),
    "a name in other letters": with_file("run/Plan.json"),
    "a fitted strategy": with_file("run/prompting/fitted/prompting.json"),
    "an adapter": with_file("run/finetuning/fitted/adapter/adapter_config.json"),
    "adapters to go on from": with_file("run/start/start.json"),
    "a person's marks": with_file("run/marks.jsonl", b""),
    "a person's clicks": with_file("run/clicks.jsonl", b""),
    "a judge's ballots": with_file("run/ballots.jsonl", b""),
    "a line of the history": with_file("run/summary.json"),
    "where it is from": with_file("run/about.json"),
    "a kept answer": with_file("run/prompting/kept/trial.json"),
    "a person's clicks on the data": with_file("dataset/clicks.jsonl", b""),
    "documents of data without any": with_file("dataset/documents"),
    "a trial of no step": with_file("run/curves/prompting/x/trial.json"),
    "a trial without its answers": without_answers_of_a_trial,
    "a trial of another strategy": set_in_trial(strategy="../../elsewhere"),
    "a trial with a number beyond all": set_in_trial(fit_seconds=1e308),
    "a trial with no number": set_in_trial(settings={"rate": float("nan")}),
    "a trial with a huge number": set_in_trial(peak_memory_bytes=10**400),
    "a trial that is nested deeply": set_in_trial(settings={"deep": nested(200)}),
    "more than right": set_in_answer(score=7.0),
    "less than wrong": set_in_answer(score=-1.0),
    "no score": set_in_answer(score=float("nan")),
    "a negative time": set_in_answer(seconds=-5.0),
    "negative tokens": set_in_answer(tokens_in=-1),
    "an answer to no row": set_in_answer(example_id="nobody"),
    "a plan of a long model": set_in("run/plan.json", model="m" * 2_000),
    "a report that is no number": set_in("run/report.json", seed=float("inf")),
    "a report of no day": set_in("run/report.json", created_at="yesterday"),
    "an estimate that is nested deeply": with_file("run/estimate.json", b"[" * 100_000),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_file_is_refused_in_a_sentence_and_leaves_nothing(
    store: Store,
    run: StoredRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    forged: str,
) -> None:
    files = files_of(pack(store, run.id))
    FORGED[forged](files)
    (tmp_path / "run.zip").write_bytes(zipped(files.items()))
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "other"))
    other = Store()
    before = sorted(tmp_path.rglob("*"))
    assert main(["unpack", str(tmp_path / "run.zip")]) == 2
    said = capsys.readouterr().err
    assert said == "run.zip isn't a packed run, or it is damaged; get the file again from where it came.\n"
    left = [path for path in sorted(tmp_path.rglob("*")) if path not in before]
    assert all(path.is_dir() for path in left) and not any(other.home.glob("runs/*")) and not other.runs()


def test_what_fails_while_it_is_stored_leaves_nothing(
    store: Store, other: Store, run: StoredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack(store, run.id)

    def fail(*_: object) -> None:
        raise OverflowError

    with monkeypatch.context() as patched:
        patched.setattr(Store, "_insert_finished", fail)
        with pytest.raises(OverflowError):
            unpack(other, "run.zip", packed, "shared")
    assert not [*other.home.glob("runs/*"), *other.home.glob("datasets/*"), *other.runs()]
    assert unpack(other, "run.zip", packed, "shared").id == run.id


def test_a_process_that_is_killed_while_it_unpacks_leaves_no_run_of_ones_own(
    store: Store, other: Store, run: StoredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack(store, run.id)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "_insert_finished", lambda *_: None)  # as if killed before
        with pytest.raises(BadInput, match="No run begins with"):
            unpack(other, "run.zip", packed, "shared")
    assert other.run_folder(run.id).exists() and not other.runs()
    rebuild_database(other.home)
    assert [one.origin for one in Store(other.home).runs()] == ["shared"]
    Store(other.home).delete_run(run.id)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "_insert_finished", lambda *_: None)
        with pytest.raises(BadInput, match="No run begins with"):
            unpack(other, "run.zip", packed, "shared")
    assert unpack(Store(other.home), "run.zip", packed, "shared").origin == "shared"  # at the second attempt


def test_a_run_whose_origin_cannot_be_read_does_not_count_as_ones_own(
    store: Store, other: Store, run: StoredRun
) -> None:
    folder = unpack(other, "run.zip", pack(store, run.id), "shared")
    (other.run_folder(folder.id) / "about.json").write_text('{"name": "questions.csv", "created_at": null}')
    (other.run_folder(folder.id) / "report.json").unlink()
    (other.home / "threeways.sqlite").unlink()
    rebuild_database(other.home)
    (found,) = Store(other.home).runs()
    assert (found.origin, found.state) == ("shared", "done")  # nothing of it can be continued here


def test_a_run_of_ones_own_that_the_database_lacks_is_not_replaced(store: Store, run: StoredRun) -> None:
    packed, folder = pack(store, run.id), store.run_folder(run.id)
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute("DELETE FROM runs")
    before = sorted(folder.rglob("*"))
    with pytest.raises(BadInput, match="holds a run that the database lacks; get it back with"):
        unpack(store, "run.zip", packed, "shared")
    assert sorted(folder.rglob("*")) == before


def test_a_number_that_no_database_keeps_does_not_stop_a_repair(store: Store, run: StoredRun) -> None:
    steps = json.loads((store.run_folder(run.id) / "steps.json").read_bytes())
    steps[0]["total"] = 10**400
    (store.run_folder(run.id) / "steps.json").write_text(json.dumps(steps))
    (store.home / "threeways.sqlite").unlink()
    assert rebuild_database(store.home)[0] == 1
    assert len(Store(store.home).steps(run.id)) == len(steps) - 1


def test_a_run_from_elsewhere_is_not_continued_whatever_failed_in_it(
    store: Store, other: Store, run: StoredRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its plan may name the sender's server."""
    unpack(other, "run.zip", pack(store, run.id), "shared")
    other.save_step(StoredStep(run.id, "prompting", "failed", reason="It crashed."))
    monkeypatch.setenv("THREEWAYS_HOME", str(other.home))
    monkeypatch.chdir(other.home.parent)
    states: tuple[RunState, ...] = ("done", "cancelled", "stopped")
    for state in states:
        other.end_run(run.id, state)
        assert main(["resume", run.id]) == 2
        assert capsys.readouterr().err == (
            f"Run {run.id} was measured on another machine, so it can't be continued here; compare its data again.\n"
        )
        assert other.run(run.id).state == state and (other.run_folder(run.id) / "prompting" / "trial.json").exists()


def test_data_that_is_there_keeps_its_name(store: Store, run: StoredRun) -> None:
    files = files_of(pack(store, run.id))
    edit(files, "manifest.json", data_name="theirs.csv")
    store.delete_run(run.id)
    unpack(store, "run.zip", zipped(files.items()), "shared")
    names = json.loads((store.dataset_folder(run.dataset_id) / "names.json").read_bytes())
    assert names["name"] == store.dataset(run.dataset_id).name == "questions.csv"


def test_a_rendered_page_of_somebody_else_is_not_kept(store: Store, other: Store, run: StoredRun) -> None:
    files = files_of(pack(store, run.id))
    files["run/report.html"] = b"<script>alert(1)</script>"
    sign(files)
    unpack(other, "run.zip", zipped(files.items()), "shared")
    assert not (other.run_folder(run.id) / "report.html").exists()


@pytest.mark.parametrize("ended", [ValueError, KeyboardInterrupt])
def test_a_run_of_which_no_report_can_be_made_is_taken_back(
    store: Store,
    other: Store,
    run: StoredRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ended: type[BaseException],
) -> None:
    (tmp_path / "run.zip").write_bytes(pack(store, run.id))

    def fail(*_: object) -> None:
        raise ended(2)

    monkeypatch.setattr("advisor.command_line.packing.write_report_again", fail)
    with pytest.raises(BadInput if ended is ValueError else ended):
        unpack_run(other, tmp_path / "run.zip")
    assert not [*other.home.glob("runs/*"), *other.home.glob("datasets/*"), *other.runs()]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (escaping, "or it is damaged"),
        (absolute, "or it is damaged"),
        (changed, "or it is damaged"),
        (one_too_many, "or it is damaged"),
        (missing, "or it is damaged"),
        (under_another_id, "or it is damaged"),
        (named_like_a_path, "or it is damaged"),
        (of_another_run, "or it is damaged"),
        (at_a_cluster, "or it is damaged"),
        (of_a_later_version, "Another version of Threeways packed run.zip"),
        (with_a_later_report, "Another version of Threeways packed run.zip"),
        (with_code, "somebody's own code"),
    ],
)
def test_a_file_that_is_not_as_packed_is_refused_and_leaves_nothing(
    store: Store, other: Store, run: StoredRun, tmp_path: Path, change: Change, sentence: str
) -> None:
    files = files_of(pack(store, run.id))
    change(files)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match=sentence):
        unpack(other, "run.zip", zipped(files.items()), "shared")
    assert sorted(tmp_path.rglob("*")) == before and not other.runs()


def test_what_is_no_archive_or_a_broken_one_is_refused(store: Store, other: Store, run: StoredRun) -> None:
    packed = pack(store, run.id)
    middle = len(packed) // 2
    broken = packed[:middle] + bytes(64) + packed[middle + 64 :]
    for content in (b"", b"PK\x03\x04", packed[:-100], broken, zipped([("manifest.json", b"[" * 100_000)])):
        with pytest.raises(BadInput, match="or it is damaged"):
            unpack(other, "run.zip", content, "shared")


def test_an_archive_that_unpacks_to_too_much_is_refused(
    store: Store, other: Store, run: StoredRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = pack(store, run.id)
    monkeypatch.setattr("advisor.storage.packed._MOST_UNPACKED_BYTES", 10_000)
    with pytest.raises(BadInput, match="larger than a packed run can be"):
        unpack(other, "run.zip", packed, "shared")


def test_the_command_line_shares_a_run(
    store: Store,
    other: Store,
    run: StoredRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "run.zip"
    monkeypatch.setenv("THREEWAYS_HOME", str(store.home))
    assert main(["pack", run.id, str(file)]) == 0
    files = files_of(file.read_bytes())
    files["run/report.html"] = b"<script>alert(1)</script>"
    sign(files)
    file.write_bytes(zipped(files.items()))
    monkeypatch.setenv("THREEWAYS_HOME", str(other.home))
    assert main(["unpack", str(file)]) == 0
    report = store.report(run.id)
    assert report is not None and report.recommendation.headline in " ".join(capsys.readouterr().out.split())
    assert other.report(run.id) == report
    assert b"alert(1)" not in (other.run_folder(run.id) / "report.html").read_bytes()
    assert main(["unpack", str(tmp_path / "gone.zip")]) == 2
    assert "check the path" in capsys.readouterr().err


def test_a_device_or_a_pipe_is_not_replaced(
    store: Store, run: StoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For root, /dev/null would become a file, for the whole machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setenv("THREEWAYS_HOME", str(store.home))
    assert main(["pack", run.id, str(pipe)]) == 2
    said = f"The packed run can't be written to {pipe} (Not a regular file); choose another file.\n"
    assert capsys.readouterr().err == said and pipe.is_fifo()


def test_the_shipped_sample_is_of_this_version_and_is_what_its_answers_say(other: Store) -> None:
    assert SAMPLE_REPORT.stat().st_size <= 400_000
    run = open_sample(other)
    shipped = other.report(run.id)
    stored = json.loads((other.run_folder(run.id) / "report.json").read_bytes())
    assert shipped is not None and stored["schema"] == SCHEMA and shipped.versions[SCORE_VERSION] == VERSION, _REMAKE
    derived = write_report_again(other, run)
    (words, numbers), (shipped_words, shipped_numbers) = (leaves(REPORT.plain(one)) for one in (derived, shipped))
    assert words == shipped_words, _REMAKE
    assert numbers == pytest.approx(shipped_numbers, rel=1e-6, abs=1e-9), _REMAKE


def test_the_sample_is_unpacked_once_can_be_deleted_and_replaces_that_of_an_earlier_version(
    store: Store, run: StoredRun
) -> None:
    earlier = unpack_as_sample(store, run)
    sample = open_sample(store)
    assert open_sample(store) == sample and [one.id for one in store.runs()] == [sample.id] != [earlier.id]
    store.delete_run(sample.id)
    assert not store.runs() and open_sample(store) == sample


_REMAKE = "remake the sample report: make sample-report"


def unpack_as_sample(store: Store, run: StoredRun) -> StoredRun:
    packed = pack(store, run.id)
    store.delete_run(run.id)
    return unpack(store, "sample.zip", packed, "sample")


def files_of(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sign(files: dict[str, bytes]) -> None:
    """The manifest with the hashes of the files as they are now."""
    edit(files, "manifest.json", files={n: sha256(c).hexdigest() for n, c in files.items() if n != "manifest.json"})


def sign_trial(files: dict[str, bytes], folder: str) -> None:
    """The trial's own manifest, and that of the run."""
    named = json.loads(files[f"{folder}/manifest.json"])
    edit(files, f"{folder}/manifest.json", **{name: sha256(files[f"{folder}/{name}"]).hexdigest() for name in named})


def edit(packed: dict[str, bytes], name: str, **changes: Any) -> None:
    packed[name] = json.dumps(json.loads(packed[name]) | changes).encode()
    if name != "manifest.json":
        sign(packed)


def rename(files: dict[str, bytes], name: str, to: str) -> None:
    files[to] = files.pop(name)
    sign(files)


def leaves(value: Any) -> tuple[dict[str, Any], dict[str, float]]:
    """The words and the numbers of a JSON, each by its path: numbers may be rounded in other ways elsewhere."""
    found = by_path(value)
    numbers = {path: leaf for path, leaf in found.items() if isinstance(leaf, int | float)}
    return {path: leaf for path, leaf in found.items() if path not in numbers}, numbers


def by_path(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {key: leaf for name, each in value.items() for key, leaf in by_path(each, f"{path}/{name}").items()}
    if isinstance(value, list | tuple):
        return {key: leaf for at, each in enumerate(value) for key, leaf in by_path(each, f"{path}/{at}").items()}
    return {path: value}
