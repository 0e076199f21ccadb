"""A finished run in one file: what is in it, what comes out, and what is refused."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from advisor.command_line.commands import main
from advisor.runs.report_files import write_report_again
from advisor.samples import SAMPLE_REPORT, zipped
from advisor.schema import REPORT, SCHEMA, SCORE_VERSION
from advisor.storage.clicks import write_clicks
from advisor.storage.packed import open_sample, pack, unpack
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.trial_files import read_trials
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
